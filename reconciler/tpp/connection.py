"""Connections that know whether they have sent anything, and that bound a whole answer in time.

The classes here are hooks of urllib3, which is why they inherit: its pools make these connections.
"""

import contextlib
import http.client
import io
import select
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from reconciler.tpp.bounded import BoundedReader, deadline_of
from reconciler.tpp.usual_http import MOST_HEADS, Head, learn, usual_answer

_PIECE = 1 << 14
"""Bytes; most answers are whole in one piece of this size."""
Heads = dict[tuple[str, str], tuple[Mapping[str, str], Head]]
"""What was learnt of the calls to a method and target: the headers that they had, and how they begin."""
_IDLE_LIMIT = 60.0
"""Seconds after which an unused connection is closed rather than used again: IIS closes at 120, balancers earlier."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a TLS connection: protocol version, and the certificate's issuer and end (UTC)."""

    version: str
    issuer: str
    expires_at: datetime


class _Call(threading.local):
    sent = False
    peer: Peer | None = None


_this_call = _Call()


def start_call() -> None:
    """Forget what this thread sent before."""
    _this_call.sent = False


def has_sent() -> bool:
    """Say whether a byte of this thread's current request was handed to a connected socket."""
    return _this_call.sent


def last_peer() -> Peer | None:
    """Return whom this thread last shook hands with over TLS, None when it never did."""
    return _this_call.peer


def _peer_of(sock: ssl.SSLSocket) -> Peer | None:
    certificate = sock.getpeercert()
    if not certificate:
        return None
    issuer: Any = certificate.get("issuer", ())
    names = {name: value for part in issuer for name, value in part}
    expires_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    return Peer(sock.version() or "TLS", names.get("commonName") or names.get("organizationName", "?"), expires_at)


class _Begun:
    """As much of a socket as http.client needs to read a response from it, the beginning of which is here."""

    def __init__(self, reader: Any) -> None:  # noqa: ANN401 - an io.BufferedReader
        self._reader = reader

    def makefile(self, _mode: str) -> Any:  # noqa: ANN401 - an io.BufferedReader
        return self._reader


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - http.client's signature
        begun = sock if isinstance(sock, _Begun) else _Begun(io.BufferedReader(BoundedReader(sock, deadline_of(sock))))
        super().__init__(begun, *args, **kwargs)  # type: ignore[arg-type]


class Watched(HTTPConnection):
    """Notes what is sent, and drops connections that were idle for so long that the server may be closing them.

    Head and body of a request leave in one piece, where http.client sends two: one system call and TLS record less.
    A request that was made before with another body takes a short way, and so does a usual answer to it.
    """

    response_class = _Response
    _used_at = 0.0
    _gathered: list[bytes] | None = None
    _poller: Any = None
    """Knows whether there is something to read, where the platform has poll()."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's signature
        """Begin without a socket."""
        super().__init__(*args, **kwargs)
        self.heads: Heads = {}

    def connect(self) -> None:
        """Connect, of which nothing counts as sent."""
        gathered, self._gathered = self._gathered, None
        self._poller = None
        try:
            super().connect()
        finally:
            self._gathered = gathered
            _this_call.sent = False  # what asked a proxy for a tunnel was no part of the request
        if hasattr(select, "poll"):
            self._poller = select.poll()
            self._poller.register(self.sock, select.POLLIN)

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's signature
        """Send a request in one piece, and learn from it how to say it again."""
        self._gathered = []
        try:
            super().request(method, url, body=body, headers=headers, **kwargs)
            request = b"".join(self._gathered)
        finally:
            self._gathered = None
        if isinstance(body, bytes) and (learnt := learn(request, body)) is not None:
            if len(self.heads) >= MOST_HEADS:
                self.heads.clear()
            self.heads[method, url] = dict(headers), learnt
        self.send(request)

    def ask_again(self, method: str, url: str, request: bytes) -> Any:  # noqa: ANN401 - a Reply, or urllib3's response
        """Send a request that was learnt over the connection as it stands, and return the answer."""
        sock: Any = self.sock
        if sock.gettimeout() != self.timeout:
            sock.settimeout(self.timeout)
        _this_call.sent = True
        self._used_at = time.monotonic()
        # the server may have answered before it closed, and urlopen() looks for that, too
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(request)
        until = deadline_of(sock)
        begun = sock.recv(_PIECE)
        answer = usual_answer(begun)
        if answer is not None:
            return answer
        return self._unusual(_Begun(io.BufferedReader(BoundedReader(sock, until, begun))), method, url)

    def _unusual(self, begun: _Begun, method: str, url: str) -> urllib3.HTTPResponse:
        """Read an answer as urllib3 does, which has no door for a response that has begun."""
        response = _Response(begun, method=method)
        try:
            response.begin()
        except BaseException:
            response.close()
            raise
        if response.will_close:
            self.close()
        return urllib3.HTTPResponse(
            body=response,
            headers=urllib3.HTTPHeaderDict(response.msg.items()),
            status=response.status,
            version=response.version,
            reason=response.reason,
            preload_content=False,
            decode_content=False,
            original_response=response,
            request_method=method,
            request_url=url,
        )

    def send(self, data: Any) -> None:  # noqa: ANN401 - http.client's signature
        """Send what http.client has spelled, or keep it until the request is whole."""
        if self._gathered is not None:
            self._gathered.append(data)
            return
        if self.sock is None:
            self.connect()
        _this_call.sent = True
        self._used_at = time.monotonic()
        super().send(data)

    @property
    def is_connected(self) -> bool:
        """Whether the connection is fit for a request: not idle for long, not closed, and nothing unasked came."""
        if self.sock is None or time.monotonic() - self._used_at >= _IDLE_LIMIT:
            return False
        return super().is_connected if self._poller is None else not self._poller.poll(0)


class WatchedTls(Watched, HTTPSConnection):
    """The same over TLS; it notes who was at the other end."""

    def connect(self) -> None:
        """Connect, and note who answers."""
        super().connect()
        if isinstance(self.sock, ssl.SSLSocket):
            _this_call.peer = _peer_of(self.sock)
