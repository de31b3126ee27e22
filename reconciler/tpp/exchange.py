"""One HTTP exchange: a request, and the answer or what is known of the failure. No retries, no meaning."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

import urllib3
from urllib3 import exceptions as broken
from urllib3.util.retry import Retry

from reconciler._version import __version__
from reconciler.model.settings import Tls
from reconciler.tpp.address import Address
from reconciler.tpp.connection import has_sent, start_call
from reconciler.tpp.excerpt import neutral
from reconciler.tpp.pool import open_pool
from reconciler.tpp.tls import tls_context
from reconciler.tpp.usual_http import Reply
from reconciler.tpp.wire import LARGEST_ANSWER

USER_AGENT = f"tpp-reconciler/{__version__}"
_NO_RETRIES = Retry(total=False, redirect=False)
_FAILURES = (broken.HTTPError, http.client.HTTPException, OSError, ValueError)


class Breach(StrEnum):
    """Where an exchange broke."""

    CONNECT = "connect"
    TRUST = "trust"
    TIMEOUT = "timeout"
    RESET = "reset"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Broken:
    """No answer. `sent` is False only when no byte of the request can have left this machine."""

    why: str
    breach: Breach
    sent: bool


class Exchange:
    """The connections to one server. Thread-safe; `size` calls can be under way at once."""

    def __init__(self, address: Address, tls: Tls, size: int) -> None:
        """Configure TLS and proxy once. Raises ServerFailure for unusable TLS files or proxy variables."""
        self._address = address
        secure = address.scheme == "https"
        context = tls_context(tls) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._pool = open_pool(address.origin, context, size, proxied=secure)

    def __enter__(self) -> Self:
        """Hand out the connections."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self._pool.close()

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, timeout: urllib3.Timeout
    ) -> Reply | Broken:
        """Send one request to this server and nowhere else: redirects are answers, not orders.

        The read time-out bounds the whole answer, not only the silence between two of its bytes.
        """
        start_call()
        try:
            target = self._address.prefix + path
            again = self._pool.call_again(method, target, body, headers, timeout.read_timeout)
            if again is None:
                again = self._pool.urlopen(
                    method,
                    target,
                    body=body,
                    headers=headers,
                    retries=_NO_RETRIES,
                    redirect=False,
                    assert_same_host=False,
                    timeout=timeout,
                    preload_content=False,
                    decode_content=False,
                )
            return again if isinstance(again, Reply) else _read(again)
        except _FAILURES as error:
            return self._broken(error)

    def _broken(self, error: BaseException) -> Broken:
        sent = has_sent()
        breach = _breach(error, sent)
        where = f"{self._address.host}:{self._address.port}"
        return Broken(_WORDS[breach].format(where=where, cause=_cause(error)), breach, sent)


def _read(response: urllib3.BaseHTTPResponse) -> Reply:
    try:
        body = response.read(LARGEST_ANSWER + 1)
    except BaseException:
        response.close()
        raise
    if len(body) > LARGEST_ANSWER:
        response.close()
    else:
        response.release_conn()
    return Reply(response.status, response.headers, body)


_WORDS = {
    Breach.CONNECT: "could not connect to {where}: {cause}",
    Breach.TRUST: "the certificate of {where} is not trusted: {cause}",
    Breach.TIMEOUT: "{where} did not answer in time",
    Breach.DEADLINE: "the run's deadline has passed",
    Breach.RESET: "the connection to {where} broke before the answer was complete: {cause}",
}


def _breach(error: BaseException, sent: bool) -> Breach:
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error)):
        return Breach.TRUST
    if not sent:
        return Breach.CONNECT
    if any(isinstance(each, TimeoutError | broken.TimeoutError) for each in _chain(error)):
        return Breach.TIMEOUT
    return Breach.RESET


def _cause(error: BaseException) -> str:
    """Name the innermost cause in words; urllib3's own texts are full of addresses of objects."""
    for each in reversed(_chain(error)):
        if isinstance(each, ssl.SSLCertVerificationError):
            return neutral(each.verify_message)
        if isinstance(each, ssl.SSLError):
            return neutral(f"TLS: {(each.reason or 'handshake failed').lower().replace('_', ' ')}")
        if isinstance(each, TimeoutError | broken.ConnectTimeoutError):
            return "timed out"
        if isinstance(each, OSError) and not isinstance(each, broken.HTTPError):
            return neutral(each.strerror or str(each) or type(each).__name__)
    return neutral(type(_chain(error)[-1]).__name__)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is not None and each not in chain:
            chain.append(each)
            todo += [part for part in (each.__cause__, each.__context__, *each.args) if isinstance(part, BaseException)]
    return chain
