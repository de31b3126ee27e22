"""Whatever bytes come: a value, never a traceback, never a hang, never a wrong outcome. Seeded."""

import json
import random
import re
from collections.abc import Iterator

import pytest

from reconciler.errors import ServerFailure
from reconciler.model.status import State, approved
from reconciler.model.ticket import Accepted, Answer, Declined, Found, Gone, Hidden, LiveTicket, Lost, Reading, Unread
from reconciler.ports import Update
from reconciler.tpp.backend import find_tickets
from reconciler.tpp.checks import server_version, verify
from reconciler.tpp.identities import own_identities, resolve_identities
from reconciler.tpp.session import Session, ticket_reader
from reconciler.tpp.writer import ticket_writer
from tests.builders import guid
from tests.tpp.answering import AnsweringServer, Last, http, result
from tests.tpp.opening import session_with

GOOD = {"Result": 1, "Status": "Pending", "GUID": guid(1), "Blocking": "x", "Updated": "/Date(1489096754000)/"}
EVERY_CALL = ("details", "exists", "enumerate", "refresh", "self", "browse", "validate", "version", "verify")


def mutations(chance: random.Random) -> Iterator[bytes]:
    """Answers that are random, or good ones with a part cut, doubled or replaced."""
    good = http(200, json.dumps(GOOD), Content_Type="application/json")
    while True:
        match chance.randrange(6):
            case 0:
                yield chance.randbytes(chance.randrange(1, 200))
            case 1:
                yield http(chance.choice((200, 400)), chance.randbytes(chance.randrange(100)))
            case 2:
                body = json.dumps(GOOD).encode()
                yield http(200, body[: chance.randrange(len(body))])
            case 3:
                yield good[: chance.randrange(1, len(good))]
            case 4:
                spot = chance.randrange(len(good))
                yield good[:spot] + chance.randbytes(chance.randrange(1, 8)) + good[spot + chance.randrange(8) :]
            case _:
                odd = chance.choice([None, True, [], {}, "", "1", 1.5, -1, 9, 10**40, {"Result": 1}])
                member = chance.choice([*GOOD, "Approvers", "ScheduledStart", "ScheduledStop", "GUIDs"])
                yield http(200, json.dumps(GOOD | {member: odd}))


def _is_sound(reading: Reading) -> bool:
    """A ticket may only be found with what a complete, well-formed answer says; it is never called gone."""
    match reading:
        case Found(LiveTicket() as ticket):
            return ticket.guid == guid(1) and isinstance(ticket.state, State) and bool(ticket.state.status)
        case Unread() | Hidden():
            return True
        case _:
            return False


MANY = pytest.mark.parametrize("many", [200, pytest.param(1000, marks=pytest.mark.slow)])


@MANY
def test_hundreds_of_random_answers_never_break_a_read(many: int) -> None:
    answers = mutations(random.Random(8_2026))
    script = {"details": lambda heard: next(answers), "refresh": result(1)}
    with AnsweringServer(default=script, closes_after=True) as server:
        for _ in range(many):
            with session_with(server.url) as session:
                assert _is_sound(ticket_reader(session).read(guid(1)))
    assert len(server.calls("details")) > many


@MANY
def test_random_answers_to_a_call_that_was_made_before_never_break_a_read(many: int) -> None:
    answers = mutations(random.Random(9_2026))
    orderly = True

    def answer(_heard):
        return good if orderly else Last(next(answers))

    good = http(200, GOOD)
    with AnsweringServer(default={"details": answer, "refresh": result(1)}) as server:
        for _ in range(many // 2):
            with session_with(server.url) as session:
                orderly = True
                assert isinstance(ticket_reader(session).read(guid(1)), Found)
                orderly = False
                assert _is_sound(ticket_reader(session).read(guid(1)))


@MANY
def test_hundreds_of_random_answers_never_turn_an_update_into_something_it_is_not(many: int) -> None:
    answers = mutations(random.Random(3_2026))
    sent: list[bytes] = []

    def answer(heard):
        sent.append(next(answers))
        return sent[-1]

    with AnsweringServer(default={"updatestatus": answer, "refresh": result(1)}, closes_after=True) as server:
        for number in range(many):
            with session_with(server.url) as session:
                outcome = ticket_writer(session).update(Update(guid(1), approved()))
            assert len(sent) == number + 1
            assert _is_honest(outcome, sent[-1])


def _is_honest(outcome: Answer, raw: bytes) -> bool:
    """Accepted needs HTTP 200 and a Result of 1; a refusal needs a status or a Result that refuses."""
    match outcome:
        case Accepted():
            return b" 200" in raw[:16] and re.search(rb'"Result": 1\s*[,}]', raw) is not None
        case Declined(_, refused, _):
            return refused in (3, 4, 5, 6, 8) or b" 4" in raw[:16]
        case Lost():
            return True
        case _:
            return False


CORPUS = {
    "huge": http(200, b" " * (5 * 1024 * 1024)),
    "endless": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"[" * 65536 + b"\r\n") * 80,
    "deep": http(200, b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "NaN": http(200, b'{"Result": NaN}'),
    "duplicate keys": http(200, b'{"Result": 5, "Result": 1}'),
    "duplicate keys in two cases": http(200, b'{"Result": 5, "result": 1}'),
    "wrong types": http(200, b'{"Result": [1], "Status": {"a": 1}, "GUIDs": 7, "Identities": "x", "identity": 1}'),
    "wrong types below": http(200, b'{"Result": "1", "GUIDs": [1], "Identities": [[]], "ID": 4, "identity": "x"}'),
    "lone surrogate": http(200, b'{"Result": "\\ud800"}'),
    "terminal escapes": http(200, b"\x1b]0;owned\x07\x1b[2J\x9b31m\xe2\x80\xae"),
    "escapes in the reason": b"HTTP/1.1 500 \x1b[31mred\r\nContent-Length: 4\r\n\r\n\x1b[2J",
    "no status": b"\r\n\r\n\r\n",
    "ftp": b"220 ftp\r\n",
    "status out of range": b"HTTP/1.1 99999 x\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n{}",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "gzip that is none": http(200, b'{"Result": 1}', Content_Encoding="gzip")[:-1] + b"x",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500 + b"\r\n",
    "a long header": b"HTTP/1.1 200 OK\r\na: " + b"b" * 200_000 + b"\r\n\r\n",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\n{}",
    "continue for ever": b"HTTP/1.1 100 Continue\r\n\r\n" * 5000,
    "switching protocols": b"HTTP/1.1 101 Switching\r\n\r\n",
    "a redirect to escapes": http(302, b"", Location="\x1b[31mhttp://evil.example\xff"),
    "a redirect loop": http(308, b"", Location="/vedsdk/Workflow/Ticket/Details"),
    "retry after nonsense": http(503, b"", Retry_After="Fri, 31 Feb 99999 99:99:99 GMT"),
    "a number": http(200, b"1"),
    "utf-16": http(200, '{"Result": 1}'.encode("utf-16")),
}


@pytest.mark.parametrize("raw", CORPUS.values(), ids=CORPUS.keys())
def test_a_hostile_answer_ends_in_words_that_are_safe_to_show(raw: bytes) -> None:
    answers = dict.fromkeys((*EVERY_CALL, "updatestatus"), raw)
    with (
        AnsweringServer(default=answers, closes_after=True) as server,
        session_with(server.url, read_timeout=1.0) as session,
    ):
        reading = ticket_reader(session).read(guid(1))
        answer = ticket_writer(session).update(Update(guid(1), approved()))
        assert isinstance(reading, Unread)
        assert isinstance(answer, Lost)
        words = [reading.why, answer.why, *_failures_of_every_question(server.url)]
    assert all(word.isprintable() for word in words)
    assert max(map(len, words)) < 500


def _failures_of_every_question(url: str) -> list[str]:
    def browse(session: Session) -> object:
        return resolve_identities(session, ["jdoe"])

    failures = []
    for question in (find_tickets, own_identities, browse, verify, server_version):
        with session_with(url, read_timeout=1.0) as session:
            try:
                question(session)
            except ServerFailure as failure:
                failures += [failure.message, failure.hint]
    return failures


def test_a_server_that_trickles_its_answer_is_left_in_time() -> None:
    trickled = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000

    with (
        AnsweringServer(default={"updatestatus": trickled}, seconds_per_byte=0.02) as server,
        session_with(server.url, read_timeout=0.3) as session,
    ):
        answer = ticket_writer(session).update(Update(guid(1), approved()))
    assert answer == Lost(f"127.0.0.1:{server.port} did not answer in time", server_fault=True)


def test_a_server_that_echoes_the_token_does_not_get_it_into_a_message() -> None:
    def echo(heard):
        return http(500, f"<p>bad header: {heard.headers['authorization']}</p>")

    with (
        AnsweringServer(default={"details": echo, "updatestatus": echo}) as server,
        session_with(server.url) as session,
    ):
        reading = ticket_reader(session).read(guid(1))
        answer = ticket_writer(session).update(Update(guid(1), approved()))
    assert reading == Unread('the server answered HTTP 500: "<p>bad header: Bearer ***</p>"', passing=True)
    assert answer == Lost('the server answered HTTP 500: "<p>bad header: Bearer ***</p>"', server_fault=True)


def test_gone_needs_three_well_formed_answers() -> None:
    with (
        AnsweringServer(default={"details": result(3), "refresh": result(1), "exists": http(200, b"{}")}) as server,
        session_with(server.url) as session,
    ):
        assert not isinstance(ticket_reader(session).read(guid(1)), Gone)
