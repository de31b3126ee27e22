"""A sandbox with one ticket, and what speaks to it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed
from reconciler.tpp.reader import HttpTicketReader
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.session import Session, ticket_reader
from reconciler.tpp.writer import HttpTicketWriter, ticket_writer
from tests.builders import OBJECT, guid
from tests.fakes import FakeClock
from tests.tpp.opening import session_with


@dataclass(frozen=True)
class Tpp:
    """A sandbox with tickets 1 to 8 and a session for it."""

    sandbox: Sandbox
    session: Session
    clock: FakeClock

    @property
    def reader(self) -> HttpTicketReader:
        return ticket_reader(self.session)

    @property
    def writer(self) -> HttpTicketWriter:
        return ticket_writer(self.session)

    @property
    def updates(self) -> list[tuple[str | None, bool]]:
        """GUID and effect of each UpdateStatus that the server received."""
        return [(entry.guid, entry.effect) for entry in self.sandbox.log.updates]


def seed_of(tickets: int = 8) -> Seed:
    return Seed(tickets=tuple(TicketSeed(guid(number), f"{OBJECT}-{number}") for number in range(1, tickets + 1)))


@pytest.fixture
def tpp() -> Iterator[Tpp]:
    clock = FakeClock()
    with (
        running_sandbox(seed_of(), clock=clock) as sandbox,
        session_with(
            sandbox.url, clock=clock, secrets=Secrets(token=Secret(sandbox.token)), reads=4, writes=4, read_timeout=5.0
        ) as session,
    ):
        yield Tpp(sandbox, session, clock)
