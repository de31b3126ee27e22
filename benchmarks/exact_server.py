"""The sandbox's world behind a server of the benchmarks' own, whose answers take exactly the latency asked for.

What is measured is how close a client comes to what the latency alone costs, so the server must be neither slow nor
late. It takes requests as clients send them that keep their connections: HTTP/1.1, a Content-Length, one at a time.
Everything else about a call is the sandbox's own code.
"""

import asyncio
import re
import select
import selectors
import signal
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from reconciler.sandbox.platform import Incoming, Platform, Route, execute, hashed_bearer
from reconciler.sandbox.routes import find_route
from reconciler.sandbox.wire import Response

_REQUEST = re.compile(rb"(GET|POST) (/[!-~]+) HTTP/1\.1\r\n")
_HEADER = re.compile(rb"\r\n([A-Za-z0-9-]+): ?([!-~](?:[ -~]*[!-~])?)(?=\r\n|$)")
_GOLDEN = (5**0.5 - 1) / 2
_HIGHEST_FILE = 1024
"""What select() takes, exclusively."""
_FAR = 0.01
_EARLY = 0.002


@dataclass(slots=True)
class Latency:
    """How long a call takes from request to answer: `seconds` on average, up to a twentieth more or less.

    Calls that all took the same would never come apart again once they came together, and would wait for each
    other in front of us, as no calls that cross a network do.
    """

    seconds: float = 0.0
    _turn: float = 0.0
    _late: float = 0.0

    def next(self) -> float:
        """Return the seconds of the next call. They spread evenly, and the same way every time."""
        self._turn = (self._turn + _GOLDEN) % 1.0
        return self.seconds * (0.95 + self._turn / 10)

    def early(self, due: float) -> float:
        """Return when to begin with an answer that is due at a moment: earlier by what answers were late so far."""
        return due - self._late

    def answered(self, late: float, others: int) -> None:
        """Learn from an answer that was late by some seconds; the less, the more `others` will say the same."""
        self._late += max(-self.seconds, min(late, self.seconds)) / (20 + 4 * others)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request: what it asks for, with whose token, and how long its body is."""

    route: Route
    hashed: str | None
    length: int
    rest: str = ""
    query: tuple[tuple[str, str], ...] = ()


@lru_cache(maxsize=512)
def read_head(head: bytes) -> Head:
    """Read a head, without the empty line at its end. Raises ValueError for one that no client here sends."""
    request = _REQUEST.match(head + b"\r\n")
    values = {name.lower(): value.decode("ascii") for name, value in _HEADER.findall(head)}
    url = urlsplit(request[2].decode("ascii")) if request else urlsplit("")
    route, rest = find_route(unquote(url.path))
    if request is None or route is None or b"transfer-encoding" in values:
        raise ValueError(f"the server of the benchmarks does not take this request: {head[:80]!r}")
    hashed, length = hashed_bearer(values.get(b"authorization", "")), int(values.get(b"content-length", "0"))
    return Head(route, hashed, length, rest, tuple(parse_qsl(url.query, keep_blank_values=True)))


class Server:
    """What all connections share."""

    def __init__(self, tpp: Platform, latency: Latency) -> None:
        self.tpp = tpp
        self.latency = latency
        self.waiting = 0

    def answer(self, head: Head, body: bytes) -> bytes:
        """Execute a call and spell its answer."""
        reply = _at_once(execute(self.tpp, head.route, Incoming(head.hashed, body, rest=head.rest, query=head.query)))
        return _spell(reply, format_datetime(self.tpp.clock.now().replace(microsecond=0), usegmt=True))


class Connection(asyncio.Protocol):
    """Answers one request after the other, each when it is due."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, end, body = self._held.partition(b"\r\n\r\n")
        if not end:
            return
        known = read_head(head)
        if len(body) < known.length:
            return
        self._held = b""
        latency = self._server.latency
        if not latency.seconds:
            self._transport.write(self._server.answer(known, body))
            return
        due = self._loop.time() + latency.next()
        self._server.waiting += 1
        self._loop.call_at(latency.early(due), self._answer, known, body, due)

    def _answer(self, head: Head, body: bytes, due: float) -> None:
        self._server.waiting -= 1
        self._transport.write(self._server.answer(head, body))
        self._server.latency.answered(self._loop.time() - due, self._server.waiting)


def serve(tpp: Platform, latency: float, tls: ssl.SSLContext | None, ready: Callable[[str], None]) -> None:
    """Serve on loopback until SIGTERM; `ready` is called with the address."""
    with asyncio.Runner(loop_factory=punctual_loop) as runner:
        runner.run(_serve(Server(tpp, Latency(latency)), tls, ready))


async def _serve(server: Server, tls: ssl.SSLContext | None, ready: Callable[[str], None]) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", 0, ssl=tls)
    host, port, *_ = listening.sockets[0].getsockname()
    ready(f"{'https' if tls else 'http'}://{host}:{port}")
    await over.wait()
    listening.close()


def _at_once(call: Coroutine[Any, Any, Response]) -> Response:
    try:
        call.send(None)
    except StopIteration as ended:
        reply: Response = ended.value
        return reply
    raise RuntimeError("a call that was to be answered at once waits")


def _spell(reply: Response, date: str) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
    return (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\nContent-Type: {reply.content_type}\r\n"
        f"Server: Microsoft-IIS/10.0\r\nDate: {date}\r\n{more}Content-Length: {len(reply.body)}\r\n\r\n"
    ).encode() + reply.body


class _PunctualSelector(selectors.DefaultSelector):
    """Wakes in time: epoll waits for whole milliseconds, rounded up, select() for any fraction of them.

    What is far off is waited for with epoll alone, which is one call to the kernel less, until shortly before.
    """

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > _FAR:
            return super().select(timeout - _EARLY)
        if timeout is not None and timeout > 0 and self.fileno() < _HIGHEST_FILE:
            select.select([self.fileno()], [], [], timeout)
            timeout = 0
        return super().select(timeout)


def punctual_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop whose timers are not late by up to a millisecond."""
    return asyncio.SelectorEventLoop(_PunctualSelector())
