"""Which exit code a run ends with: what a repeat may cure is told apart from what needs a human."""

import pytest

from reconciler.cli.exit_codes import Exit, worst
from reconciler.sandbox.fault_injection import Say
from tests.cli.repo import FIRST, SECOND, Repo

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: Web tier renewal}}"
MISSING = "{guid: 11111111-2222-4333-8444-555555555555, status: Approved, explanation: A typo}"


def test_the_worst_for_a_readers_trust_wins() -> None:
    order = [70, 6, 130, 143, 4, 5, 3, 7, 10, 0]
    assert [int(worst(map(Exit, order[number:]))) for number in range(len(order))] == order


@pytest.fixture
def deciding(repo: Repo) -> Repo:
    repo.decide(APPROVE)
    return repo


def test_tickets_that_a_busy_server_did_not_tell_of_may_be_read_again(deciding: Repo) -> None:
    deciding.sandbox.faults.add(Say(502), operation="ticketDetails")
    said = deciding.run("plan")
    assert (said.code, "[error/unavailable]" in said.out) == (7, True)
    assert deciding.run("apply", "--yes").code == 7


def test_an_answer_that_makes_no_sense_needs_a_human(deciding: Repo) -> None:
    deciding.sandbox.faults.add(Say(200, b"<html>sign in</html>"), operation="ticketDetails")
    said = deciding.run("plan")
    assert (said.code, "[error/unreadable]" in said.out) == (4, True)


def test_what_needs_a_human_comes_before_what_may_be_repeated(deciding: Repo) -> None:
    deciding.decide(APPROVE, MISSING)
    deciding.sandbox.faults.add(Say(502), operation="ticketDetails", guid=FIRST)
    assert deciding.run("plan").code == 5


def test_a_server_that_goes_away_after_the_plan_may_be_tried_again(deciding: Repo) -> None:
    deciding.decide(APPROVE, f"{{guid: {SECOND}, status: Rejected}}")
    deciding.run("plan", "--out", "plan.json")
    deciding.sandbox.faults.add(Say(502), operation="ticketDetails")
    said = deciding.run("apply", "--yes", "plan.json")
    assert (said.code, deciding.writes()) == (7, [])


def test_an_update_without_an_answer_is_unknown_whatever_the_status(deciding: Repo) -> None:
    deciding.sandbox.faults.add(Say(503), operation="ticketUpdateStatus")
    assert deciding.run("apply", "--yes").code == 6


def test_a_stop_is_a_refusal(deciding: Repo) -> None:
    deciding.configure("stop_file: STOP\n")
    deciding.run("plan", "--out", "plan.json")
    deciding.write("STOP", "")
    assert deciding.run("apply", "--yes", "plan.json").code == 3
    assert deciding.writes() == []
