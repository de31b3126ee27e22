"""What somebody else did, and git then says too, is recorded as agreed; from then on git moves the ticket on."""

import json

import pytest

from reconciler.model.status import Status
from tests.cli.desk import FIRST, Desk

START, LATER = "2036-11-28T22:00:00Z", "2036-11-29T22:00:00Z"


def entry(status: str, start: str = "") -> str:
    schedule = f", schedule: {{start: '{start}'}}" if start else ""
    return f"{{guid: {FIRST}, status: {status}{schedule}, explanation: ok}}"


def reason(desk: Desk, *options: str) -> tuple[int, str]:
    said = desk.run("plan", "--exit-code", "--format", "json", *options)
    (step,) = json.loads(said.out)["steps"]
    return said.code, step["reason"]


def outcomes(desk: Desk) -> list[str]:
    return [record["outcome"] for record in json.loads(desk.run("ledger", "log", "--format", "json").out)["records"]]


@pytest.fixture
def scheduled(desk: Desk) -> Desk:
    desk.decide(entry("Approved After", START))
    assert desk.run("apply", "--yes").code == 0
    return desk


def test_a_reset_at_the_console_that_git_accepts_is_no_conflict_for_ever(scheduled: Desk) -> None:
    desk = scheduled
    desk.sandbox.world.console(FIRST, Status.PENDING)
    assert reason(desk) == (5, "conflict/reopened")
    desk.decide(entry("Pending"))
    assert reason(desk) == (0, "in-sync/accepted")
    sent = len(desk.writes())
    assert desk.run("apply", "--yes").code == 0
    assert (len(desk.writes()), outcomes(desk)) == (sent, ["applied", "accepted"])
    assert reason(desk) == (0, "in-sync/same")
    assert desk.run("apply", "--yes").code == 0
    assert outcomes(desk) == ["applied", "accepted"], "it is recorded once"
    desk.decide(entry("Rejected"))
    assert reason(desk) == (10, "reject/wanted")
    assert desk.run("apply", "--yes").code == 0
    assert desk.run("ledger", "verify").code == 0


def test_a_schedule_moved_at_the_console_that_git_accepts_can_be_taken_back(scheduled: Desk) -> None:
    desk = scheduled
    desk.sandbox.world.console(FIRST, Status.APPROVED_AFTER, start=LATER)
    desk.decide(entry("Approved After", LATER))
    assert reason(desk) == (0, "in-sync/accepted")
    assert "what the manifest wants now" in " ".join(desk.run("explain", FIRST).out.split())
    assert desk.run("apply", "--yes").code == 0
    shown = desk.run("ledger", "log", "--verbose").out + desk.run("explain", FIRST).out
    shown = " ".join(shown.split())
    assert "somebody else did what the manifest wants; from here on git moves the ticket" in shown
    assert "made it Approved After, as the manifest wants it" in shown
    assert desk.run("report", "--out", "site").code == 0
    desk.decide(entry("Pending"))
    assert reason(desk) == (10, "reopen/wanted")
    assert desk.run("apply", "--yes").code == 0
    assert reason(desk) == (0, "in-sync/same")


def test_a_ticket_that_moved_on_before_it_was_accepted_is_not(scheduled: Desk) -> None:
    desk = scheduled
    desk.sandbox.world.console(FIRST, Status.APPROVED_AFTER, start=LATER)
    desk.decide(entry("Approved After", LATER))
    assert desk.run("plan", "--out", "plan.json").code == 0
    desk.sandbox.world.console(FIRST, Status.PENDING)
    assert desk.run("apply", "plan.json", "--yes").code == 0
    assert outcomes(desk) == ["applied"]
    assert reason(desk) == (5, "conflict/reopened")
