"""A process that dies, inside a test: from one call on nothing reaches the disk or the server any more."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reconciler.errors import LedgerUnwritable
from reconciler.model.record import Entry
from reconciler.model.ticket import Answer, Guid, NotSent, Reading
from reconciler.ports import Ledger, TicketReader, TicketWriter, Update


@dataclass
class Life:
    """How many calls are left; None means that nobody dies."""

    calls: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ends(self) -> bool:
        """Take one call, and say whether the process is dead by now."""
        with self.lock:
            if self.calls is not None:
                self.calls -= 1
            return self.is_over

    @property
    def is_over(self) -> bool:
        return self.calls is not None and self.calls < 0


@dataclass
class MortalLedger:
    """A ledger of a process that may die before or after an entry is on disk."""

    true: Ledger
    life: Life

    def append(self, entry: Entry) -> None:
        if not self.life.ends():
            self.true.append(entry)
        if self.life.ends():
            raise LedgerUnwritable("the process is dead")


@dataclass
class MortalWriter:
    """A writer of a process that may die before or after an update is sent. The dead read no answers."""

    true: TicketWriter
    life: Life

    def update(self, update: Update) -> Answer:
        answer: Answer = NotSent("the process is dead", systemic=True)
        if not self.life.ends():
            answer = self.true.update(update)
        return NotSent("the process is dead", systemic=True) if self.life.ends() else answer


@dataclass
class MortalReader:
    """A reader of a process that may die between two readings."""

    true: TicketReader
    life: Life

    def read(self, guid: Guid) -> Reading:
        self.life.ends()
        return self.true.read(guid)

    def read_many(self, guids: Iterable[Guid]) -> Iterator[tuple[Guid, Reading]]:
        return self.true.read_many(guids)
