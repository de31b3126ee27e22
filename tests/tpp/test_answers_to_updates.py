"""What an answer to an update proves: refused, taken, or nothing. A whole run hangs on each of them."""

import pytest

from reconciler.model.decision import Parameters
from reconciler.model.status import approved
from reconciler.model.ticket import Accepted, Answer, Declined, Lost
from reconciler.ports import Update
from reconciler.tpp.writer import ticket_writer
from tests.builders import OBJECT, guid
from tests.tpp.answering import AnsweringServer, http, result
from tests.tpp.opening import session_with

UPDATE = Update(guid(1), approved(), "reviewed [op:6a1f09c2d4e7]")
SAID = {"error": "e", "error_description": "no"}
NOT_A_RESULT = 'Result is not a whole number from 0 to 8; what came begins with "{"Result": "x"}"'
LOOK = "look at the ticket and at the server's log"

ANSWERS: list[tuple[bytes, Answer]] = [
    (http(200, {"Result": 1}), Accepted()),
    *(
        (http(status, {"Result": 1}), Lost(f"HTTP {status} and Result 1 contradict each other"))
        for status in (400, 401, 500)
    ),
    *((http(status, {"Result": "x"}), Lost(NOT_A_RESULT)) for status in (200, 400, 401)),
    (http(500, {"Result": "x"}), Lost(NOT_A_RESULT, server_fault=True)),
    (http(200, {"Result": 0}), Lost(f"Result 0 (None): the server gave no verdict; {LOOK}", 0)),
    (
        http(500, {"Result": 2}),
        Lost(f"Result 2 (GenericFailure): the server failed without a reason; {LOOK}", 2, server_fault=True),
    ),
    (
        http(500, {"Result": 6}),
        Declined(
            "Result 6 (ObjectDoesNotExist): the object of the ticket is gone; check object_dn, or drop the decision", 6
        ),
    ),
    (http(200, "<p>"), Lost('the answer is not JSON; what came begins with "<p>"')),
    (http(400, "<p>"), Lost('the answer is not JSON; what came begins with "<p>"')),
    (http(400, SAID), Declined('the server refuses the request (400): "e: no"')),
    *(
        (http(status, SAID), Declined(f'the server does not take the call (HTTP {status}): "e: no"', systemic=True))
        for status in (404, 405, 431)
    ),
    *(
        (http(status, "<p>"), Lost(f'the server answered HTTP {status}: "<p>"', server_fault=fault))
        for status, fault in ((402, False), (403, False), (404, False), (500, True), (524, True))
    ),
    *(
        (http(status, SAID), Lost(f'the server redirects ({status}), which is not followed: "e: no"'))
        for status in (300, 399)
    ),
    *(
        (http(status, SAID), Lost(f'the server answered HTTP {status}: "e: no"', server_fault=fault))
        for status, fault in (
            (402, False),
            (408, True),
            (409, False),
            (425, True),
            (426, False),
            (429, True),
            (499, False),
            (500, True),
            (524, True),
        )
    ),
]


def test_every_answer_says_whether_the_server_can_have_executed_the_update_and_is_in_trouble() -> None:
    with (
        AnsweringServer(script={"updatestatus": [said for said, _ in ANSWERS]}) as server,
        session_with(server.url) as session,
    ):
        writer = ticket_writer(session)
        assert [writer.update(UPDATE) for _ in ANSWERS] == [meant for _, meant in ANSWERS]


def test_only_denials_in_a_row_count_and_the_third_says_so() -> None:
    """Two tickets of others among many of ours are no reason to leave the rest alone."""
    denied, taken = result(4), result(1)
    said = [denied, denied, taken, denied, denied, denied]
    with (
        AnsweringServer(script={"updatestatus": list(said)}, default={"refresh": http(403, {})}) as server,
        session_with(server.url) as session,
    ):
        writer = ticket_writer(session)
        answers = [writer.update(UPDATE) for _ in said]
    refused = (
        "Result 4 (InsufficientPrivileges): the identity may not act on this ticket; an administrator makes the "
        "identity an approver of the workflow, or gives it rights on the object"
    )
    one = Declined(refused, 4)
    assert answers == [one, one, Accepted(), one, one, Declined(f"{refused} (3 times in a row)", 4, systemic=True)]


PARAMETERS = Parameters(reason="r", object_dn=OBJECT)
LEAVE_OUT = (
    "; the manifest asks for reason, object_dn under `parameters`, which servers from 26.1 on need not take: "
    "leave them out"
)


@pytest.mark.parametrize(
    ("said", "parameters", "added"),
    [
        (http(400, SAID), PARAMETERS, LEAVE_OUT),
        (result(5), PARAMETERS, LEAVE_OUT),
        (http(400, SAID), Parameters(), ""),
        (result(6), PARAMETERS, ""),
        (http(404, SAID), PARAMETERS, ""),
    ],
    ids=["request refused", "argument refused", "nothing asked for", "object gone", "call unknown"],
)
def test_what_a_newer_server_does_not_take_is_named(said: bytes, parameters: Parameters, added: str) -> None:
    with AnsweringServer(script={"updatestatus": [said, said]}) as server, session_with(server.url) as session:
        writer = ticket_writer(session)
        plain = writer.update(UPDATE)
        answer = writer.update(Update(guid(1), approved(), parameters=parameters))
    assert isinstance(plain, Declined)
    assert answer == Declined(plain.why + added, plain.result, plain.systemic)
