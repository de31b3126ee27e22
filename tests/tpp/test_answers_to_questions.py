"""What an answer to a question shows: whether it is asked again, for how long, and what the run makes of it."""

from datetime import timedelta

import pytest

from reconciler.model.ticket import Unread
from reconciler.tpp.session import ticket_reader
from tests.builders import NOW, guid
from tests.fakes import FakeClock
from tests.tpp.answering import DROP, AnsweringServer, http
from tests.tpp.opening import session_with

SAID = {"error": "e", "error_description": "no"}
TOKEN = (
    'the server does not accept the token (401): "e: no" (it is expired, revoked or wrong: get a new one '
    "(`vcert getcred` gets one, or `reconciler auth login` with auth.method refresh))"
)
SCOPE = (
    'the grant lacks a scope or a right for details (403): "e: no" (an administrator adds the scope to the API '
    "integration of this client_id, and its users or roles, in the console under API > Integrations)"
)


def answered(status: int, *, systemic: bool, passing: bool) -> Unread:
    return Unread(f'the server answered HTTP {status}: "e: no"', systemic=systemic, passing=passing)


# Answer, how often it is asked for when the run waits 100 s at most, and what the reading comes to.
ANSWERS: list[tuple[bytes, int, Unread]] = [
    (http(503, SAID), 11, answered(503, systemic=True, passing=True)),
    *(
        (http(status, SAID), 5, answered(status, systemic=status != 500, passing=True))
        for status in (408, 425, 429, 500, 502, 504)
    ),
    *((http(status, SAID), 1, answered(status, systemic=status != 400, passing=False)) for status in (400, 501, 524)),
    (http(500, "<p>"), 5, Unread('the server answered HTTP 500: "<p>"', passing=True)),
    (http(500, {"Result": 2}), 5, Unread('the server answered HTTP 500: "{"Result": 2}"', passing=True)),
    (http(401, SAID), 1, Unread(TOKEN, systemic=True)),
    (http(403, SAID), 1, Unread(SCOPE, systemic=True)),
    *(
        (
            http(status, SAID),
            1,
            Unread(
                f'the server does not know the call details ({status}): "e: no" (check the URL of the server)',
                systemic=True,
            ),
        )
        for status in (404, 405)
    ),
    *(
        (
            http(status, SAID, Location="https://login.example.com/"),
            1,
            Unread(
                f"the server redirects ({status}) to https://login.example.com/, which is not followed (configure "
                "the URL that TPP itself answers on)",
                systemic=True,
            ),
        )
        for status in (300, 399)
    ),
]


@pytest.mark.parametrize(("said", "asked", "reading"), ANSWERS, ids=[str(said[9:12], "ascii") for said, *_ in ANSWERS])
def test_a_question_is_asked_again_as_long_as_that_may_help(said: bytes, asked: int, reading: Unread) -> None:
    clock = FakeClock(NOW + timedelta(seconds=60))
    with (
        AnsweringServer(default={"details": said}) as server,
        session_with(server.url, clock=clock, wait=100.0) as session,
    ):
        assert ticket_reader(session).read(guid(1)) == reading
        assert len(server.calls("details")) == asked


def test_a_server_that_takes_no_connection_is_waited_for_and_one_that_drops_it_is_not() -> None:
    away, drops = FakeClock(), FakeClock()
    with session_with("http://127.0.0.1:1", clock=away, wait=100.0) as session:
        assert isinstance(ticket_reader(session).read(guid(1)), Unread)
    with (
        AnsweringServer(default={"details": DROP}) as server,
        session_with(server.url, clock=drops, wait=100.0) as session,
    ):
        assert isinstance(ticket_reader(session).read(guid(1)), Unread)
    assert (sum(away.slept), sum(drops.slept)) == (100, 15)


@pytest.mark.parametrize(("said", "calls"), [(http(401, SAID), 1), (http(404, SAID), 3), (http(400, SAID), 4)])
def test_what_no_other_question_can_mend_is_asked_no_more(said: bytes, calls: int) -> None:
    """A refused token ends it at once, an unknown call after three in a row, a fault of one ticket never."""
    with AnsweringServer(default={"details": said}) as server, session_with(server.url) as session:
        for number in range(1, 5):
            ticket_reader(session).read(guid(number))
        assert len(server.calls("details")) == calls
