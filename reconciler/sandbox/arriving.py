"""When requests arrive: noted as their bytes come, for by the time that somebody looks at a request it has waited."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Arrivals:
    """When something last came over each connection, on the loop's clock."""

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


class Doorman(asyncio.Protocol):
    """Stands in front of a connection's handler, and notes when something arrives for it."""

    def __init__(self, handler: asyncio.Protocol, arrivals: Arrivals) -> None:
        """Pass everything on to the handler."""
        self._handler = handler
        self._arrivals = arrivals

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass it on."""
        self._handler.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._arrivals.forget(self._handler)
        self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note the time, and pass it on."""
        self._arrivals.note(self._handler)
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._handler.resume_writing()
