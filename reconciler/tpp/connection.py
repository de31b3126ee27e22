"""Connections that know whether they have sent anything, and that bound a whole answer in time.

The classes here are hooks of requests and urllib3, which is why they inherit: requests configures proxies and TLS
once, and its own pools make these connections.
"""

import http.client
import io
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

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


class _BoundedReader(io.RawIOBase):
    """Reads from a socket until a point in time, so that a server can't stretch an answer by trickling it."""

    def __init__(self, sock: Any) -> None:  # noqa: ANN401 - socket, SSLSocket or urllib3's SSLTransport
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        limit = sock.gettimeout()
        self._until = None if limit is None else time.monotonic() + limit
        self._read_before = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        if self._read_before and self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        self._read_before = True  # the first read has the socket's own limit, and is mostly the last
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _BoundedSocket:
    """As much of a socket as http.client needs to read a response from it."""

    def __init__(self, sock: Any) -> None:  # noqa: ANN401 - socket, SSLSocket or urllib3's SSLTransport
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self._sock))


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - http.client's signature
        super().__init__(_BoundedSocket(sock), *args, **kwargs)  # type: ignore[arg-type]


class _Watched(HTTPConnection):
    """Notes what is sent, and drops connections that were idle for so long that the server may be closing them.

    Head and body of a request leave in one piece, where http.client sends two: one system call and TLS record less.
    """

    response_class = _Response
    _used_at = 0.0
    _gathered: list[bytes] | None = None

    def connect(self) -> None:
        gathered, self._gathered = self._gathered, None
        try:
            super().connect()
        finally:
            self._gathered = gathered
            _this_call.sent = False  # what asked a proxy for a tunnel was no part of the request

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's signature
        self._gathered = []
        try:
            super().request(*args, **kwargs)
            gathered = self._gathered
        finally:
            self._gathered = None
        self.send(b"".join(gathered))

    def send(self, data: Any) -> None:  # noqa: ANN401 - http.client's signature
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
        return time.monotonic() - self._used_at < _IDLE_LIMIT and super().is_connected


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS; it notes who was at the other end."""

    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, ssl.SSLSocket):
            _this_call.peer = _peer_of(self.sock)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


_POOLS = {"http": _PlainPool, "https": _TlsPool}


class _Adapter(HTTPAdapter):
    """Gives requests our TLS settings and our connections."""

    def __init__(self, context: ssl.SSLContext, size: int) -> None:
        self._context = context
        super().__init__(pool_connections=2, pool_maxsize=size, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **rest: Any) -> None:  # noqa: ANN401, FBT
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context, **rest)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def build_connection_pool_key_attributes(
        self,
        request: requests.PreparedRequest,
        verify: Any,  # noqa: ANN401 - requests' signature
        cert: Any = None,  # noqa: ANN401 - requests' signature
    ) -> tuple[Any, Any]:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"cert_reqs": "CERT_REQUIRED"}  # what is trusted stands in our context alone

    def proxy_manager_for(self, proxy: str, **rest: Any) -> urllib3.ProxyManager:  # noqa: ANN401 - requests' signature
        manager: urllib3.ProxyManager = super().proxy_manager_for(
            proxy, ssl_context=self._context, proxy_ssl_context=self._context, **rest
        )
        manager.pool_classes_by_scheme = _POOLS
        return manager


def open_pool(origin: str, context: ssl.SSLContext, size: int, *, proxied: bool) -> tuple[requests.Session, Any]:
    """Let requests work out proxies (NO_PROXY included) for one origin, and return its session and urllib3 pool.

    The context is the only source of trust: `verify` never comes from the environment (requests would let
    REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE replace it). Raises requests.RequestException for a malformed proxy URL.
    """
    session = requests.Session()
    adapter = _Adapter(context, size)
    session.mount(origin, adapter)
    asked = requests.Request("POST", origin).prepare()
    proxies = dict(session.merge_environment_settings(origin, {}, False, None, None)["proxies"]) if proxied else {}
    return session, adapter.get_connection_with_tls_context(asked, verify=True, proxies=proxies)
