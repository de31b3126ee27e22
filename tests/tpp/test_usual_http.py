"""The short way of HTTP says and hears what http.client says and hears, or leaves it to http.client."""

import http.client
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.ticket import Found
from reconciler.tpp.session import ticket_reader
from reconciler.tpp.usual_http import MOST_HEADS, Reply, learn, usual_answer
from tests.builders import guid
from tests.tpp.answering import AnsweringServer, Last, result
from tests.tpp.answering import http as answering
from tests.tpp.opening import session_with

DETAILS = {"Result": 1, "Status": "Pending", "GUID": guid(1), "Blocking": "x"}
LINES = [
    "Content-Type: application/json; charset=utf-8",
    "Server: Microsoft-IIS/10.0",
    "Date: Wed, 25 Nov 2026 22:12:06 GMT",
    "Retry-After: 12",
    "X-Empty:",
    "X-Odd:  two blanks",
    "X-Folded: one",
    " two",
    "Transfer-Encoding: chunked",
    "Connection: close",
    "content-length: 3",
    "Content-Encoding: gzip",
    "Bad Name: x",
    "no colon",
]
STATUSES = ["HTTP/1.1 200 OK", "HTTP/1.1 400 Bad Request", "HTTP/1.1 204 No Content", "HTTP/1.0 200 OK", "HTTP/1.1 200"]
STATUSES += ["HTTP/1.1 100 Continue", "HTTP/1.1 503 Service Unavailable", "HTTP/2 200 OK", "http/1.1 200 ok"]


class _Said:
    """As much of a socket as http.client reads from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """A status, some headers, a body, mostly of the length that is stated; sometimes with something stuck into it."""
    body = draw(st.binary(max_size=40)) if draw(st.booleans()) else json.dumps(DETAILS).encode()
    length = len(body) + draw(st.sampled_from([0, 0, 0, 0, -1, 1]))
    lines = [draw(st.sampled_from(STATUSES)), *draw(st.lists(st.sampled_from(LINES), max_size=4))]
    lines.insert(draw(st.integers(1, len(lines))), f"Content-Length: {length}")
    data = "\r\n".join([*lines, "", ""]).encode() + body
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=6)) + data[at + draw(st.integers(0, 3)) :]
    return data


@settings(max_examples=1500, deadline=None)
@given(data=answers())
def test_an_answer_is_taken_in_one_piece_only_if_http_client_reads_the_same(data: bytes) -> None:
    answer = usual_answer(data)
    if answer is None:
        return
    plain = http.client.HTTPResponse(_Said(data), method="POST")  # type: ignore[arg-type]
    plain.begin()
    assert (plain.status, plain.will_close, plain.chunked) == (answer.status, False, False)
    assert {name.lower(): plain.getheader(name) for name, _ in plain.getheaders()} == dict(answer.headers)
    assert plain.read() == answer.body
    assert plain.length == 0


@pytest.mark.parametrize("status", [200, 400, 401, 500, 503])
def test_orderly_answers_are_taken_in_one_piece(status: int) -> None:
    answer = usual_answer(answering(status, DETAILS, Retry_After="12"))
    assert isinstance(answer, Reply)
    assert (answer.status, json.loads(answer.body), answer.headers["retry-AFTER"]) == (status, DETAILS, "12")
    assert "Content-Length" in answer.headers
    assert answer.headers.get("Location") is None


def test_a_request_that_is_made_again_is_the_one_that_http_client_spells() -> None:
    with AnsweringServer(default={"details": answering(200, DETAILS)}) as server, session_with(server.url) as session:
        for _ in range(3):
            assert isinstance(ticket_reader(session).read(guid(1)), Found)
    first, *others = server.heard
    assert [(heard, list(heard.headers.items())) for heard in others] == [(first, list(first.headers.items()))] * 2
    assert server.connections == 1


def test_a_request_whose_length_stands_nowhere_plain_is_not_learnt() -> None:
    spelled = b"POST /x HTTP/1.1\r\nHost: tpp\r\nContent-Length: 2\r\nAccept: */*\r\n\r\n{}"
    head = learn(spelled, b"{}")
    assert head is not None
    assert head.request(b"{}") == spelled
    assert head.request(b'{"a": 1}') == spelled.replace(b": 2\r\n", b": 8\r\n").replace(b"{}", b'{"a": 1}')
    assert learn(spelled.replace(b": 2\r\n", b": 3\r\n"), b"{}") is None
    assert learn(spelled, b"[]") is None
    assert learn(b"GET /x HTTP/1.1\r\nHost: tpp\r\n\r\n", b"") is None


def test_connections_do_not_learn_without_end() -> None:
    default = {"details": answering(200, DETAILS)}
    with AnsweringServer(default=default) as server, session_with(server.url) as session:
        exchange = session.line.exchange
        timeout = session.asker.channel._timeout
        for number in range(MOST_HEADS + 8):
            assert exchange.send("POST", f"/{number}/Details", {"X-Number": "1"}, b"{}", timeout).status == 200
    assert 0 < len(exchange._pool.heads) <= MOST_HEADS


def test_a_call_with_other_headers_is_spelled_anew() -> None:
    with AnsweringServer(default={"details": answering(200, DETAILS)}) as server, session_with(server.url) as session:
        exchange, timeout = session.line.exchange, session.asker.channel._timeout
        headers = {"X-Number": "1"}
        for number in ("1", "1", "2", "2", "1"):
            headers["X-Number"] = number
            assert exchange.send("POST", "/vedsdk/Workflow/Ticket/Details", headers, b"{}", timeout).status == 200
    assert [heard.headers["x-number"] for heard in server.heard] == ["1", "1", "2", "2", "1"]


def test_a_connection_that_the_server_closed_is_noticed_before_a_call_is_made_again() -> None:
    with AnsweringServer(default={"details": answering(200, DETAILS)}) as server, session_with(server.url) as session:
        exchange, timeout = session.line.exchange, session.asker.channel._timeout
        for _ in range(3):
            for _ in range(2):
                assert exchange.send("POST", "/vedsdk/Workflow/Ticket/Details", {}, b"{}", timeout).status == 200
            server.hang_up()
    assert (server.connections, len(server.heard)) == (3, 6)


def test_headers_that_answers_share_are_taken_apart_once() -> None:
    one, other = (usual_answer(answering(200, DETAILS, Retry_After=wait)) for wait in ("12", "12"))
    assert one is not None
    assert other is not None
    assert one.headers is other.headers
    assert dict(one.headers) == {"content-length": str(len(one.body)), "retry-after": "12"}


@pytest.mark.parametrize(
    "second",
    [
        answering(200, DETAILS)[:-1],
        answering(200, DETAILS, Connection="close"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (json.dumps(DETAILS).encode(), b"")),
        answering(200, DETAILS) + b"HTTP/1.1 200 OK\r\n",
        b"",
    ],
    ids=["cut", "close", "chunked", "more", "nothing"],
)
def test_an_unusual_answer_to_a_call_that_was_made_before_is_read_as_any(second: bytes) -> None:
    script = {"details": [answering(200, DETAILS), Last(second)]}
    default = {"details": answering(200, DETAILS), "refresh": result(1)}
    with AnsweringServer(script=script, default=default) as server, session_with(server.url) as session:
        readings = [ticket_reader(session).read(guid(1)) for _ in range(3)]
    assert [type(reading) for reading in readings] == [Found, Found, Found]
