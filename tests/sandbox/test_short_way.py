"""Usual requests are answered on a short way; nobody can tell it from the ordinary one."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from aiohttp import web

from reconciler.model.canonical import Json
from reconciler.sandbox import arriving, short_way
from reconciler.sandbox.faults import Drop
from reconciler.sandbox.front import Front
from reconciler.sandbox.routes import ROUTES
from reconciler.sandbox.running import Listening, Sandbox, running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed, TokenSeed
from reconciler.sandbox.world import World
from tests.builders import guid
from tests.fakes import FakeClock
from tests.sandbox.raw import DETAILS, ask, connect, receive, spell

TOKEN, NARROW = "dG9rZW4=", "bmFycm93"
SEED = Seed(
    tokens=(TokenSeed(TOKEN), TokenSeed(NARROW, scope="ssh:manage")),
    tickets=(TicketSeed(guid(1), r"\VED\Policy\one"), TicketSeed(guid(2), r"\VED\Policy\zwei ü €")),
)
BODY = b'{"GUID": "%b"}' % guid(1).encode()
OTHER = json.dumps({"Filter": "svc", "ID": {"PrefixedName": "local:svc-approver"}, "Status": "Approved"}).encode()
NEW_GUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}")
CREATE = json.dumps(
    {"ObjectDN": r"\VED\Policy\new", "WorkflowDN": r"\VED\Policy\Workflows\0", "Approvers": []}
).encode()


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests that took the ordinary way, of all sandboxes."""
    taken: list[str] = []
    handle = Front.handle

    async def note(front: Front, request: web.BaseRequest) -> web.StreamResponse:
        taken.append(request.path)
        return await handle(front, request)

    monkeypatch.setattr(Front, "handle", note)
    return taken


@pytest.fixture
def short(ordinary: list[str]) -> Iterator[Sandbox]:
    with running_sandbox(SEED, clock=FakeClock()) as sandbox:
        yield sandbox


@pytest.fixture
def long(ordinary: list[str]) -> Iterator[Sandbox]:
    with running_sandbox(SEED, clock=FakeClock()) as sandbox:
        sandbox.faults.add(Drop(), guid="hits nothing")
        yield sandbox


def _requests() -> Iterator[bytes]:
    for path, route in ROUTES.items():
        if path.startswith("/vedsdk/"):
            for body in (BODY, OTHER, CREATE, b"", b"[]", b'{"GUID": 1}', b'{"GUID": "\xc3"}'):
                yield spell(f"{route.method} {path}", body, token=TOKEN)
            yield spell(f"{route.method} {path}", BODY)
            yield spell(f"{route.method} {path}", BODY, token="unknown")
            yield spell(f"{route.method} {path}", BODY, token=NARROW)
    yield from (spell("GET /vedauth/authorize/verify", token=token) for token in (None, TOKEN, NARROW, "unknown"))
    yield from (spell("GET /vedauth/revoke/token", token=token) for token in (None, NARROW, NARROW))
    yield spell(body=BODY.replace(b"0001", b"0009"), token=TOKEN)
    yield spell(body=BODY.replace(b"0001", b"0002"), token=TOKEN)
    yield spell("POST /VEDSDK/workflow/ticket/DETAILS//", BODY, "X-One:1", "connection: Keep-Alive", token=TOKEN)
    yield spell(DETAILS, BODY, "Authorization: Basic dXNlcjpwYXNz")
    yield spell(DETAILS, BODY, f"authorization: BEARER  {TOKEN}")
    yield spell(DETAILS, BODY, "Cookie: secret=1", "X-Venafi-Api-Key: secret", token=TOKEN)
    yield b"GET /vedsdk/systemstatus/version HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer dG9rZW4=\r\n\r\n"
    yield b"POST /vedsdk/workflow/ticket/status HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer dG9rZW4=\r\n\r\n"


def _logged(sandbox: Sandbox) -> list[dict[str, Json]]:
    return [{**entry.as_json(), "body": entry.body.hex()} for entry in sandbox.log.entries]


def test_both_ways_answer_the_same_bytes_and_log_the_same(short: Sandbox, long: Sandbox, ordinary: list[str]) -> None:
    requests = list(_requests())
    with closing(connect(short)) as one, closing(connect(long)) as other:
        for request in requests:
            one.sendall(request)
            other.sendall(request)
            assert NEW_GUID.sub(b"", receive(one)) == NEW_GUID.sub(b"", receive(other)), request
    assert len(ordinary) == len(requests) == len(_logged(short))
    assert _logged(short) == _logged(long)
    assert {entry.status for entry in short.log.entries} == {200, 202, 400, 401, 403}
    assert any(entry.effect for entry in short.log.entries)


@pytest.mark.parametrize(
    "request_",
    [
        spell(DETAILS, BODY, "Connection: close", token=TOKEN),
        spell(DETAILS, BODY, "X-Note: \xe9", token=TOKEN),
        spell(DETAILS, BODY, "X-Note:", token=TOKEN),
        spell(DETAILS, BODY, "X-Note: 1", "x-note: 2", token=TOKEN),
        spell(DETAILS, BODY, "X-Note:  1 ", token=TOKEN),
        spell(DETAILS, BODY, "X-Long: " + "x" * short_way.LONGEST_HEAD, token=TOKEN),
        spell(DETAILS, BODY, *(f"X-{number}: 1" for number in range(short_way.MOST_HEADERS)), token=TOKEN),
        spell(DETAILS, BODY, "Expect: 100-continue", token=TOKEN),
        spell(DETAILS + "?a=b", BODY, token=TOKEN),
        spell(DETAILS.replace("Details", "%44etails"), BODY, token=TOKEN),
        spell(DETAILS, BODY.ljust(short_way.LONGEST_BODY + 1), token=TOKEN),
        spell(DETAILS, BODY, token=TOKEN).replace(b"HTTP/1.1", b"HTTP/1.0"),
        spell(DETAILS, b"e\r\n%b\r\n0\r\n\r\n" % BODY[:14], "Transfer-Encoding: chunked").replace(
            b"Content-Length", b"X-Length"
        ),
        spell(DETAILS.replace("POST", "GET"), b"", token=TOKEN),
        spell("POST /vedsdk/unknown", b"", token=TOKEN),
        spell("GET /vedauth/authorize/verify", BODY, token=TOKEN),
        spell("POST /vedauth/authorize/token", b'{"refresh_token": "secret", "client_id": "reconciler"}'),
        spell("GET /sandbox/state"),
    ],
)
def test_what_is_unusual_takes_the_ordinary_way(short: Sandbox, ordinary: list[str], request_: bytes) -> None:
    assert ask(short, request_).startswith(b"HTTP/1.")
    assert len(ordinary) == 1


@pytest.mark.parametrize("request_", [b"\r\n", b"NONSENSE\r\n\r\n", b"\x16\x03\x01\x00\x05hello\r\n\r\n"])
def test_what_is_no_http_is_refused(short: Sandbox, request_: bytes) -> None:
    answer = ask(short, request_, b"\x00\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 400")
    assert short.log.entries == ()


def test_aiohttp_decides_about_a_request_that_names_no_host() -> None:
    head, _, _ = spell(body=BODY, token=TOKEN).partition(b"\r\n\r\n")
    assert short_way.usual(head)
    assert short_way.usual(head.replace(b"Host", b"Tsoh")) is None


def test_latency_takes_the_ordinary_way(ordinary: list[str]) -> None:
    with running_sandbox(SEED, listening=Listening(latency=0.001)) as sandbox:
        assert b'"Result": 1' in ask(sandbox, spell(body=BODY, token=TOKEN))
    assert len(ordinary) == 1


def test_a_fault_that_comes_into_force_hits_the_next_call_of_a_connection(short: Sandbox) -> None:
    request = spell(body=BODY, token=TOKEN)
    with closing(connect(short)) as connection:
        connection.sendall(request)
        assert b'"Result": 1' in receive(connection)
        short.faults.add(Drop())
        connection.sendall(request)
        assert receive(connection) == b""
    assert [entry.status for entry in short.log.entries] == [200, 0]


def test_a_request_may_come_in_two_pieces_wherever_it_is_cut(short: Sandbox) -> None:
    request = spell(body=BODY, token=TOKEN)
    whole = ask(short, request)
    for cut in range(1, len(request), 7):
        assert ask(short, request[:cut], request[cut:]) == whole
    assert len({(entry.path, entry.body, entry.token, entry.status) for entry in short.log.entries}) == 1


def test_a_body_that_comes_after_its_head_keeps_to_the_short_way(short: Sandbox, ordinary: list[str]) -> None:
    head, end, body = spell(body=BODY, token=TOKEN).partition(b"\r\n\r\n")
    with closing(connect(short)) as connection:
        for piece in (head + end, body[:5], body[5:]):
            assert short.log.entries == ()
            connection.sendall(piece)
            time.sleep(0.02)
        assert b'"Result": 1' in receive(connection)
    assert ordinary == []


def test_requests_that_come_together_are_answered_one_after_the_other(short: Sandbox) -> None:
    one, two = spell(body=BODY, token=TOKEN), spell("GET /vedsdk/systemstatus/version", token=TOKEN)
    with closing(connect(short)) as connection:
        for together in (one, one + two, two + one[:50], one[50:] + two):
            connection.sendall(together)
        answers = [receive(connection) for _ in range(6)]
    assert [b"Version" in answer for answer in answers] == [False, False, True, True, False, True]


def test_a_connection_goes_over_to_the_ordinary_way_and_stays_there(short: Sandbox, ordinary: list[str]) -> None:
    with closing(connect(short)) as connection:
        for line in (DETAILS, "GET /sandbox/state", DETAILS):
            connection.sendall(spell(line, b"" if line.startswith("GET") else BODY, token=TOKEN))
            assert receive(connection).startswith(b"HTTP/1.1 200")
    assert ordinary == ["/sandbox/state", DETAILS.partition(" ")[2]]


def test_a_client_that_does_not_take_its_answers_gets_them_all_later(short: Sandbox, ordinary: list[str]) -> None:
    for number in range(1000, 3000):
        short.world.add_ticket(guid(number))
    request = spell("POST /vedsdk/workflow/ticket/enumerate", b"{}", token=TOKEN)
    with closing(connect(short)) as connection:
        for _ in range(200):
            connection.sendall(request)
            time.sleep(0.0005)
        lengths = {len(receive(connection)) for _ in range(200)}
    assert len(lengths) == 1
    assert ordinary


def test_an_idle_connection_is_closed_but_not_one_that_still_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "KEEP_ALIVE", 0.3)
    request = spell(body=BODY, token=TOKEN)
    with running_sandbox(SEED) as sandbox, closing(connect(sandbox)) as sending:
        sending.sendall(request[:-1])
        with closing(connect(sandbox)) as idle:
            idle.sendall(request)
            assert receive(idle)
            assert idle.recv(1) == b""
        sending.sendall(request[-1:])
        assert b'"Result": 1' in receive(sending)


def test_a_sandbox_that_stops_says_goodbye_to_idle_connections() -> None:
    with running_sandbox(SEED) as sandbox:
        connections = [connect(sandbox) for _ in range(2)]
        connections[0].sendall(spell(body=BODY, token=TOKEN))
        receive(connections[0])
    assert [connection.recv(1) for connection in connections] == [b"", b""]
    for connection in connections:
        connection.close()


def test_a_call_that_breaks_is_answered_and_ends_the_connection(
    short: Sandbox, long: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def look_up(*_: object) -> None:
        raise OSError("broken on purpose")

    monkeypatch.setattr(World, "look_up", look_up)
    for sandbox in (short, long):
        with closing(connect(sandbox)) as connection:
            connection.sendall(spell(body=BODY, token=TOKEN))
            answer = receive(connection)
            assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
            assert b"\r\nConnection: close\r\n" in answer
            assert connection.recv(1) == b""
    assert _logged(short) == _logged(long)
    assert [record.getMessage()[:22] for record in caplog.records] == ["Error handling request"] * 2


def test_a_call_that_waits_is_no_call_for_the_short_way() -> None:
    async def wait() -> None:
        await _never()

    with pytest.raises(RuntimeError, match="waits"):
        short_way.at_once(wait())


class _Never:
    def __await__(self) -> Iterator[None]:
        yield


async def _never() -> None:
    await _Never()


def test_a_connection_that_ends_in_the_middle_of_a_request_leaves_nothing(short: Sandbox) -> None:
    connection = connect(short)
    connection.sendall(spell(body=BODY, token=TOKEN)[:-3])
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(1) == b""
    connection.close()
    assert short.log.entries == ()
