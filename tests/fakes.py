"""Fakes that implement the ports, for tests that need no server."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.model.record import Entry, TicketHistory
from reconciler.model.ticket import Accepted, Answer, Declined, Found, Gone, Guid, LiveTicket, Reading
from reconciler.model.value import replace
from reconciler.ports import Update
from tests.builders import NOW


@dataclass
class FakeClock:
    """A clock that moves only when somebody sleeps or a test moves it."""

    at: datetime = NOW
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += at_least(seconds)


def at_least(seconds: float) -> timedelta:
    """Return a span that is not shorter: a clock that rounds a wait down to nothing lets its sleeper wait for ever."""
    return timedelta(microseconds=math.ceil(seconds * 1e6))


@dataclass
class FakeTickets:
    """Tickets in a dictionary. `answers` scripts what update() says, one after the other; then it accepts."""

    tickets: dict[Guid, LiveTicket] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    readings: dict[Guid, Reading] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)
    reads: list[Guid] = field(default_factory=list)

    @classmethod
    def of(cls, *tickets: LiveTicket) -> "FakeTickets":
        return cls({ticket.guid: ticket for ticket in tickets})

    def read(self, guid: Guid) -> Reading:
        self.reads.append(guid)
        if guid in self.readings:
            return self.readings[guid]
        return Found(self.tickets[guid]) if guid in self.tickets else Gone()

    def read_many(self, guids: Iterable[Guid]) -> Iterator[tuple[Guid, Reading]]:
        return ((guid, self.read(guid)) for guid in guids)

    def update(self, update: Update) -> Answer:
        self.updates.append(update)
        if self.answers:
            answer = self.answers.pop(0)
        else:
            answer = Accepted() if update.guid in self.tickets else Declined("Result 3: there is no such ticket", 3)
        if isinstance(answer, Accepted) and update.guid in self.tickets:
            self.perform(update)
        return answer

    def perform(self, update: Update) -> None:
        """Change the ticket as TPP would."""
        ticket = self.tickets[update.guid]
        self.tickets[update.guid] = replace(
            ticket,
            state=update.wanted,
            explanation=ticket.explanation if update.explanation is None else update.explanation,
            updated=(ticket.updated or NOW) + timedelta(seconds=1),
        )


@dataclass
class MemoryLedger:
    """A ledger in a list."""

    entries: list[Entry] = field(default_factory=list)
    histories: dict[Guid, TicketHistory] = field(default_factory=dict)

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)

    def recall(self, guids: Iterable[Guid]) -> Mapping[Guid, TicketHistory]:
        return {guid: self.histories[guid] for guid in guids if guid in self.histories}


@dataclass
class NoStop:
    """Nobody stops anything, until a test says why."""

    why: str | None = None

    def reason(self) -> str | None:
        return self.why
