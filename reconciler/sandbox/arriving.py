"""When requests arrive: noted as their bytes come, for by the time that somebody looks at a request it has waited."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from reconciler.sandbox.short_way import LONGEST_HEAD, Usual, usual

KEEP_ALIVE = 75
"""After how many seconds without a request a connection is closed."""


@dataclass(slots=True)
class Arrivals:
    """When something last came over each connection, on the loop's clock; `waiting` are those without a handler."""

    waiting: set[asyncio.Transport] = field(default_factory=set)
    _by_handler: dict[object, float] = field(default_factory=dict)

    def note(self, handler: object) -> None:
        """Note that something came for a connection's handler, now."""
        self._by_handler[handler] = asyncio.get_running_loop().time()

    def forget(self, handler: object) -> None:
        """Forget a connection that has ended."""
        self._by_handler.pop(handler, None)

    def last(self, handler: object) -> float:
        """Return when something last came for a handler; now, if it was not noted."""
        return self._by_handler.get(handler) or asyncio.get_running_loop().time()


AnswerAtOnce = Callable[[Usual, bytes, asyncio.Transport], bool]
"""Answers a request over a transport; False when that takes the ordinary way."""


class Doorman(asyncio.Protocol):
    """Stands in front of a connection: has usual requests answered at once, and calls a handler for anything else.

    Once there is a handler the connection is its own to the end, for it alone knows what it still has to answer.
    """

    def __init__(
        self, make_handler: Callable[[], asyncio.Protocol], answer_at_once: AnswerAtOnce, arrivals: Arrivals
    ) -> None:
        """Take what answers."""
        self._make_handler = make_handler
        self._answer_at_once = answer_at_once
        self._arrivals = arrivals
        self._loop = asyncio.get_running_loop()
        self._held = b""
        self._last = self._loop.time()
        self._handler: asyncio.Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request, and not for ever."""
        self._transport = cast(asyncio.Transport, transport)
        self._arrivals.waiting.add(self._transport)
        self._watch = self._loop.call_later(KEEP_ALIVE, self._close_when_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Clear up, or have the handler do it."""
        if self._handler is None:
            self._stop_waiting()
        else:
            self._arrivals.forget(self._handler)
            self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answer a usual request once all of it is there; pass anything else on."""
        if self._handler is not None:
            self._arrivals.note(self._handler)
            self._handler.data_received(data)
            return
        self._last = self._loop.time()
        data = self._held + data
        head, end, body = data.partition(b"\r\n\r\n")
        known = usual(head) if end and len(head) <= LONGEST_HEAD else None
        if known is not None and len(body) < known.length:
            self._held = data
            return
        self._held = b""
        if known is None or len(body) > known.length or not self._answer_at_once(known, body, self._transport):
            self._call_handler().data_received(data)

    def eof_received(self) -> bool | None:
        """Close the connection, unless a handler wants otherwise."""
        return None if self._handler is None else self._handler.eof_received()

    def pause_writing(self) -> None:
        """Leave a client that does not take its answers to a handler."""
        (self._handler or self._call_handler()).pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self._handler is not None:
            self._handler.resume_writing()

    def _call_handler(self) -> asyncio.Protocol:
        self._stop_waiting()
        self._handler = self._make_handler()
        self._arrivals.note(self._handler)
        self._handler.connection_made(self._transport)
        return self._handler

    def _stop_waiting(self) -> None:
        self._watch.cancel()
        self._arrivals.waiting.discard(self._transport)

    def _close_when_idle(self) -> None:
        # The rest of a request is waited for without end, as a handler does.
        left = KEEP_ALIVE if self._held else self._last + KEEP_ALIVE - self._loop.time()
        if left <= 0:
            self._transport.close()
        else:
            self._watch = self._loop.call_later(left, self._close_when_idle)
