"""One request to TPP and its answer, by requests: no redirects, no retries, no meaning.

A failure says whether the request can have reached the server. An answer belongs to its request or counts as none: an
interim answer, a second one, bytes behind it or a broken frame end the connection.
"""

import http.client
import io
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from reconciler._version import __version__
from reconciler.errors import ServerFailure
from reconciler.model.server_url import InvalidServerUrl, ServerUrl, parse_server_url
from reconciler.model.settings import Tls
from reconciler.ports import GLANCE, Deadline
from reconciler.tpp.redaction import one_line
from reconciler.tpp.tls import tls_context
from reconciler.tpp.wire import LARGEST_ANSWER


def parse_address(text: str | None) -> ServerUrl:
    """Read the configured base URL. Raises ServerFailure where there is none or parse_server_url refuses it."""
    if not text:
        raise ServerFailure("no server is configured", "set `server:` in reconciler.yaml, or TPP_URL")
    try:
        return parse_server_url(text)
    except InvalidServerUrl as error:
        raise ServerFailure(error.message, error.hint) from None


PLAIN_HEADERS: Mapping[str, str] = {
    "User-Agent": f"tpp-reconciler/{__version__}",
    "Accept": "application/json",
    "Content-Type": "application/json",
}
"""The headers of a call without a token."""

_PIECE = 1 << 16
_NO_LIMIT = 3600.0
_IDLE_LIMIT = 60.0
"""Seconds after which an unused connection is not used again: IIS closes at 120, balancers earlier."""


class FailureKind(StrEnum):
    """Where an exchange failed."""

    CONNECT = "connect"
    TRUST = "trust"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class TransportFailure:
    """No answer, and what to do. `sent` is False only with proof that the server has not got the request: no
    connection was made.
    """

    why: str
    kind: FailureKind
    sent: bool
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a TLS connection: protocol version, and the certificate's issuer and end (UTC)."""

    version: str
    issuer: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came. Header names are compared without case; `peer` is known when a connection was made."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    peer: Peer | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to make a connection, and for the whole answer from its first awaited byte to its last.

    `deadline` ends the wait for an answer, too, also when it comes nearer meanwhile.
    """

    connect: float
    read: float
    deadline: Deadline | None = None


class Transport:
    """The connections to one server. Thread-safe; `size` of them are kept."""

    def __init__(self, address: ServerUrl, tls: Tls, size: int) -> None:
        """Configure TLS and proxy once. Raises ServerFailure for unusable TLS files, URLs or proxy variables."""
        self.peer: Peer | None = None
        """The other end of the newest connection, as its certificate names it; None without TLS."""
        self._base = str(address)
        self._where = f"{address.host}:{address.port}"
        secure = address.scheme == "https"
        self._context = tls_context(tls) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._proxies = get_environ_proxies(address.origin) if secure else {}
        self._kept = _Adapter(self._context, size)
        self._check()

    def _check(self) -> None:
        try:
            self._kept.get_connection_with_tls_context(
                requests.Request("GET", self._base).prepare(), verify=True, proxies=self._proxies
            )
        except requests.exceptions.InvalidURL as error:
            if isinstance(error, requests.exceptions.InvalidProxyURL):
                raise _unusable_proxy() from None
            why = f"{self._base} is not the URL of a server: {one_line(str(error))}"
            raise ServerFailure(why, "write it like https://tpp.example.com") from None
        except Exception:  # noqa: BLE001 - urllib3 refuses proxies by exceptions that are no requests.RequestException
            raise _unusable_proxy() from None

    def __enter__(self) -> Self:
        """Return the transport, whose connections are closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self._kept.close()

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeouts: Timeouts,
        *,
        alone: bool = False,
    ) -> Reply | TransportFailure:
        """Send one request to this server and nowhere else.

        `alone` gives it a connection that is used for nothing before and after, so that no answer of another request
        can be taken for its own, and so that a failed connection proves that nothing was sent.
        """
        attempt = _current.attempt = _Attempt(timeouts.deadline)
        adapter = _Adapter(self._context, 1) if alone else self._kept
        if alone:
            headers = {**headers, "Connection": "close"}
        try:
            request = requests.Request(method, self._base + path, headers=headers, data=body).prepare()
            limits = (timeouts.connect, timeouts.read)
            with adapter.send(request, stream=True, timeout=limits, verify=True, proxies=self._proxies) as response:
                reply = _read(response, attempt)
        except (requests.RequestException, OSError, http.client.HTTPException, ValueError) as error:
            return self._failure(error, attempt)
        finally:
            if alone:
                adapter.close()
        if reply is None or attempt.stray:
            cause = "it was no single, whole answer to this request"
            why = _WORDS[FailureKind.BROKEN].format(where=self._where, cause=cause)
            return TransportFailure(why, FailureKind.BROKEN, sent=True)
        self.peer = reply.peer or self.peer
        return reply

    def _failure(self, error: BaseException, attempt: "_Attempt") -> TransportFailure:
        kind = _kind(error, sent=attempt.sent)
        return TransportFailure(
            _WORDS[kind].format(where=self._where, cause=_cause(error)), kind, attempt.sent, _hint(error, kind)
        )


def _read(response: requests.Response, attempt: "_Attempt") -> Reply | None:
    """Read an answer, at most a byte more than the largest; None when its beginning shows that it is none."""
    if response.status_code < 200 or not _is_framed(response.raw.headers):
        attempt.spoil()
        return None
    body = bytearray()
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > LARGEST_ANSWER:
            break
    oversize = len(body) > LARGEST_ANSWER
    if oversize:
        attempt.complete = False
    return Reply(response.status_code, response.headers, bytes(body[: LARGEST_ANSWER + 1]), attempt.peer)


def _is_framed(headers: Any) -> bool:  # noqa: ANN401 - urllib3's headers
    """Whether it is certain where the answer ends: HTTP software disagrees about the rest (RFC 9112, 6.3)."""
    lengths = headers.getlist("Content-Length")
    if len(lengths) > 1 or not all(each.isascii() and each.strip().isdigit() for each in lengths):
        return False
    return not (lengths and headers.getlist("Transfer-Encoding"))


def _unusable_proxy() -> ServerFailure:
    return ServerFailure("the proxy of the environment can't be used", "check HTTPS_PROXY, ALL_PROXY and NO_PROXY")


_WORDS = {
    FailureKind.CONNECT: "could not connect to {where}: {cause}",
    FailureKind.TRUST: "the certificate of {where} is not trusted: {cause}",
    FailureKind.TIMEOUT: "{where} did not answer in time",
    FailureKind.DEADLINE: "the run's deadline has passed",
    FailureKind.BROKEN: "the connection to {where} broke before the answer was complete: {cause}",
}


_HINTS = {
    FailureKind.CONNECT: "check the URL, the network, and HTTPS_PROXY and NO_PROXY",
    FailureKind.TRUST: "name the CA of the server in tls.ca_bundle or TPP_CA_BUNDLE",
    FailureKind.TIMEOUT: "the server is slow or starting; try again, or raise requests.read_timeout",
}
_OTHER_NAME = "write the URL with a name that the certificate has, or have the certificate reissued with this one"
_OF_CERTIFICATES = {
    9: "check this machine's clock: the certificate is not valid yet",
    10: "have the server's certificate renewed, if this machine's clock is right",
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
"""By the codes of OpenSSL (x509_vfy.h): not yet valid, expired, other host name, other address."""


def _hint(error: BaseException, kind: FailureKind) -> str:
    codes = [each.verify_code for each in _chain(error) if isinstance(each, ssl.SSLCertVerificationError)]
    return next((_OF_CERTIFICATES[code] for code in codes if code in _OF_CERTIFICATES), _HINTS.get(kind, ""))


def _kind(error: BaseException, *, sent: bool) -> FailureKind:
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error)):
        return FailureKind.TRUST
    if not sent:
        return FailureKind.CONNECT
    if any(isinstance(each, TimeoutError | requests.Timeout) for each in _chain(error)):
        return FailureKind.TIMEOUT
    return FailureKind.BROKEN


def _cause(error: BaseException) -> str:
    """Name the innermost cause in words; the texts of the library are full of addresses of objects."""
    chain = _chain(error)
    for each in reversed(chain):
        if isinstance(each, ssl.SSLCertVerificationError):
            return one_line(each.verify_message)
        if isinstance(each, ssl.SSLError):
            return one_line(f"TLS: {(each.reason or 'handshake failed').lower().replace('_', ' ')}")
        if isinstance(each, TimeoutError | requests.ConnectTimeout):
            return "timed out"
        if isinstance(each, OSError) and not isinstance(each, requests.RequestException):
            return one_line(each.strerror or str(each) or type(each).__name__)
    return one_line(type(chain[-1]).__name__)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is not None and each not in chain:
            chain.append(each)
            parts = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
            todo += [part for part in parts if isinstance(part, BaseException)]
    return chain


# What follows hooks into requests, and through it into the connections that urllib3 makes.


@dataclass(slots=True, eq=False)
class _Attempt:
    """What is known of one exchange while it goes on."""

    deadline: Deadline | None = None
    sent: bool = False
    stray: bool = False
    complete: bool = True
    peer: Peer | None = None
    connection: "_Connection | None" = None

    def spoil(self) -> None:
        """Have the connection closed instead of used again."""
        if self.connection is not None:
            self.connection.spoiled = True


class _Current(threading.local):
    attempt = _Attempt()


_current = _Current()


class _Adapter(HTTPAdapter):
    """Connections with our TLS settings, the only source of trust: not the environment's, and not certifi's."""

    def __init__(self, context: ssl.SSLContext, size: int) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=size, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **rest: Any) -> None:  # noqa: ANN401 - requests' signature
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context, **rest)

    def proxy_manager_for(self, proxy: str, **rest: Any) -> Any:  # noqa: ANN401 - requests' signature
        return super().proxy_manager_for(proxy, ssl_context=self._context, proxy_ssl_context=self._context, **rest)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[Any, Any]:  # noqa: ANN401 - requests' signature
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ANN401 - requests' signature
        """Add no authorities to those of the context."""

    def get_connection_with_tls_context(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - requests' signature
        pool: Any = super().get_connection_with_tls_context(*arguments, **named)
        if not issubclass(pool.ConnectionCls, _Connection):
            pool.ConnectionCls = type("Connection", (_Connection, pool.ConnectionCls), {})
        return pool


class _Connection:
    """Mixed into a connection of urllib3: notes what is sent on it, and tells when it is not fit for a request."""

    spoiled = False
    sock: Any
    _used_at = 0.0

    class _Response(http.client.HTTPResponse):
        """Reads through an _Answer."""

        def __init__(self, sock: Any, *args: Any, **named: Any) -> None:  # noqa: ANN401 - http.client's signature
            super().__init__(sock, *args, **named)
            self.fp = _Answer(_Incoming(self.fp.detach(), sock, _current.attempt))

    response_class = _Response

    def connect(self) -> None:
        """Connect, of which nothing counts as sent: neither what asks a proxy for a tunnel nor a TLS handshake."""
        attempt = _current.attempt
        try:
            super().connect()  # type: ignore[misc]
        finally:
            attempt.sent = False
        self.spoiled = False
        if isinstance(self.sock, ssl.SSLSocket):
            attempt.peer = _peer_of(self.sock)

    def send(self, data: Any) -> None:  # noqa: ANN401 - http.client's signature
        """Send. From its first byte on the request may have reached the server."""
        if self.sock is None:
            self.connect()
        _current.attempt.sent = True
        _current.attempt.connection = self
        self._used_at = time.monotonic()
        super().send(data)  # type: ignore[misc]

    @property
    def is_connected(self) -> bool:
        """Whether a request may be sent: nothing unasked came, it was not idle for long, and nobody closed it."""
        if self.spoiled or (self.sock is not None and time.monotonic() - self._used_at >= _IDLE_LIMIT):
            return False
        return bool(super().is_connected)  # type: ignore[misc]


class _Incoming(io.RawIOBase):
    """The bytes of one answer, of which all have to come in time: a server can't stretch it by trickling."""

    def __init__(self, raw: Any, sock: Any, attempt: _Attempt) -> None:  # noqa: ANN401 - an io.SocketIO and its socket
        self._raw, self.sock, self.attempt = raw, sock, attempt
        self.limit: float | None = sock.gettimeout()
        self._until = time.monotonic() + (self.limit or _NO_LIMIT)
        self.waits = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        if not self.waits:
            self.sock.settimeout(0.0)
            there: int | None = self._raw.readinto(buffer)
            return there
        while (left := self._left()) > 0:
            self.sock.settimeout(min(left, GLANCE))
            with suppress(TimeoutError):  # not through self._raw, which reads no more once it timed out
                count: int = self.sock.recv_into(buffer)
                return count
        raise TimeoutError("timed out")

    def _left(self) -> float:
        own, deadline = self._until - time.monotonic(), self.attempt.deadline
        return own if deadline is None else min(own, deadline.left())

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Answer(io.BufferedReader):
    """One answer. When it has been read, whatever else is there is no part of it."""

    raw: _Incoming

    def close(self) -> None:
        if not self.closed:
            self._look_behind()
        super().close()

    def _look_behind(self) -> None:
        incoming = self.raw
        with suppress(OSError, ValueError):  # nothing more has come, which is as it should be
            incoming.waits = False
            if self.peek(1) and incoming.attempt.complete:
                incoming.attempt.stray = True
                incoming.attempt.spoil()
        with suppress(OSError, ValueError):
            incoming.sock.settimeout(incoming.limit)


def _peer_of(sock: ssl.SSLSocket) -> Peer | None:
    certificate = sock.getpeercert()
    if not certificate:
        return None
    issuer: Any = certificate.get("issuer", ())
    names = {name: value for part in issuer for name, value in part}
    expires_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    return Peer(sock.version() or "TLS", names.get("commonName") or names.get("organizationName", "?"), expires_at)
