"""Pauses of the sandbox: exact to a fraction of a millisecond, and all over at once when it stops."""

import asyncio
import select
import selectors
from dataclasses import dataclass, field

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
        """Take into account by how many seconds an answer was late; one that hangs on purpose says nothing.

        The more `others` are under way, the less does one say: they were begun before anything was learnt from it, and
        all of them will say the same.
        """
        self._late += max(-self.seconds, min(late, self.seconds)) / (20 + 4 * others)


@dataclass(slots=True)
class Pauses:
    """Everybody who waits for some time to pass. Once `over` is set nobody waits any more."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: set["asyncio.Future[None]"] = field(default_factory=set)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def until(self, moment: float) -> None:
        """Wait until the loop's clock shows `moment` (seconds)."""
        if self.over.is_set():
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        timer = loop.call_at(moment, _wake, future)
        self._waiting.add(future)
        try:
            await future
        finally:
            timer.cancel()
            self._waiting.discard(future)

    async def last(self, seconds: float) -> None:
        """Wait for some seconds from now on."""
        await self.until(asyncio.get_running_loop().time() + seconds)

    def end(self) -> None:
        """End all pauses, now and from now on."""
        self.over.set()
        for future in self._waiting:
            _wake(future)


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


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
