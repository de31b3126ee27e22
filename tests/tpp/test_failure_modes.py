"""What goes wrong between us and the server, row by row. What is done about an Answer is tested with applying."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime

import pytest
import trustme

from reconciler.errors import CredentialsRefused
from reconciler.model.settings import Auth, AuthMethod
from reconciler.model.status import approved
from reconciler.model.ticket import Accepted, Declined, Found, Gone, Lost, NotSent, Unread
from reconciler.ports import Update
from reconciler.sandbox import wrong_answers
from reconciler.sandbox.fault_injection import Drop, Fault, Hang, Raw, Say, Truncate, WrongResult
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.session import ticket_reader
from reconciler.tpp.writer import ticket_writer
from tests.builders import guid
from tests.fakes import FakeClock
from tests.tpp.answering import DROP, AnsweringServer, http, result
from tests.tpp.conftest import Tpp
from tests.tpp.opening import session_with

UPDATE = Update(guid(1), approved(), "reviewed [op:6a1f09c2d4e7]")
NOWHERE = "127.0.0.1:1"


@dataclass
class ClockThatWakes(FakeClock):
    """Does something when somebody first sleeps."""

    first_sleep: list = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        while self.first_sleep:
            self.first_sleep.pop()()


def test_c1_a_connection_that_never_stands_is_tried_a_few_times_and_then_not_sent() -> None:
    clock = FakeClock()
    with session_with(f"http://{NOWHERE}", clock=clock) as session:
        answer = ticket_writer(session).update(UPDATE)
    assert answer == NotSent(f"could not connect to {NOWHERE}: Connection refused", systemic=True, passing=True)
    assert sum(clock.slept) == 1.0 + 2.0


def test_c1_a_name_that_nobody_knows_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with session_with("https://tpp.invalid", clock=FakeClock()) as session:
        answer = ticket_writer(session).update(UPDATE)
    assert isinstance(answer, NotSent)
    assert (answer.systemic, "tpp.invalid" in answer.why) == (True, True)


def test_c1_a_write_goes_out_once_when_the_server_is_up_again() -> None:
    with AnsweringServer() as server:
        port = server.port
    clock = ClockThatWakes()
    back = AnsweringServer(default={"updatestatus": result(1)}, listen_on=port)
    clock.first_sleep.append(back.__enter__)
    with session_with(f"http://127.0.0.1:{port}", clock=clock) as session:
        assert ticket_writer(session).update(UPDATE) == Accepted()
    back.__exit__()
    assert len(back.heard) == 1


def test_c1_a_tls_handshake_that_fails_is_not_sent() -> None:
    with (
        AnsweringServer(greeting=b"220 smtp.example.com\r\n") as plain,
        session_with(f"https://127.0.0.1:{plain.port}") as session,
    ):
        answer = ticket_writer(session).update(UPDATE)
    assert isinstance(answer, NotSent)
    assert answer.why.startswith(f"could not connect to 127.0.0.1:{plain.port}: TLS: ")


def test_c1_an_untrusted_certificate_is_not_tried_again() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    clock = FakeClock()
    with AnsweringServer(context=context) as server, session_with(server.url, clock=clock) as session:
        answer = ticket_writer(session).update(UPDATE)
        reading = ticket_reader(session).read(guid(1))
        assert ticket_reader(session).read(guid(2)) == reading
    where = f"the certificate of 127.0.0.1:{server.port} is not trusted: unable to get local issuer certificate"
    assert answer == NotSent(where, systemic=True)
    assert reading == Unread(f"{where} (name the CA of the server in tls.ca_bundle or TPP_CA_BUNDLE)", systemic=True)
    assert (clock.slept, server.heard, server.connections) == ([], [], 2)


@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize("reset", [False, True])
def test_c2_a_connection_that_breaks_after_the_update_was_sent_leaves_it_lost(
    tpp: Tpp, effect: bool, reset: bool
) -> None:
    tpp.sandbox.faults.add(Drop(effect, reset), operation="ticketUpdateStatus")
    answer = tpp.writer.update(UPDATE)
    assert isinstance(answer, Lost)
    assert answer.server_fault
    assert "broke before the answer was complete" in answer.why
    assert tpp.updates == [(guid(1), effect)]


def test_c2_a_time_out_after_the_update_was_sent_leaves_it_lost(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(Hang(3600, effect=True), operation="ticketUpdateStatus")
    secrets = Secrets(token=Secret(tpp.sandbox.token))
    with session_with(tpp.sandbox.url, secrets=secrets, read_timeout=0.3) as session:
        answer = ticket_writer(session).update(UPDATE)
    why = f"{tpp.session.target.removeprefix('http://')} did not answer in time"
    assert answer == Lost(why, server_fault=True)
    assert [guid for guid, _ in tpp.updates] == [guid(1)]


def test_c2_a_kept_connection_that_the_server_closed_is_not_used_for_a_write() -> None:
    with AnsweringServer(default={"details": result(1, Status="Pending"), "updatestatus": result(1)}) as server:
        with session_with(server.url) as session:
            assert isinstance(ticket_reader(session).read(guid(1)), Found)
            server.hang_up()
            assert ticket_writer(session).update(UPDATE) == Accepted()
        assert len(server.calls("updatestatus")) == 1
        assert server.connections == 2


def test_c2_a_kept_connection_that_breaks_under_the_write_leaves_it_lost() -> None:
    with (
        AnsweringServer(default={"details": result(1, Status="Pending"), "updatestatus": DROP}) as server,
        session_with(server.url) as session,
    ):
        assert isinstance(ticket_reader(session).read(guid(1)), Found)
        assert isinstance(ticket_writer(session).update(UPDATE), Lost)
        assert len(server.calls("updatestatus")) == 1


@pytest.mark.parametrize("fault", [Drop(), wrong_answers.gateway(503), wrong_answers.deadlock(), WrongResult(2)])
def test_c3_the_writer_itself_never_sends_a_lost_update_again(tpp: Tpp, fault: Fault) -> None:
    tpp.sandbox.faults.add(fault, operation="ticketUpdateStatus", times=1)
    assert isinstance(tpp.writer.update(UPDATE), Lost)
    assert tpp.updates == [(guid(1), False)]


def test_c4_a_deadlock_is_lost_and_brings_writes_down_to_one_at_a_time(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(wrong_answers.deadlock(), operation="ticketUpdateStatus", times=1)
    answer = tpp.writer.update(UPDATE)
    assert answer == Lost(f'the server answered HTTP 500: "{wrong_answers.DEADLOCK_TEXT}"', server_fault=True)
    reads, writes = tpp.session.reached()
    assert (reads.last, writes.last, writes.lowest, writes.configured) == (4, 1, 1, 4)


def test_c4_only_failures_in_a_row_end_the_questions() -> None:
    """Three in a long run must not make every other ticket of it unreadable."""
    away, there = http(404, "no such page"), result(1, GUID=guid(1), Status="Pending")
    said = [away, away, there, away, away, there, away, away, away, there]
    with AnsweringServer(script={"details": said}) as server, session_with(server.url) as session:
        read = [type(ticket_reader(session).read(guid(1))) for _ in range(10)]
    assert read == [Unread, Unread, Found, Unread, Unread, Found, Unread, Unread, Unread, Unread]
    assert len(server.calls("details")) == 9


@pytest.mark.parametrize("status", [502, 504, 520, 522, 524])
@pytest.mark.parametrize("effect", [False, True])
def test_c5_a_balancer_that_gives_up_leaves_the_update_lost(tpp: Tpp, status: int, effect: bool) -> None:
    tpp.sandbox.faults.add(wrong_answers.gateway(status, effect=effect), operation="ticketUpdateStatus")
    answer = tpp.writer.update(UPDATE)
    why = f'the server answered HTTP {status}: "<!DOCTYPE html>"'
    assert answer == Lost(why, server_fault=True)
    assert tpp.updates == [(guid(1), effect)]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 522, 524])
def test_c5_so_does_one_that_answers_in_json(status: int) -> None:
    """What speaks JSON may be a gateway, too: only TPP's own refusals prove that nothing was executed."""
    said = http(status, {"error": "gateway", "error_description": "timed out"})
    with AnsweringServer(default={"updatestatus": said}) as server, session_with(server.url) as session:
        answer = ticket_writer(session).update(UPDATE)
        assert isinstance(answer, Lost)
        assert answer.server_fault
        assert len(server.calls("updatestatus")) == 1


def test_c5_after_the_deadline_of_the_run_nothing_is_sent_and_a_later_run_may() -> None:
    """It is known not to have left: a receipt that says unknown would hold the ticket up for the whole of patience."""
    clock = FakeClock()
    with AnsweringServer() as server, session_with(server.url, clock=clock, deadline=60.0) as session:
        writer = ticket_writer(session)
        clock.sleep(61)
        assert writer.update(UPDATE) == NotSent("the run's deadline has passed", systemic=True, passing=True)
        assert server.calls("updatestatus") == []


@pytest.mark.parametrize("status", [429, 503])
def test_c6_push_back_in_seconds_pauses_everybody_and_is_lost_for_a_write(tpp: Tpp, status: int) -> None:
    tpp.sandbox.faults.add(wrong_answers.push_back(status, "7"), operation="ticketUpdateStatus", times=1)
    started = tpp.clock.now()
    writer = tpp.writer
    assert writer.update(UPDATE) == Lost(f'the server answered HTTP {status}: "Too busy"', server_fault=True)
    assert tpp.updates == [(guid(1), False)]
    assert writer.update(Update(guid(2), approved())) == Accepted()
    assert tpp.sandbox.log.updates[-1].at == started + timedelta(seconds=7)
    assert tpp.session.reached()[1].lowest == 2


def test_c6_push_back_until_a_date_is_honoured_by_reads_which_are_repeated(tpp: Tpp) -> None:
    until = tpp.clock.now() + timedelta(seconds=30)
    tpp.sandbox.faults.add(
        wrong_answers.push_back(503, format_datetime(until, usegmt=True)), operation="ticketDetails", times=1
    )
    assert isinstance(tpp.reader.read(guid(1)), Found)
    assert [entry.at for entry in tpp.sandbox.log.calls("ticketDetails")][-1] == until


def test_c6_push_back_never_pauses_longer_than_the_cap_or_the_deadline(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(wrong_answers.push_back(503, "86400"), operation="ticketDetails", times=1)
    started = tpp.clock.now()
    assert isinstance(tpp.reader.read(guid(1)), Found)
    assert tpp.clock.now() - started == timedelta(seconds=120)


NONSENSE = {
    "a sign-on page": wrong_answers.html(),
    "nothing": wrong_answers.empty(),
    "a truncated answer": Truncate(12, effect=True),
    "an answer that ends early": Truncate(12, effect=True, cut=True),
    "no object": wrong_answers.says("[1]"),
    "no HTTP": Raw(b"220 smtp.example.com ESMTP\r\n"),
}


@pytest.mark.parametrize("fault", NONSENSE.values(), ids=NONSENSE.keys())
def test_c7_nonsense_is_an_error_for_a_read_and_leaves_a_write_lost(tpp: Tpp, fault: Fault) -> None:
    tpp.sandbox.faults.add(fault)
    assert isinstance(tpp.reader.read(guid(2)), Unread)
    assert isinstance(tpp.writer.update(UPDATE), Lost)
    assert [guid for guid, _ in tpp.updates] == [guid(1)]


def test_c7_the_first_line_of_what_came_is_shown(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(wrong_answers.html("Maintenance"))
    assert tpp.reader.read(guid(1)) == Unread(
        'the answer is not JSON; what came begins with "<!DOCTYPE html>" '
        "(check the URL; a proxy or login page may answer in the server's place)"
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_c8_a_redirect_is_not_followed_and_no_token_leaves_for_another_host(tpp: Tpp, status: int) -> None:
    with AnsweringServer(default={"updatestatus": result(1), "details": result(1, Status="Approved")}) as other:
        tpp.sandbox.faults.add(wrong_answers.redirect(f"{other.url}/vedsdk/Workflow/Ticket/UpdateStatus", status))
        answer = tpp.writer.update(UPDATE)
        reading = tpp.reader.read(guid(1))
    assert isinstance(answer, Lost)
    assert isinstance(reading, Unread)
    assert reading.why.startswith(f"the server redirects ({status}) to")
    assert (other.heard, other.connections) == ([], 0)
    assert tpp.updates == [(guid(1), False)]


def test_c9_result_1_is_accepted_and_no_more_than_that(tpp: Tpp) -> None:
    assert tpp.writer.update(UPDATE) == Accepted(1)
    assert tpp.updates == [(guid(1), True)]


@pytest.mark.parametrize(
    "fault",
    [
        WrongResult(missing=True),
        *(WrongResult(value) for value in (None, "1", 1.0, True, {"Result": 1}, [1], 9, -1, 10**30)),
    ],
    ids=lambda fault: "missing" if fault.missing else repr(fault.value)[:12],
)
def test_c10_a_result_that_is_none_fails_closed(tpp: Tpp, fault: WrongResult) -> None:
    tpp.sandbox.faults.add(fault)
    assert isinstance(tpp.reader.read(guid(2)), Unread)
    answer = tpp.writer.update(UPDATE)
    assert isinstance(answer, Lost)
    assert answer.result is None
    assert tpp.updates == [(guid(1), False)]


def test_c10_result_0_is_no_verdict(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(WrongResult(0))
    assert tpp.reader.read(guid(2)) == Unread(
        "Result 0 (None): the server gave no verdict; look at the ticket and at the server's log"
    )
    answer = tpp.writer.update(UPDATE)
    assert (type(answer), answer.result) == (Lost, 0)


@pytest.mark.parametrize("code", [2, 7])
@pytest.mark.parametrize("status", [200, 400])
def test_c11_a_failure_without_a_reason_is_lost_and_not_sent_again(tpp: Tpp, code: int, status: int) -> None:
    tpp.sandbox.faults.add(wrong_answers.says(f'{{"Result": {code}}}', status), operation="ticketUpdateStatus")
    answer = tpp.writer.update(UPDATE)
    assert (type(answer), answer.result) == (Lost, code)
    assert tpp.updates == [(guid(1), False)]


def test_c12_a_ticket_newer_than_the_session_is_seen_after_a_refresh_of_the_permissions(tpp: Tpp) -> None:
    new = tpp.sandbox.world.add_ticket(new=True)
    assert isinstance(tpp.reader.read(new.guid), Found)
    assert tpp.reader.read(guid(99)) == Gone()
    assert len(tpp.sandbox.log.calls("permissionsRefresh")) == 1


def test_c13_a_ticket_that_is_gone_when_it_is_written_is_declined_with_result_3(tpp: Tpp) -> None:
    answer = tpp.writer.update(Update(guid(99), approved()))
    assert isinstance(answer, Declined)
    assert (answer.result, answer.systemic) == (3, False)
    assert tpp.updates == [(guid(99), False)]


def test_c14_a_denied_update_is_tried_once_more_after_a_refresh_of_the_permissions(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(WrongResult(4), operation="ticketUpdateStatus", times=1)
    assert tpp.writer.update(UPDATE) == Accepted()
    assert tpp.updates == [(guid(1), False), (guid(1), True)]
    assert len(tpp.sandbox.log.calls("permissionsRefresh")) == 1


def test_c14_three_denials_in_a_row_end_the_batch(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(WrongResult(4), operation="ticketUpdateStatus")
    writer = tpp.writer
    answers = [writer.update(Update(guid(number), approved())) for number in (1, 2, 3)]
    assert [(type(each), each.result, each.systemic) for each in answers] == [
        (Declined, 4, False),
        (Declined, 4, False),
        (Declined, 4, True),
    ]


@pytest.mark.parametrize("code", [5, 6, 8])
@pytest.mark.parametrize("status", [200, 400])
def test_c15_a_permanent_refusal_concerns_its_ticket_alone(tpp: Tpp, code: int, status: int) -> None:
    tpp.sandbox.faults.add(
        wrong_answers.says(f'{{"Result": {code}}}', status), operation="ticketUpdateStatus", guid=guid(1)
    )
    writer = tpp.writer
    answer = writer.update(UPDATE)
    assert isinstance(answer, Declined)
    assert (answer.result, answer.systemic) == (code, False)
    assert writer.update(Update(guid(2), approved())) == Accepted()
    assert tpp.updates == [(guid(1), False), (guid(2), True)]


def test_c15_a_malformed_request_is_declined_with_what_the_server_says(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(
        Say(400, b'{"error": "invalid_request", "error_description": "GUID is required"}', "application/json"),
        operation="ticketUpdateStatus",
    )
    assert tpp.writer.update(UPDATE) == Declined(
        'the server refuses the request (400): "invalid_request: GUID is required"'
    )


@pytest.fixture
def renewing(tpp: Tpp) -> Iterator[Tpp]:
    """The same sandbox through a session that took its own grant with a password."""
    secrets = Secrets(username="svc-approver", password=Secret("correct horse battery staple"))
    auth = Auth(AuthMethod.PASSWORD)
    with session_with(tpp.sandbox.url, clock=tpp.clock, auth=auth, secrets=secrets, reads=8, writes=4) as session:
        yield Tpp(tpp.sandbox, session, tpp.clock)


def test_c16_a_write_that_meets_an_expired_token_is_sent_once_more_with_a_new_one(renewing: Tpp) -> None:
    assert isinstance(renewing.reader.read(guid(2)), Found)
    renewing.sandbox.faults.add(wrong_answers.unauthorized(), operation="ticketUpdateStatus", times=1)
    assert renewing.writer.update(UPDATE) == Accepted()
    assert renewing.updates == [(guid(1), False), (guid(1), True)]
    first, second = renewing.sandbox.log.updates
    assert first.token != second.token


def test_c16_one_thread_renews_the_token_while_the_others_wait(renewing: Tpp) -> None:
    renewing.reader.read(guid(1))
    renewing.clock.at += timedelta(days=91)
    readings = dict(renewing.reader.read_many(guid(number) for number in range(1, 9)))
    assert {type(reading) for reading in readings.values()} == {Found}
    assert len(renewing.sandbox.log.calls("refreshToken")) == 1


def test_c16_a_given_token_that_expires_ends_the_batch(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(wrong_answers.unauthorized())
    assert tpp.writer.update(UPDATE) == Declined(
        'the server does not accept the token (401): "invalid_token: The sandbox was told to refuse this call"',
        systemic=True,
    )
    assert tpp.updates == [(guid(1), False)]


def test_c16_a_server_that_refuses_every_token_is_not_asked_for_grants_without_end(renewing: Tpp) -> None:
    renewing.reader.read(guid(1))
    renewing.sandbox.faults.add(wrong_answers.unauthorized(), operation="ticketDetails")
    readings = dict(renewing.reader.read_many(guid(number) for number in range(1, 9)))
    assert {type(reading) for reading in readings.values()} == {Unread}
    assert len(renewing.sandbox.log.calls("refreshToken")) == 1


def test_c16_once_no_newer_token_can_be_had_it_is_told_why(renewing: Tpp) -> None:
    renewing.sandbox.faults.add(wrong_answers.unauthorized(), operation="ticketUpdateStatus")
    writer = renewing.writer
    *_, answer = [writer.update(UPDATE) for _ in range(3)]
    assert answer == Declined(
        'the server does not accept the token (401): "invalid_token: The sandbox was told to refuse this call"; '
        "the server refused the token that it had just granted",
        systemic=True,
    )


def test_c17_a_missing_scope_ends_the_batch_and_says_which_and_who_grants_it(tpp: Tpp) -> None:
    token = Secret(tpp.sandbox.issue("certificate:manage"))
    with session_with(tpp.sandbox.url, secrets=Secrets(token=token)) as session:
        answer = ticket_writer(session).update(UPDATE)
    assert isinstance(answer, Declined)
    assert answer.systemic
    assert "lacks a scope with the approve privilege, such as certificate:approve (403)" in answer.why
    assert "an administrator adds the scope to the API integration of this client_id" in answer.why
    assert tpp.updates == [(guid(1), False)]


def test_c18_a_refresh_token_that_was_used_before_stops_the_run_before_anything_is_sent(tpp: Tpp, tmp_path) -> None:
    auth = Auth(AuthMethod.REFRESH, token_file=str(tmp_path / "token"))
    secrets = Secrets(refresh_token=Secret("used-before"))
    with (
        pytest.raises(CredentialsRefused) as refusal,
        session_with(tpp.sandbox.url, auth=auth, secrets=secrets),
    ):
        pass
    assert refusal.value.message == (
        'authorize/token refuses (400): "invalid_grant: Grant has been revoked, has expired, '
        'or the refresh token is invalid"'
    )
    assert refusal.value.hint == (
        "it was used before, revoked or has expired: `reconciler auth login` gets a new grant and stores its refresh "
        "token. Each works once, so runs that share one have to share the store; where they can't, choose another "
        "auth.method"
    )
    assert [entry.operation for entry in tpp.sandbox.log.entries] == ["refreshToken"]


def test_many_threads_write_each_update_once(tpp: Tpp) -> None:
    writer = tpp.writer
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(writer.update, [Update(guid(number), approved()) for number in range(1, 9)]))
    assert answers == [Accepted()] * 8
    assert sorted(tpp.updates) == [(guid(number), True) for number in range(1, 9)]
