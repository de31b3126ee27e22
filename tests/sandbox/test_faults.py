"""Faults: at the call that they are for, with or without the effect, as a client sees them."""

import time
from collections.abc import Callable
from functools import partial

import pytest
import requests

from reconciler.errors import InvalidInput
from reconciler.model.status import Status
from reconciler.sandbox import wrong_answers
from reconciler.sandbox.fault_injection import Drop, Fault, Faults, Hang, Raw, Trickle, Truncate, WrongResult
from reconciler.sandbox.fault_rules import decode_rules
from reconciler.sandbox.running import Sandbox, running_sandbox
from tests.builders import guid
from tests.sandbox.client import TICKET, Client

UPDATE = "ticketUpdateStatus"


def approve(client: Client, number: int = 1) -> requests.Response:
    return client.post(TICKET + "updatestatus", GUID=guid(number), Status="Approved")


@pytest.mark.parametrize(
    "make",
    [
        Drop,
        partial(Drop, reset=True),
        partial(Truncate, 5, cut=True),
        partial(Raw, b"\x00garbage"),
        partial(Raw, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"),
    ],
    ids=["drop", "reset", "cut", "garbage", "short"],
)
@pytest.mark.parametrize("effect", [False, True], ids=["before the effect", "after the effect"])
def test_a_broken_connection_is_no_answer(
    sandbox: Sandbox, client: Client, make: Callable[..., Fault], effect: bool
) -> None:
    sandbox.world.add_ticket(guid(1))
    sandbox.faults.add(make(effect=effect), operation=UPDATE, times=1)

    with pytest.raises(requests.RequestException):
        approve(client)

    assert sandbox.world.tickets[guid(1)].status == ("Approved" if effect else "Pending")
    assert [(entry.effect, entry.status) for entry in sandbox.log.updates] == [(effect, 0)]
    assert approve(client).json() == {"Result": 1}


@pytest.mark.parametrize("effect", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize(
    ("make", "status", "beginning"),
    [
        (wrong_answers.deadlock, 500, b"Transaction (Process ID"),
        (wrong_answers.gateway, 502, b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway"),
        (partial(wrong_answers.gateway, 504), 504, b"<!DOCTYPE html>"),
        (wrong_answers.push_back, 429, b"Too busy"),
        (wrong_answers.html, 200, b"<!DOCTYPE html>\n<html><head><title>Sign in"),
        (wrong_answers.empty, 200, b""),
        (partial(wrong_answers.says, "[1]"), 200, b"[1]"),
        (partial(Truncate, 5), 200, b'{"'),
        (partial(WrongResult, 0), 200, b'{"Result": 0}'),
        (partial(WrongResult, 99), 200, b'{"Result": 99}'),
        (partial(WrongResult, "1"), 200, b'{"Result": "1"}'),
        (partial(WrongResult, {"Result": 1}), 200, b'{"Result": {"Result": 1}}'),
        (partial(WrongResult, missing=True), 200, b"{}"),
    ],
)
def test_a_wrong_answer_comes_with_or_without_the_effect(
    sandbox: Sandbox, client: Client, make: Callable[..., Fault], status: int, beginning: bytes, effect: bool
) -> None:
    sandbox.world.add_ticket(guid(1))
    sandbox.faults.add(make(effect=effect), operation=UPDATE)
    answer = approve(client)

    assert (answer.status_code, answer.content[: len(beginning)]) == (status, beginning)
    assert sandbox.world.tickets[guid(1)].status == ("Approved" if effect else "Pending")
    assert [(entry.effect, entry.status) for entry in sandbox.log.updates] == [(effect, status)]


def test_refusals_and_redirects_have_no_effect(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    for fault in (wrong_answers.unauthorized(), wrong_answers.forbidden(), wrong_answers.redirect("http://127.0.0.1/")):
        sandbox.faults.add(fault, operation=UPDATE, times=1)
    answers = [approve(client) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 403, 302]
    assert "WWW-Authenticate" in answers[0].headers
    assert answers[2].headers["Location"] == "http://127.0.0.1/"
    assert sandbox.log.effects == ()


@pytest.mark.parametrize("when", ["3", "Mon, 23 Nov 2026 12:00:30 GMT", None])
def test_push_back_can_say_when_to_come_back(sandbox: Sandbox, client: Client, when: str | None) -> None:
    sandbox.faults.add(wrong_answers.push_back(503, when))

    assert approve(client).headers.get("Retry-After") == when


@pytest.mark.parametrize("effect", [False, True], ids=["before the effect", "after the effect"])
def test_a_hanging_call_has_its_effect_before_or_after_the_wait(sandbox: Sandbox, client: Client, effect: bool) -> None:
    sandbox.world.add_ticket(guid(1))
    sandbox.faults.add(Hang(3600, effect), operation=UPDATE)

    with pytest.raises(requests.ReadTimeout):
        client.session.post(
            client.url + TICKET + "updatestatus", json={"GUID": guid(1), "Status": "Approved"}, timeout=0.1
        )

    assert [(entry.effect, entry.status) for entry in sandbox.log.updates] == [(effect, None)]


def test_stopping_ends_a_hanging_call_at_once() -> None:
    with running_sandbox() as sandbox, Client(sandbox.url, sandbox.token) as client:
        sandbox.faults.add(Hang(3600))
        with pytest.raises(requests.ReadTimeout):
            client.session.get(client.url + "/vedsdk/identity/self", timeout=0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 60


def test_a_trickle_is_the_true_answer_in_the_end(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    sandbox.faults.add(Trickle(0.0001))

    assert approve(client).json() == {"Result": 1}


def hits(faults: Faults, calls: int, operation: str = UPDATE, number: str = guid(1)) -> list[bool]:
    return [faults.pick(operation, number) is not None for _ in range(calls)]


def test_a_rule_hits_the_calls_that_it_says() -> None:
    def pattern(**conditions: object) -> str:
        faults = Faults()
        faults.add(Drop(), **conditions)  # type: ignore[arg-type]
        return "".join("x" if hit else "." for hit in hits(faults, 5))

    assert pattern() == "xxxxx"
    assert pattern(times=2) == "xx..."
    assert pattern(nth=3) == "..x.."
    assert pattern(after=2) == "..xxx"
    assert pattern(after=1, times=2) == ".xx.."
    assert pattern(operation=UPDATE, guid="{" + guid(1).upper() + "}") == "xxxxx"
    assert pattern(operation="ticketDetails") == "....."
    assert pattern(guid=guid(2)) == "....."


def test_the_first_rule_that_hits_is_the_one() -> None:
    faults = Faults()
    first, second = faults.add(Drop(), times=1), faults.add(Drop(effect=True))

    assert [faults.pick(UPDATE, None) for _ in range(2)] == [first, second]
    assert (first.hits, second.hits) == (1, 1)
    faults.clear()
    assert faults.pick(UPDATE, None) is None


def test_rules_are_read_from_plain_values() -> None:
    rules = decode_rules(
        {
            "rules": [
                {"kind": "drop", "operation": UPDATE, "guid": guid(1), "effect": True, "times": 1},
                {"kind": "hang", "seconds": 2.5, "nth": 3},
                {"kind": "trickle", "seconds": 1},
                {"kind": "truncate", "keep": 3, "cut": True},
                {"kind": "result", "value": [1], "name": "a list"},
                {"kind": "result"},
                {"kind": "raw", "base64": "AAE="},
                {"kind": "deadlock"},
                {"kind": "gateway", "status": 504},
                {"kind": "push-back", "status": 503, "retry_after": "3"},
                {"kind": "html", "title": "Maintenance"},
                {"kind": "empty", "after": 2},
                {"kind": "redirect", "location": "https://elsewhere.example.com/"},
                {"kind": "unauthorized"},
                {"kind": "forbidden"},
                {"kind": "says", "body": "null"},
            ]
        },
        "faults.yaml",
    )

    assert [rule.fault for rule in rules] == [
        Drop(effect=True),
        Hang(2.5),
        Trickle(1),
        Truncate(3, cut=True),
        WrongResult([1]),
        WrongResult(missing=True),
        Raw(b"\x00\x01"),
        wrong_answers.deadlock(),
        wrong_answers.gateway(504),
        wrong_answers.push_back(503, "3"),
        wrong_answers.html("Maintenance"),
        wrong_answers.empty(),
        wrong_answers.redirect("https://elsewhere.example.com/"),
        wrong_answers.unauthorized(),
        wrong_answers.forbidden(),
        wrong_answers.says("null"),
    ]
    assert (rules[0].operation, rules[0].guid, rules[0].times) == (UPDATE, guid(1), 1)
    assert [rule.name for rule in rules[:5]] == ["drop", "hang", "trickle", "truncate", "a list"]


def test_all_faults_of_a_rules_file_are_told_at_once() -> None:
    rules = [
        {"kind": "dorp"},
        {"kind": "drop", "operation": "UpdateStatus", "effect": "yes"},
        {"kind": "hang", "extra": 1},
        {"kind": "gateway", "status": 99},
        {"kind": "raw", "base64": "?"},
        "drop",
    ]
    with pytest.raises(InvalidInput) as caught:
        decode_rules({"rules": rules}, "faults.yaml")

    assert [f"{problem.source}: {problem.message}" for problem in caught.value.problems] == [
        "faults.yaml: rules[0].kind: 'dorp' is no kind of fault",
        "faults.yaml: rules[1].effect: must be true or false",
        "faults.yaml: rules[1].operation: 'UpdateStatus' is no operation",
        "faults.yaml: rules[2].extra: is not known",
        "faults.yaml: rules[2].seconds: is required and must be a number, 0 or more",
        "faults.yaml: rules[3].status: must be an HTTP status from 200 to 599",
        "faults.yaml: rules[4].base64: must be base64",
        "faults.yaml: rules[5]: must be a mapping",
    ]


def test_latency_and_faults_leave_the_log_complete(sandbox: Sandbox, client: Client) -> None:
    sandbox.world.add_ticket(guid(1))
    sandbox.faults.add(wrong_answers.deadlock(), operation=UPDATE, nth=1)
    for _ in range(2):
        approve(client)

    logged = [(entry.method, entry.path, entry.fault, entry.status, entry.result) for entry in sandbox.log.entries]
    assert logged == [
        ("POST", TICKET + "updatestatus", "say", 500, None),
        ("POST", TICKET + "updatestatus", None, 200, 1),
    ]
    assert sandbox.log.updates[0].json == {"GUID": guid(1), "Status": Status.APPROVED}
