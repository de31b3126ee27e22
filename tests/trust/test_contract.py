"""One suite for everything that stands for TPP's tickets: the fakes of our tests, and the client with the sandbox."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from reconciler.model.status import State, Status, approved, parse_wanted, pending, rejected
from reconciler.model.ticket import Accepted, Declined, Found, Gone, LiveTicket
from reconciler.ports import TicketReader, TicketWriter, Update
from reconciler.sandbox.running import running_sandbox
from reconciler.sandbox.seed import APPROVER, Seed, TicketSeed
from tests.applying.bench import Tickets
from tests.builders import OBJECT, PENDING, WORKFLOW, after, between, guid, live
from tests.fakes import FakeTickets
from tests.tpp.opening import session_with

WINDOW = between("2036-11-28T22:00:00Z", "2036-11-29T02:00:00Z")
START = after("2036-11-28T22:00:00Z")


@dataclass(frozen=True)
class Subject:
    """Somebody who knows tickets 1 to 3, all pending, and can change them."""

    reader: TicketReader
    writer: TicketWriter

    def ticket(self, number: int) -> LiveTicket:
        reading = self.reader.read(guid(number))
        assert isinstance(reading, Found)
        return reading.ticket


def fake() -> Iterator[Subject]:
    tickets = FakeTickets.of(*(live(number, approvers=(APPROVER.universal,)) for number in (1, 2, 3)))
    yield Subject(tickets, tickets)


def bench() -> Iterator[Subject]:
    tickets = Tickets({guid(number): live(number, approvers=(APPROVER.universal,)) for number in (1, 2, 3)})
    yield Subject(tickets, tickets)


def sandbox() -> Iterator[Subject]:
    from reconciler.tpp.secrets import Secret, Secrets
    from reconciler.tpp.session import ticket_reader
    from reconciler.tpp.writer import ticket_writer

    seed = Seed(
        tickets=tuple(TicketSeed(guid(n), OBJECT, WORKFLOW, reason="Stage 0 needs an approval") for n in (1, 2, 3))
    )
    with (
        running_sandbox(seed) as server,
        session_with(server.url, secrets=Secrets(token=Secret(server.token))) as session,
    ):
        yield Subject(ticket_reader(session), ticket_writer(session))


@pytest.fixture(params=[fake, bench, sandbox], ids=["fake", "bench", "sandbox"])
def tpp(request: pytest.FixtureRequest) -> Iterator[Subject]:
    yield from request.param()


def test_a_ticket_is_read_with_what_a_reviewer_sees(tpp: Subject) -> None:
    ticket = tpp.ticket(1)
    assert (ticket.guid, ticket.state, ticket.object, ticket.workflow) == (guid(1), PENDING, OBJECT, WORKFLOW)
    assert (ticket.approvers, ticket.reason, ticket.explanation) == (
        (APPROVER.universal,),
        "Stage 0 needs an approval",
        "",
    )
    assert ticket.created is not None
    assert ticket.updated is not None


def test_a_ticket_that_never_was_is_gone(tpp: Subject) -> None:
    assert tpp.reader.read(guid(9)) == Gone()


def test_many_tickets_are_read_each_once(tpp: Subject) -> None:
    readings = list(tpp.reader.read_many([guid(3), guid(1), guid(9)]))
    assert {name: type(reading) for name, reading in readings} == {guid(3): Found, guid(1): Found, guid(9): Gone}
    assert len(readings) == 3
    assert list(tpp.reader.read_many([])) == []


@pytest.mark.parametrize("wanted", [approved(), rejected(), parse_wanted(WINDOW), parse_wanted(START)], ids=str)
def test_an_update_is_accepted_and_shows_with_its_explanation(tpp: Subject, wanted) -> None:
    before = tpp.ticket(1)
    assert tpp.writer.update(Update(guid(1), wanted, "reviewed [op:0123456789ab]")) == Accepted()
    ticket = tpp.ticket(1)
    assert (ticket.state, ticket.explanation) == (wanted, "reviewed [op:0123456789ab]")
    assert before.updated is not None
    assert ticket.updated is not None
    assert ticket.updated > before.updated
    assert tpp.ticket(2).state == PENDING


def test_a_schedule_can_be_moved_and_taken_back(tpp: Subject) -> None:
    for wanted in (parse_wanted(WINDOW), parse_wanted(START), pending()):
        assert tpp.writer.update(Update(guid(1), wanted)) == Accepted()
        assert tpp.ticket(1).state == wanted
    assert tpp.ticket(1).state == State(Status.PENDING)


def test_an_update_without_an_explanation_leaves_the_one_that_is_there(tpp: Subject) -> None:
    tpp.writer.update(Update(guid(1), parse_wanted(WINDOW), "first"))
    tpp.writer.update(Update(guid(1), parse_wanted(START)))
    assert tpp.ticket(1).explanation == "first"


def test_an_update_of_a_ticket_that_never_was_is_declined(tpp: Subject) -> None:
    answer = tpp.writer.update(Update(guid(9), approved()))
    assert isinstance(answer, Declined)
    assert (answer.result, answer.systemic) == (3, False)
