"""What one call does: what it sends and waits, what all calls learn of it, and what people are told meanwhile."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from reconciler.errors import CredentialsRefused, ServerAway, ServerFailure
from reconciler.model.settings import Requests, Settings
from reconciler.model.status import State, approved
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Lost, NotSent, Reading, Unread
from reconciler.model.value import replace
from reconciler.ports import Update
from reconciler.tpp.backend import find_tickets
from reconciler.tpp.client import CERTIFICATES, Call, Client
from reconciler.tpp.limiter import AdaptiveLimiter, Reached
from reconciler.tpp.retries import Kind
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.session import open_session, ticket_reader
from reconciler.tpp.transport import Reply, Timeouts, Transport
from reconciler.tpp.writer import ticket_writer
from tests.builders import guid
from tests.fakes import FakeClock
from tests.tpp.answering import DROP, Answer, AnsweringServer, Heard, http, result
from tests.tpp.opening import TOKEN, session_with

SAID = {"error": "e", "error_description": "no"}
NOWHERE = "http://127.0.0.1:1"
UPDATE = Update(guid(1), approved(), "reviewed [op:6a1f09c2d4e7]")
FOUND = result(1, GUID=guid(1), Status="Pending")
TOKEN_REFUSED = (
    'the server does not accept the token (401): "e: no"',
    "it is expired, revoked or wrong: get a new one (`vcert getcred` gets one, or `reconciler auth login` with "
    "auth.method refresh)",
)


def later(clock: FakeClock, seconds: float, answer: bytes) -> Answer:
    """An answer that takes its time."""

    def say(_: Heard) -> bytes:
        clock.sleep(seconds)
        return answer

    return say


@pytest.mark.parametrize(
    ("said", "kind", "message", "hint"),
    [
        (http(401, SAID), CredentialsRefused, *TOKEN_REFUSED),
        (http(503, SAID), ServerAway, 'the server answered HTTP 503: "e: no"', ""),
        (
            http(404, SAID),
            ServerFailure,
            'the server does not know the call enumerate (404): "e: no"',
            "check the URL of the server",
        ),
        (http(302, ""), ServerFailure, None, "configure the URL that TPP itself answers on"),
        # Only of the calls about one ticket is it known that they refuse it with 401 or 500.
        (http(500, {"Result": 6}), ServerAway, 'the server answered HTTP 500: "{"Result": 6}"', ""),
        (http(401, {"Result": 6}), CredentialsRefused, None, TOKEN_REFUSED[1]),
        (http(400, {"Result": 6}), ServerFailure, None, "check the name of the object"),
    ],
    ids=["token", "away", "unknown call", "redirect", "500 with a Result", "401 with a Result", "400 with a Result"],
)
def test_a_question_without_which_a_run_can_not_go_on_says_what_kind_of_failure_it_is(
    said: bytes, kind: type, message: str | None, hint: str
) -> None:
    """The exit code hangs on it, and with it whether a pipeline tries again."""
    with (
        AnsweringServer(default={"refresh": result(1), "enumerate": said}) as server,
        session_with(server.url) as session,
        pytest.raises(ServerFailure) as failure,
    ):
        find_tickets(session, user_data="u")
    assert (type(failure.value), failure.value.hint) == (kind, hint)
    assert failure.value.message == (message or failure.value.message)
    assert server.calls("enumerate")[0].json == {"UserData": "u"}
    assert server.calls("refresh")[0].body == b""


CONTRADICTION = (
    'HTTP {0} and Result 1 contradict each other; what came begins with "{{"Result": 1}}" '
    "(check the URL; a proxy or login page may answer in the server's place)"
)


@pytest.mark.parametrize(
    ("said", "reading"),
    [
        *((http(status, {"Result": 3}), Gone()) for status in (400, 401, 500)),
        *((http(status, {"Result": 4}), Hidden()) for status in (400, 401, 500)),
        *((http(status, {"Result": 1}), Unread(CONTRADICTION.format(status))) for status in (400, 401)),
        (
            http(500, {"Result": 1}),
            Unread('the server answered HTTP 500: "{"Result": 1}"', passing=True),
        ),
        (http(402, {"Result": 3}), Unread('the server answered HTTP 402: "{"Result": 3}"', systemic=True)),
        (
            http(302, "x"),
            Unread(
                "the server redirects (302) to nowhere, which is not followed (configure the URL that TPP itself "
                "answers on)",
                systemic=True,
            ),
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, bytes) else str(value[9:12], "ascii"),
)
def test_a_result_speaks_of_the_ticket_also_with_a_status_that_is_no_success(said: bytes, reading: Reading) -> None:
    with (
        AnsweringServer(default={"details": said, "refresh": result(1), "exists": result(3)}) as server,
        session_with(server.url) as session,
    ):
        assert ticket_reader(session).read(guid(1)) == reading


# What all calls learn of one.


@pytest.mark.parametrize(
    ("script", "reads", "reached"),
    [
        ([http(504, ""), FOUND, FOUND], 2, Reached(4, 2, 3, 1)),
        ([http(429, ""), FOUND], 1, Reached(4, 2, 2, 1)),
        ([http(504, ""), http(404, ""), http(499, "")], 2, Reached(4, 2, 3, 1)),
        ([http(504, ""), http(500, ""), http(500, ""), FOUND], 1, Reached(4, 2, 2, 1)),
        ([http(500, "please Rerun the transaction."), FOUND], 1, Reached(4, 2, 2, 1)),
        ([http(500, ""), http(502, ""), FOUND], 1, Reached(4, 4, 4, 0)),
    ],
    ids=["gateway", "too many", "no push-back", "no success", "deadlock", "neither"],
)
def test_calls_in_flight_follow_what_the_server_answers(script: list[Answer], reads: int, reached: Reached) -> None:
    with AnsweringServer(script={"details": script}) as server, session_with(server.url) as session:
        for _ in range(reads):
            ticket_reader(session).read(guid(1))
        assert session.reached()[0] == reached


# What people are told of a server that is away.


@pytest.mark.parametrize(
    ("status", "seconds", "pause", "times", "limits", "said"),
    [
        (None, 0.0, None, 0, {}, "can't be reached; it is waited for until 12:01:50 UTC, at most 100 s"),
        (503, 0.0, None, 2, {}, "answers HTTP 503; it is waited for until 12:01:50 UTC, at most 100 s"),
        (503, 0.0, None, 2, {"deadline": 50.0}, "answers HTTP 503; it is waited for until 12:01:00 UTC, at most 100 s"),
        (503, 1.5, None, 1, {}, "answers HTTP 503; it is waited for until 12:01:50 UTC, at most 100 s"),
        (503, 1.0, None, 1, {}, None),
        (503, 0.0, "2", 1, {}, "answers HTTP 503; it is waited for until 12:01:50 UTC, at most 100 s"),
        (503, 0.0, "1", 1, {}, None),
        (502, 1.5, None, 3, {}, None),
    ],
    ids=["no connection", "two", "deadline", "slow", "not slow", "long pause", "short pause", "not waited for"],
)
def test_once_a_wait_is_noticeable_it_is_said_once_how_long_it_may_last(
    status: int | None,
    seconds: float,
    pause: str | None,
    times: int,
    limits: dict[str, Any],
    said: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The server answers each of two questions so many times with this status and Retry-After, after some seconds."""
    clock = FakeClock()
    clock.sleep(10)
    busy = later(clock, seconds, http(status or 0, "", **({"Retry_After": pause} if pause else {})))
    script = [*[busy] * times, FOUND, *[busy] * times]
    with (
        AnsweringServer(script={"details": script}, default={"details": FOUND}) as server,
        caplog.at_level(logging.WARNING, logger="reconciler"),
        session_with(server.url if status else NOWHERE, clock=clock, wait=100.0, **limits) as session,
    ):
        for _ in range(2):
            ticket_reader(session).read(guid(1))
    assert [record.getMessage() for record in caplog.records] == ([f"the server {said}"] if said else [])


# What a signal and the deadline end.


def test_once_a_run_was_told_to_end_and_no_time_is_left_nothing_is_sent() -> None:
    why = "the run was told to end, and no time is left"
    with AnsweringServer() as server, session_with(server.url) as session:
        session.client.context.deadline.end_within(0)
        assert ticket_reader(session).read(guid(1)) == Unread(why, systemic=True, passing=True)
        assert ticket_writer(session).update(UPDATE) == NotSent(why, systemic=True, passing=True)
    assert server.heard == []


def test_an_update_is_not_tried_again_after_a_signal_and_a_reading_is() -> None:
    clock = FakeClock()
    with session_with(NOWHERE, clock=clock) as session:
        session.client.context.deadline.end_within(30)
        assert isinstance(ticket_writer(session).update(UPDATE), NotSent)
        assert clock.slept == []
        assert isinstance(ticket_reader(session).read(guid(1)), Unread)
        assert sum(clock.slept) == 1 + 2 + 4 + 8


def test_what_the_deadline_ends_under_way_is_lost_for_a_write_and_says_what_to_do_for_a_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="reconciler.tpp")
    for told in (False, True):
        clock = FakeClock()
        drops = later(clock, 70.0, DROP)
        with (
            AnsweringServer(default={"details": drops, "updatestatus": drops}) as server,
            session_with(server.url, clock=clock, deadline=60.0) as session,
            session_with(server.url, clock=clock, deadline=130.0) as reading,
        ):
            if told:
                session.client.context.deadline.end_within(60)
                reading.client.context.deadline.end_within(130)
            lost = ticket_writer(session).update(UPDATE)
            unread = ticket_reader(reading).read(guid(1))
            assert (len(server.heard), caplog.records) == (2, [])
        why = "the run was told to end, and no time is left" if told else "the run's deadline has passed"
        hint = "" if told else " (raise requests.deadline, or split the run into shards)"
        assert lost == Lost(why, server_fault=True)
        assert unread == Unread(why + hint, systemic=True, passing=True)


def test_what_breaks_off_in_the_last_second_is_no_fault_of_the_deadline() -> None:
    """The hint to raise the deadline would send somebody to the wrong place."""
    clock = FakeClock()
    with (
        AnsweringServer(default={"updatestatus": later(clock, 59.0, DROP)}) as server,
        session_with(server.url, clock=clock, deadline=60.0) as session,
    ):
        answer = ticket_writer(session).update(UPDATE)
    assert isinstance(answer, Lost)
    assert "deadline" not in answer.why


def test_pauses_are_long_by_chance_where_nothing_else_is_said() -> None:
    clock = FakeClock()
    settings = Settings(server=NOWHERE, requests=Requests(wait=0.0))
    with open_session(settings, Secrets(token=Secret(TOKEN)), clock) as session:
        ticket_writer(session).update(UPDATE)
    assert 0.5 + 1.0 <= sum(clock.slept) <= 1.0 + 2.0


# What is sent.


@dataclass
class Recorder:
    """A transport that takes everything."""

    sent: list[tuple[Any, ...]] = field(default_factory=list)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, timeouts: Timeouts, *, alone: bool
    ) -> Reply:
        self.sent.append((method, path, headers["Authorization"], body, timeouts.connect, timeouts.read, alone))
        assert timeouts.deadline is not None
        return Reply(200, {}, b"{}")


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("deadline", "connect", "read"), [(None, 10.0, 95.0), (50.0, 10.0, 50.0), (1.0, 1.0, 1.0)])
def test_a_call_takes_no_longer_than_the_run_and_one_that_has_an_effect_has_its_connection_for_itself(
    kind: Kind, deadline: float | None, connect: float, read: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="reconciler.tpp")
    recorder = Recorder()
    call = Call("a", "PUT", "/a/", kind)
    with session_with(NOWHERE, deadline=deadline) as session:
        context = replace(session.client.context, transport=cast(Transport, recorder))
        client = Client(context, AdaptiveLimiter(1, context.clock), frozenset({call}))
        client.call(call, b"body", lambda outcome: (outcome, None), rest="?b")
    alone = kind in (Kind.UPDATE, Kind.SINGLE_USE)
    assert recorder.sent == [("PUT", "/a/?b", f"Bearer {TOKEN}", b"body", connect, read, alone)]
    assert [record.getMessage() for record in caplog.records] == ["a begins", "a 200 in 0.000 s"]


def test_no_client_makes_a_call_that_it_was_not_made_for() -> None:
    with session_with(NOWHERE) as session, pytest.raises(PermissionError) as refusal:
        session.client.call(CERTIFICATES, None, lambda outcome: (outcome, None))
    assert str(refusal.value) == "this client was not made for certificates"


# What is logged.


def test_the_log_tells_what_became_of_each_attempt(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    script: list[Answer] = [DROP, later(clock, 0.12346, http(503, "", Retry_After="7")), FOUND]
    with (
        AnsweringServer(
            script={"details": script, "updatestatus": [http(401, SAID)], "refresh": [http(403, SAID)]}
        ) as server,
        session_with(server.url, clock=clock) as session,
        caplog.at_level(logging.DEBUG, logger="reconciler.tpp"),
    ):
        assert ticket_reader(session).read(guid(1)) == Found(LiveTicket(guid(1), State("Pending")))
        ticket_writer(session).update(UPDATE)
        session.permissions.refresh()
    names = ("call", "ticket", "operation", "status", "seconds")
    told = [
        (record.getMessage(), {name: vars(record)[name] for name in names if name in vars(record)})
        for record in caplog.records
        if record.name == "reconciler.tpp"
    ]
    of = {"call": "details", "ticket": guid(1)}
    update = {"call": "update-status", "ticket": guid(1), "operation": "6a1f09c2d4e7"}
    refresh = {"call": "permissions-refresh"}
    begins = ("details begins", of | {"operation": ""})
    assert told == [
        begins,
        (f"details {guid(1)} broken in 0.000 s", of | {"status": "broken", "seconds": 0.0}),
        ("details is made again: unanswered", of | {"operation": ""}),
        begins,
        ("the server pushed back with HTTP 503, pause of 7 s", {}),
        (f"details {guid(1)} 503 in 0.123 s", of | {"status": 503, "seconds": 0.1235}),
        ("details is made again: away", of | {"operation": ""}),
        begins,
        (f"details {guid(1)} 200 in 0.000 s", of | {"status": 200, "seconds": 0.0}),
        ("update-status begins", update),
        (f"update-status {guid(1)} 6a1f09c2d4e7 401 in 0.000 s", update | {"status": 401, "seconds": 0.0}),
        ("permissions-refresh begins", refresh | {"ticket": "", "operation": ""}),
        ("permissions-refresh 403 in 0.000 s", refresh | {"status": 403, "seconds": 0.0}),
    ]
