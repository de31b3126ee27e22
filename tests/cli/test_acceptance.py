"""What somebody else did, and git then says too, is recorded as agreed; from then on git moves the ticket on."""

import json

import pytest

from reconciler.model.status import Status
from tests.cli.repo import FIRST, Repo

START, LATER = "2036-11-28T22:00:00Z", "2036-11-29T22:00:00Z"


def entry(status: str, start: str = "") -> str:
    schedule = f", schedule: {{start: '{start}'}}" if start else ""
    return f"{{guid: {FIRST}, status: {status}{schedule}, explanation: ok}}"


def reason(repo: Repo, *options: str) -> tuple[int, str]:
    said = repo.run("plan", "--exit-code", "--format", "json", *options)
    (step,) = json.loads(said.out)["steps"]
    return said.code, step["reason"]


def outcomes(repo: Repo) -> list[str]:
    return [record["outcome"] for record in json.loads(repo.run("ledger", "log", "--format", "json").out)["records"]]


@pytest.fixture
def scheduled(repo: Repo) -> Repo:
    repo.decide(entry("Approved After", START))
    assert repo.run("apply", "--yes").code == 0
    return repo


def test_a_reset_at_the_console_that_git_accepts_is_no_conflict_for_ever(scheduled: Repo) -> None:
    repo = scheduled
    repo.sandbox.world.console(FIRST, Status.PENDING)
    assert reason(repo) == (5, "conflict/reopened")
    repo.decide(entry("Pending"))
    assert reason(repo) == (0, "in-sync/accepted")
    sent = len(repo.writes())
    assert repo.run("apply", "--yes").code == 0
    assert (len(repo.writes()), outcomes(repo)) == (sent, ["applied", "accepted"])
    assert reason(repo) == (0, "in-sync/same")
    assert repo.run("apply", "--yes").code == 0
    assert outcomes(repo) == ["applied", "accepted"], "it is recorded once"
    repo.decide(entry("Rejected"))
    assert reason(repo) == (10, "reject/wanted")
    assert repo.run("apply", "--yes").code == 0
    assert repo.run("ledger", "verify").code == 0


def test_a_schedule_moved_at_the_console_that_git_accepts_can_be_taken_back(scheduled: Repo) -> None:
    repo = scheduled
    repo.sandbox.world.console(FIRST, Status.APPROVED_AFTER, start=LATER)
    repo.decide(entry("Approved After", LATER))
    assert reason(repo) == (0, "in-sync/accepted")
    assert "what the manifest wants now" in " ".join(repo.run("explain", FIRST).out.split())
    assert repo.run("apply", "--yes").code == 0
    shown = repo.run("ledger", "log", "--verbose").out + repo.run("explain", FIRST).out
    shown = " ".join(shown.split())
    assert "somebody else did what the manifest wants; from here on git moves the ticket" in shown
    assert "made it Approved After, as the manifest wants it" in shown
    assert repo.run("report", "--out", "site").code == 0
    repo.decide(entry("Pending"))
    assert reason(repo) == (10, "reopen/wanted")
    assert repo.run("apply", "--yes").code == 0
    assert reason(repo) == (0, "in-sync/same")


def test_a_ticket_that_moved_on_before_it_was_accepted_is_not(scheduled: Repo) -> None:
    repo = scheduled
    repo.sandbox.world.console(FIRST, Status.APPROVED_AFTER, start=LATER)
    repo.decide(entry("Approved After", LATER))
    assert repo.run("plan", "--out", "plan.json").code == 0
    repo.sandbox.world.console(FIRST, Status.PENDING)
    assert repo.run("apply", "plan.json", "--yes").code == 0
    assert outcomes(repo) == ["applied"]
    assert reason(repo) == (5, "conflict/reopened")
