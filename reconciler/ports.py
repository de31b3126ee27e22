"""What the rooms need of the world, declared for those who use it.

Nothing here can be called by accident: a reader has no method that writes.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.model.decision import Parameters
from reconciler.model.guid import Guid
from reconciler.model.record import Entry
from reconciler.model.status import Wanted
from reconciler.model.ticket import Answer, Reading


@dataclass(frozen=True, slots=True)
class Update:
    """One UpdateStatus call: everything that is to be sent, and nothing that was not asked for."""

    guid: Guid
    wanted: Wanted
    explanation: str | None = None
    parameters: Parameters = Parameters()


Readings = Generator[tuple[Guid, Reading], None, None]
"""Tickets that are being read, as they come."""


class TicketReader(Protocol):
    """Reads tickets. A ticket that is not seen is read again after one Permissions/Refresh per run."""

    def read(self, guid: Guid) -> Reading:
        """Read one ticket; every fault is a value. Safe to call from several threads."""
        ...

    def read_many(self, guids: Iterable[Guid]) -> Readings:
        """Begin to read many tickets at once, and yield them as they come, each GUID exactly once.

        Whoever closes what is returned after having taken something from it ends the reading.
        """
        ...


class TicketWriter(Protocol):
    """Writes tickets. It never sends one update twice."""

    def update(self, update: Update) -> Answer:
        """Send one UpdateStatus and say what is known of it; every fault is a value. Thread-safe."""
        ...


class Ledger(Protocol):
    """The append-only record of one run."""

    def append(self, entry: Entry) -> None:
        """Write one entry; it is on disk when this returns. Thread-safe. Raises LedgerUnwritable."""
        ...


class Clock(Protocol):
    """Time, so that tests own it."""

    def now(self) -> datetime:
        """The current instant, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Stop(Protocol):
    """Whether new writes are still allowed: signals, the stop file, the stop variable."""

    def reason(self) -> str | None:
        """Say why no new write may start, None while one may."""
        ...


Progress = Callable[[int], None]
"""Called with the number of items done since the last call."""
