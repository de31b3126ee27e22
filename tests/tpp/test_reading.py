"""Reading tickets over real HTTP."""

import pytest

from reconciler.model.status import State
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Unread
from reconciler.model.value import replace
from reconciler.tpp.session import ticket_reader
from tests.builders import OBJECT, WORKFLOW, at, guid
from tests.fakes import FakeClock
from tests.tpp.answering import AnsweringServer, http, result
from tests.tpp.opening import TOKEN, session_with

DETAILS = {
    "GUID": "{" + guid(1).upper() + "}",
    "Status": "Approved Between",
    "ApprovalExplanation": "Joe",
    "ApprovalFrom": None,
    "ApprovalReason": "Stage 0 needs an approval",
    "Approvers": ["local:{b6e6a98b-6419-4497-9249-860d136dfba0}"],
    "Blocking": OBJECT,
    "IssuedDueTo": WORKFLOW,
    "Created": "/Date(1763625600000)/",
    "Updated": "/Date(1763625600000+0100)/",
    "ScheduledStart": "2026-11-28T22:00:00.0000000Z",
    "ScheduledStop": "2026-11-29T03:00:00+01:00",
}
TICKET = LiveTicket(
    guid=guid(1),
    state=State("Approved Between", at("2026-11-28T22:00:00Z"), at("2026-11-29T02:00:00Z")),
    object=OBJECT,
    workflow=WORKFLOW,
    reason="Stage 0 needs an approval",
    explanation="Joe",
    approvers=("local:{b6e6a98b-6419-4497-9249-860d136dfba0}",),
    created=at("2025-11-20T08:00:00Z"),
    updated=at("2025-11-20T08:00:00Z"),
)


def test_a_ticket_is_read_with_everything_that_details_yields() -> None:
    with AnsweringServer(default={"details": result(1, **DETAILS)}) as server, session_with(server.url) as session:
        assert ticket_reader(session).read(guid(1)) == Found(TICKET)
        heard = server.heard[0]
    assert (heard.method, heard.path, heard.json) == ("POST", "/vedsdk/Workflow/Ticket/Details", {"GUID": guid(1)})
    assert heard.headers["authorization"] == f"Bearer {TOKEN}"
    assert heard.headers["user-agent"].startswith("tpp-reconciler/")


@pytest.mark.parametrize("suffix", ["", "/", "/vedsdk", "/vedsdk/", "/vedauth", "/VEDSDK/Workflow"])
def test_the_url_of_the_server_may_be_spelled_with_or_without_a_path(suffix: str) -> None:
    with (
        AnsweringServer(default={"details": result(1, **DETAILS)}) as server,
        session_with(server.url + suffix) as session,
    ):
        assert isinstance(ticket_reader(session).read(guid(1)), Found)
        assert session.target == server.url


def test_an_older_server_reports_no_schedule() -> None:
    older = {name: value for name, value in DETAILS.items() if not name.startswith("Scheduled")}
    with AnsweringServer(default={"details": result(1, **older)}) as server, session_with(server.url) as session:
        assert ticket_reader(session).read(guid(1)) == Found(replace(TICKET, state=State("Approved Between")))


def test_many_tickets_are_read_at_once_each_exactly_once() -> None:
    def details(heard):
        return result(1, **(DETAILS | {"GUID": heard.json["GUID"]}))

    wanted = [guid(number) for number in range(200)]
    with AnsweringServer(default={"details": details}) as server, session_with(server.url, reads=8) as session:
        seen = dict(ticket_reader(session).read_many([*wanted, *wanted]))
    assert sorted(seen) == wanted
    assert all(isinstance(reading, Found) for reading in seen.values())
    assert len(server.heard) == 200
    assert server.connections <= 8


def test_no_guids_need_no_call() -> None:
    with AnsweringServer() as server, session_with(server.url) as session:
        assert list(ticket_reader(session).read_many([])) == []
    assert server.heard == []


def test_reading_can_be_abandoned() -> None:
    with (
        AnsweringServer(default={"details": result(1, Status="Pending")}) as server,
        session_with(server.url) as session,
    ):
        readings = ticket_reader(session).read_many(guid(number) for number in range(1000))
        next(readings)
        readings.close()
    assert len(server.heard) < 100


def test_permissions_are_refreshed_once_a_run_for_tickets_that_are_not_seen() -> None:
    with (
        AnsweringServer(
            script={"details": [result(3), result(1, Status="Pending"), result(4)]},
            default={"details": result(3), "refresh": result(1), "exists": result(3)},
        ) as server,
        session_with(server.url) as session,
    ):
        reader = ticket_reader(session)
        readings = [reader.read(guid(number)) for number in (1, 2, 3)]
        calls = [heard.call for heard in server.heard]
    assert readings == [Found(LiveTicket(guid(1), State("Pending"))), Hidden(), Gone()]
    assert calls == ["details", "refresh", "details", "details", "details", "exists"]


def test_a_ticket_that_exists_without_details_is_hidden() -> None:
    with (
        AnsweringServer(default={"details": result(3), "refresh": result(1), "exists": result(1)}) as server,
        session_with(server.url) as session,
    ):
        assert ticket_reader(session).read(guid(1)) == Hidden()


def test_a_ticket_is_never_called_gone_when_the_permissions_could_not_be_refreshed() -> None:
    with (
        AnsweringServer(default={"details": result(3), "refresh": http(500, "no"), "exists": result(3)}) as server,
        session_with(server.url) as session,
    ):
        assert ticket_reader(session).read(guid(1)) == Unread(
            'not seen, and permissions could not be refreshed: the server answered HTTP 500: "no"',
            passing=True,
        )


def test_an_answer_about_another_ticket_is_a_fault() -> None:
    with (
        AnsweringServer(default={"details": result(1, **(DETAILS | {"GUID": guid(2)}))}) as server,
        session_with(server.url) as session,
    ):
        reading = ticket_reader(session).read(guid(1))
    assert isinstance(reading, Unread)
    assert reading.why.startswith("the answer is about another ticket; what came begins with")


def test_a_server_that_is_down_is_not_asked_for_every_ticket() -> None:
    clock = FakeClock()
    with AnsweringServer() as server:
        url = server.url
    with session_with(url, clock=clock, reads=1) as session:
        readings = dict(ticket_reader(session).read_many(guid(number) for number in range(100)))
    assert len(readings) == 100
    assert set(readings.values()) == {
        Unread(
            f"could not connect to {url.removeprefix('http://')}: Connection refused "
            "(check the URL, the network, and HTTPS_PROXY and NO_PROXY)",
            systemic=True,
            passing=True,
        )
    }
    assert sum(clock.slept) == (1.0 + 2.0 + 4.0 + 8.0) * 3


def test_a_deadline_ends_reading_with_a_reason_for_every_ticket() -> None:
    clock = FakeClock()

    def slow(heard):
        clock.sleep(40)
        return result(1, Status="Pending")

    with (
        AnsweringServer(default={"details": slow}) as server,
        session_with(server.url, clock=clock, deadline=100.0, reads=1) as session,
    ):
        readings = dict(ticket_reader(session).read_many(guid(number) for number in range(10)))
    found = [isinstance(reading, Found) for reading in readings.values()]
    # The answer that comes as the deadline passes is taken, if it is whole before the deadline is looked at again.
    assert (found[:2], found[3:]) == ([True] * 2, [False] * 7)
    assert readings[guid(9)] == Unread(
        "the run's deadline has passed (raise requests.deadline, or split the run into shards)",
        systemic=True,
        passing=True,
    )


@pytest.mark.parametrize(
    ("answers", "asked"),
    [("xx.xx.xx.x", 10), ("xxx.......", 3), ("xx.xxx....", 6)],
    ids=["a success ends the row", "three in a row", "three after a success"],
)
def test_reading_ends_when_three_questions_in_a_row_find_no_server(answers: str, asked: int) -> None:
    """A plan of ten thousand tickets must not wait for each of them before a login page, nor give up over one."""
    away = http(302, b"", Location="https://login.example.com/")
    script = {"details": [result(1, **DETAILS) if answer == "." else away for answer in answers]}
    with AnsweringServer(script) as server, session_with(server.url) as session:
        reader = ticket_reader(session)
        readings = [reader.read(guid(1)) for _ in answers]
        assert len(server.calls("details")) == asked
    assert [isinstance(reading, Unread) for reading in readings[:asked]] == [
        answer == "x" for answer in answers[:asked]
    ]
    assert all(isinstance(reading, Unread) for reading in readings[asked:])
