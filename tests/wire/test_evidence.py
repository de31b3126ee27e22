"""What may be called applied, and what each proof may be used for."""

import json

import pytest

from tests.wire.conftest import GUIDS, Repository
from tests.wire.server import Exchange, Ticket, http

ONE = GUIDS[0]
SUCCESS = http(200, {"Result": 1})


def alone(repository: Repository) -> Ticket:
    """A ticket whose approval by us is all that it needs: it goes with it."""
    ticket = repository.server.tickets[ONE] = Ticket(ONE, approvers=("local:{svc}",))
    return ticket


def reason_of(repository: Repository, *options: str) -> tuple[int, str]:
    planned = repository.run("plan", "--format", "json", *options)
    (step,) = json.loads(planned.out)["steps"]
    return planned.code, step["reason"]


def done_and_reset(exchange: Exchange) -> None:
    exchange.carry_out()
    exchange.reset()


def test_a_ticket_that_is_gone_without_an_answer_is_inferred_read_again_and_never_sealed(
    repository: Repository,
) -> None:
    server, ticket = repository.server, alone(repository)
    server.script["updatestatus"] = [done_and_reset]
    repository.decide(ONE)
    said = repository.run("apply", "--yes", "--format", "json")
    (receipt,) = json.loads(said.out[said.out.index("{") :].rpartition("}")[0] + "}")["receipts"]
    assert (said.code, receipt["outcome"], receipt["proof"]) == (0, "applied", "inferred")
    for _ in range(2):
        asked = len(server.heard)
        assert reason_of(repository) == (0, "settled/inferred")
        assert any(request.call == "details" for request in server.heard[asked:])
        assert repository.run("apply", "--yes").code == 0
    lines = "".join(path.read_text(encoding="utf-8") for path in (repository.folder / "ledger").rglob("*.jsonl"))
    assert '"entry":"sealed"' not in lines
    assert '"entry":"closed"' not in lines
    server.tickets[ONE] = ticket
    code, reason = reason_of(repository)
    assert (code, reason.partition("/")[0]) == (5, "conflict")
    assert len(server.updates) == 1


def test_a_ticket_that_is_gone_after_success_is_settled(repository: Repository) -> None:
    alone(repository)
    repository.decide(ONE)
    assert repository.run("apply", "--yes").code == 0
    assert reason_of(repository, "--ignore-seals") == (0, "settled/receipt")
    assert "accepted by the server" in repository.run("ledger", "log", "-v").out


def test_success_with_a_moved_time_of_update_waits_for_others_on_a_server_that_shows_no_text(
    repository: Repository,
) -> None:
    server = repository.server

    def counted(exchange: Exchange) -> None:
        exchange.carry_out()
        server.tickets[ONE].explanation = ""
        exchange.send(SUCCESS)

    server.script["updatestatus"] = [counted]
    repository.decide(ONE)
    said = repository.run("apply", "--yes")
    assert (said.code, "awaiting-others" in said.out) == (0, True), said.out
    assert reason_of(repository) == (0, "awaiting-others/approvers")


def test_success_without_any_trace_is_unknown_and_then_unclear(repository: Repository) -> None:
    server = repository.server
    server.script["updatestatus"] = [lambda exchange: exchange.send(SUCCESS)]
    repository.decide(ONE)
    said = repository.run("apply", "--yes")
    assert (said.code, server.effects) == (6, {}), said.out
    assert "the server said Success, but nothing has changed" in " ".join(said.out.split())
    assert reason_of(repository) == (5, "unclear/lost-answer")


def test_the_proof_of_an_update_that_was_answered_does_not_say_that_it_was_not(repository: Repository) -> None:
    repository.decide(ONE)
    assert repository.run("apply", "--yes").code == 0
    told = " ".join(repository.run("ledger", "log", "-v").out.split())
    assert "the ticket has the tag of this operation" in told
    assert "no answer" not in told


@pytest.mark.parametrize("reason", ["unclear/lost-answer", "conflict/unknown-operation"])
def test_what_is_not_known_is_shown_with_a_remedy_in_every_view(repository: Repository, reason: str) -> None:
    server = repository.server
    if reason == "unclear/lost-answer":
        server.script["updatestatus"] = [lambda exchange: exchange.reset()]
        repository.decide(ONE)
        assert repository.run("apply", "--yes").code == 6
    else:
        server.tickets[ONE].explanation = "seen [op:00000000f00d]"
        repository.decide(ONE)
    for style in ("text", "json", "markdown"):
        shown = repository.run("plan", "--format", style)
        assert (shown.code, reason in shown.out) == (5, True), style
    page = repository.run("plan", "--format", "html")
    assert page.code == 5
    assert ("plan again" if reason.startswith("unclear") else "restore the ledger that knows it") in page.out
    explained = repository.run("explain", ONE)
    assert reason in explained.out
    told = " ".join(explained.out.split())
    assert ("plan again" if reason.startswith("unclear") else "ledger adopt") in told


@pytest.mark.parametrize(("planned", "applied"), [(2, 0), (0, -4), (2, -2)], ids=["ahead", "behind", "both"])
def test_a_saved_plan_is_applied_once_whatever_the_clocks_of_the_machines_say(
    repository: Repository, planned: int, applied: int
) -> None:
    server = repository.server
    repository.decide(ONE)
    repository.later(minutes=planned)
    assert repository.run("plan", "--out", "plan.json").code == 0
    repository.later(minutes=applied - planned)
    for _ in range(3):
        assert repository.run("apply", "plan.json", "--yes").code == 0
    assert (len(server.updates), server.effects[ONE]) == (1, 1)
