"""Answers that do not come, come late, or belong to another request: never two effective updates, no false word."""

import json
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from tests.wire.conftest import GUIDS, Repository
from tests.wire.server import Exchange, Handler, Ticket, honest, http

ONE = GUIDS[0]
SUCCESS = http(200, {"Result": 1})
DEADLOCK = (
    "Transaction was deadlocked on lock resources and has been chosen as the deadlock victim. Rerun the transaction."
)


def says(data: bytes) -> Handler:
    """Answer with these bytes, and hold the update up."""

    def handle(exchange: Exchange) -> None:
        exchange.hold_up()
        exchange.send(data)

    return handle


def breaks_off(data: bytes = b"") -> Handler:
    def handle(exchange: Exchange) -> None:
        exchange.hold_up()
        exchange.send(data)
        exchange.close()

    return handle


def resets(exchange: Exchange) -> None:
    exchange.hold_up()
    exchange.reset()


PAGE = "<!DOCTYPE html><title>Bad</title>"
LOST: dict[str, Handler] = {
    "reset": resets,
    "closed": breaks_off(),
    "half an answer": breaks_off(SUCCESS[:-3]),
    "half a head": breaks_off(b"HTTP/1.1 200 OK\r\nConte"),
    "half a chunk": breaks_off(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"Result": 1'),
    "no HTTP": breaks_off(b"220 smtp.example.com ESMTP\r\n"),
    "103 and nothing": breaks_off(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "103 and 200": says(b"HTTP/1.1 103 Early Hints\r\n\r\n" + SUCCESS),
    "101": says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + SUCCESS),
    "two answers": says(SUCCESS + SUCCESS),
    "bytes behind": says(SUCCESS + b"\r\n\r\nx"),
    "two lengths": says(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Length: 12\r\n\r\n{"Result": 1}'),
    "length and chunks": says(
        b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{"Result": 1}\r\n0\r\n\r\n'
    ),
    "a page": says(http(200, PAGE)),
    "a page with 400": says(http(400, PAGE)),
    "a page with 403": says(http(403, PAGE)),
    "a page with 404": says(http(404, PAGE)),
    "a huge body": says(http(200, b" " * 5_000_000)),
    "deadlocked": says(http(500, DEADLOCK)),
    "Success without effect": says(SUCCESS),
    "Result 0": says(http(200, {"Result": 0})),
    "Result 2": says(http(500, {"Result": 2})),
    "Result 7": says(http(400, {"Result": 7})),
    **{
        str(status): says(http(status, PAGE, "Location: https://login.example.com/", "Retry-After: 1"))
        for status in (301, 302, 307, 408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 599)
    },
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST.keys())
def test_an_update_that_takes_effect_seconds_after_its_answer_was_lost_is_sent_once(
    repository: Repository, lost: Handler
) -> None:
    server = repository.server
    server.script["updatestatus"] = [lost]
    repository.decide(ONE)
    first = repository.run("apply", "--yes")
    assert (first.code, server.effects) == (6, {}), first.out
    assert "unclear until " in " ".join(first.out.split())
    repository.later(seconds=9)
    server.release()
    second = repository.run("apply", "--yes")
    assert (second.code, len(server.updates), server.effects[ONE]) == (0, 1, 1), second.out
    assert "awaiting-others" in repository.run("plan").out
    assert repository.run("ledger", "verify").code == 0


@pytest.mark.parametrize("lost", [LOST["reset"], LOST["503"], LOST["a page"]], ids=["reset", "503", "a page"])
def test_an_update_that_shows_no_effect_is_unclear_until_patience_is_over_and_then_proposed_anew(
    repository: Repository, lost: Handler
) -> None:
    server = repository.server
    server.script["updatestatus"] = [lost]
    repository.decide(ONE)
    assert repository.run("apply", "--yes").code == 6
    for minutes in (0, 5, 9):
        repository.later(minutes=minutes)
        planned = repository.run("plan", "--format", "json")
        (step,) = json.loads(planned.out)["steps"]
        assert (planned.code, step["verdict"], step["reason"]) == (5, "unclear", "unclear/lost-answer")
        assert step["detail"].startswith("unclear until ")
        assert repository.run("apply", "--yes").code == 5
        assert len(server.updates) == 1
    repository.later(minutes=2)
    planned = repository.run("plan", "--out", "plan.json")
    assert planned.code == 0
    assert "sent before: run " in " ".join(planned.out.split())
    assert repository.run("apply", "plan.json", "--yes").code == 0
    assert (len(server.updates), server.effects[ONE]) == (2, 1)


@pytest.mark.parametrize("status", ["Rejected", "Pending"])
def test_nothing_is_sent_to_a_ticket_with_an_update_on_its_way_whatever_is_wanted_by_now(
    repository: Repository, status: str
) -> None:
    server = repository.server
    server.script["updatestatus"] = [resets]
    repository.decide(ONE)
    assert repository.run("apply", "--yes").code == 6
    repository.decide(ONE, status=status)
    repository.later(minutes=5)
    (step,) = json.loads(repository.run("plan", "--format", "json").out)["steps"]
    assert step["reason"] == "unclear/lost-answer"
    assert (repository.run("apply", "--yes").code, len(server.updates)) == (5, 1)


def test_patience_is_configurable(repository: Repository) -> None:
    server = repository.server
    server.script["updatestatus"] = [resets]
    repository.decide(ONE)
    path = repository.folder / "reconciler.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("settle: 5", "settle: 5, patience: 1h"), encoding="utf-8")
    assert repository.run("apply", "--yes").code == 6
    repository.later(minutes=59)
    assert repository.run("apply", "--yes").code == 5
    repository.later(minutes=2)
    assert repository.run("apply", "--yes").code == 0
    assert (len(server.updates), server.effects[ONE]) == (2, 1)


def test_a_saved_plan_from_before_the_loss_is_never_sent_again(repository: Repository) -> None:
    server = repository.server
    server.script["updatestatus"] = [resets]
    repository.decide(ONE)
    assert repository.run("plan", "--out", "plan.json").code == 0
    assert repository.run("apply", "plan.json", "--yes").code == 6
    repository.later(minutes=20)
    assert repository.run("apply", "plan.json", "--yes").code == 5
    assert len(server.updates) == 1


def test_a_late_duplicate_of_a_readings_answer_is_not_taken_for_the_answer_of_the_update(
    repository: Repository,
) -> None:
    """The update is refused, and at that moment every kept connection gets its last answer once more."""
    server = repository.server

    def refuses(exchange: Exchange) -> None:
        for connection in server.connections:
            if connection is not exchange.connection and connection.fileno() >= 0:
                connection.sendall(http(200, server.tickets[ONE].members()))
        exchange.send(http(200, {"Result": 5}))

    server.always["updatestatus"] = refuses
    repository.decide(ONE)
    said = repository.run("apply", "--yes")
    assert (said.code, server.effects) == (5, {}), said.out
    assert "rejected-by-server" in said.out


def test_every_update_has_a_connection_of_its_own(repository: Repository) -> None:
    server = repository.server
    calls: dict[int, list[str]] = {}

    def noted(exchange: Exchange) -> None:
        calls.setdefault(id(exchange.connection), []).append(exchange.request.call)
        honest(exchange)

    server.always = dict.fromkeys(("details", "updatestatus", "exists", "verify"), noted)
    repository.decide(*GUIDS)
    assert repository.run("apply", "--yes").code == 0
    shared = [each for each in calls.values() if "updatestatus" in each and len(each) > 1]
    assert (shared, len(server.updates)) == ([], len(GUIDS))


@pytest.mark.parametrize(
    "stray", [b"HTTP/1.1 103 Early Hints\r\n\r\n", http(200, Ticket(GUIDS[4], status="Rejected").members())]
)
def test_an_answer_that_comes_unasked_before_a_readings_own_shifts_no_other(
    repository: Repository, stray: bytes
) -> None:
    server = repository.server

    def shifted(exchange: Exchange) -> None:
        exchange.send(stray + http(200, exchange.carry_out()))

    server.script["details"] = [shifted]
    repository.decide(*GUIDS[:3])
    planned = repository.run("plan", "--format", "json")
    assert planned.code == 0
    objects = {step["guid"]: step["object"] for step in json.loads(planned.out)["steps"]}
    assert objects == {guid: rf"\VED\Policy\Web\{guid[:8]}" for guid in GUIDS[:3]}
    server.always["details"] = shifted
    never = repository.run("plan", "--format", "json")
    assert never.code == 7
    assert {step["reason"] for step in json.loads(never.out)["steps"]} == {"error/unavailable"}


@pytest.mark.parametrize("where", ["explanation", "reason"])
def test_an_update_whose_answer_is_lost_is_proven_by_our_tag_wherever_it_shows(
    repository: Repository, where: str
) -> None:
    server = repository.server

    def done(exchange: Exchange) -> None:
        exchange.carry_out()
        ticket = server.tickets[ONE]
        text, ticket.explanation = ticket.explanation, ""
        setattr(ticket, where, text)
        exchange.reset()

    server.script["updatestatus"] = [done]
    repository.decide(ONE)
    said = repository.run("apply", "--yes")
    assert (said.code, server.effects[ONE]) == (0, 1), said.out
    assert "awaiting-others" in said.out


def test_two_checkouts_with_ledgers_of_their_own_do_not_double_what_the_first_one_did(repository: Repository) -> None:
    server, other = repository.server, repository.another("other")
    for each in (repository, other):
        each.decide(ONE)
    assert other.run("plan", "--out", "early.json").code == 0
    assert repository.run("apply", "--yes").code == 0
    planned = other.run("plan", "--format", "json")
    (step,) = json.loads(planned.out)["steps"]
    assert (planned.code, step["reason"]) == (5, "conflict/unknown-operation")
    assert other.run("apply", "--yes").code == 5
    assert other.run("apply", "early.json", "--yes").code == 5
    assert (len(server.updates), server.effects[ONE]) == (1, 1)


def test_what_another_checkout_did_can_be_adopted_and_waits_for_others_then(repository: Repository) -> None:
    server, other = repository.server, repository.another("other")
    for each in (repository, other):
        each.decide(ONE)
    assert repository.run("apply", "--yes").code == 0
    adopted = other.run("ledger", "adopt", ONE)
    assert (adopted.code, "awaiting-others, Approved" in adopted.out) == (0, True), adopted
    (step,) = json.loads(other.run("plan", "--format", "json").out)["steps"]
    assert step["reason"] == "awaiting-others/approvers"
    assert (len(server.updates), server.effects[ONE]) == (1, 1)


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_a_refusal_of_one_ticket_is_one_tickets(repository: Repository, status: int) -> None:
    server = repository.server

    def refuses(exchange: Exchange) -> None:
        if exchange.request.json["GUID"] == GUIDS[2]:
            exchange.send(http(status, {"Result": 4}))
        else:
            honest(exchange)

    server.always["updatestatus"] = refuses
    repository.decide(*GUIDS)
    said = repository.run("apply", "--yes")
    assert said.code == 5, said.out
    assert server.effects == Counter({guid: 1 for guid in GUIDS if guid != GUIDS[2]})
    assert "does not accept the token" not in said.out


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_a_ticket_that_may_not_be_read_is_one_tickets_affair(repository: Repository, status: int) -> None:
    server = repository.server

    def denies(exchange: Exchange) -> None:
        denied = exchange.request.json["GUID"] == GUIDS[2]
        exchange.send(http(status, {"Result": 4})) if denied else honest(exchange)

    server.always["details"] = denies
    repository.decide(*GUIDS)
    planned = repository.run("plan", "--format", "json")
    reasons = {step["guid"]: step["reason"] for step in json.loads(planned.out)["steps"]}
    assert reasons == dict.fromkeys(GUIDS, "approve/wanted") | {GUIDS[2]: "invisible/denied"}
    assert planned.code == 5


def test_a_plan_that_does_not_know_of_an_update_is_stale_also_once_that_showed_no_effect(
    repository: Repository,
) -> None:
    """A run died after it sent; a later one found no trace of it. Only a new plan may propose it again."""
    server = repository.server
    repository.decide(ONE)
    assert repository.run("plan", "--out", "early.json").code == 0

    server.script["updatestatus"] = [resets]
    assert repository.run("apply", "--yes").code == 6
    (path,) = (repository.folder / "ledger").rglob("*.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))  # as if it was killed after it sent
    repository.later(minutes=20)
    repository.decide(ONE, status="Pending")
    assert repository.run("apply", "--yes").code == 0
    assert "left an intent that had no effect" in " ".join(repository.run("ledger", "log", "-v").out.split())
    said = repository.run("apply", "early.json", "--yes")
    told = " ".join(said.out.split())
    assert (said.code, "found that an update of Approved had no effect since the plan was made" in told) == (5, True), (
        told
    )
    assert len(server.updates) == 1


# The limits of the promise, as docs/concepts/exactly-once.md states them.


@pytest.mark.parametrize("who", ["another checkout", "the same one after its ledger was lost"])
def test_a_limit_an_answer_that_is_out_is_known_to_one_ledger_alone(repository: Repository, who: str) -> None:
    server, other = repository.server, repository.another("other")
    server.script["updatestatus"] = [resets]
    repository.decide(ONE)
    assert repository.run("apply", "--yes").code == 6
    if who == "another checkout":
        other.decide(ONE)
    else:
        shutil.rmtree(repository.folder / "ledger")
        other = repository
    assert other.run("apply", "--yes").code == 0
    server.release()
    assert (len(server.updates), server.effects[ONE]) == (2, 2)


def test_what_took_effect_within_patience_is_seen_by_another_ledger_that_waited_for_it(repository: Repository) -> None:
    server, other = repository.server, repository.another("other")
    server.script["updatestatus"] = [resets]
    repository.decide(ONE)
    assert repository.run("apply", "--yes").code == 6
    repository.later(minutes=14)
    server.release()
    repository.later(minutes=1)
    other.decide(ONE)
    said = other.run("apply", "--yes")
    assert (said.code, "conflict/unknown-operation" in said.out) == (5, True), said.out
    assert (len(server.updates), server.effects[ONE]) == (1, 1)


def test_a_limit_a_mark_that_somebody_overwrote_tells_another_ledger_nothing(repository: Repository) -> None:
    server, other = repository.server, repository.another("other")
    repository.decide(ONE)
    assert repository.run("apply", "--yes").code == 0
    server.tickets[ONE].explanation = "looked at it"
    other.decide(ONE)
    assert other.run("apply", "--yes").code == 0
    assert (len(server.updates), server.effects[ONE]) == (2, 2)


def test_a_limit_two_ledgers_whose_runs_both_read_before_either_writes(repository: Repository) -> None:
    server, other = repository.server, repository.another("other")
    for each in (repository, other):
        each.decide(ONE)
        path = each.folder / "reconciler.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("read_timeout: 2", "read_timeout: 60"), "utf-8")

    seen: list[tuple[int, str]] = []

    def meanwhile(exchange: Exchange) -> None:
        command = [sys.executable, "-m", "reconciler", "apply", "--yes"]
        said = subprocess.run(command, cwd=other.folder, check=False, capture_output=True, text=True)
        seen.append((said.returncode, said.stderr))
        honest(exchange)

    server.script["updatestatus"] = [meanwhile]
    code = repository.run("apply", "--yes").code
    assert (code, seen) == (0, [(0, "")])
    assert (len(server.updates), server.effects[ONE]) == (2, 2)


def test_a_limit_an_update_that_is_carried_out_after_patience(repository: Repository) -> None:
    server = repository.server
    server.script["updatestatus"] = [resets]
    repository.decide(ONE)
    assert repository.run("apply", "--yes").code == 6
    repository.later(minutes=16)
    assert repository.run("apply", "--yes").code == 0
    server.release()
    assert (len(server.updates), server.effects[ONE]) == (2, 2)
