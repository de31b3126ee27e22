"""One stuck ticket is not everybody's: a run after a merge is red for the decisions of that merge alone."""

import json
import subprocess

import pytest

from reconciler.sandbox.fault_injection import Say
from tests.workflows.job import LEDGER, job, squash
from tests.workflows.team import NEW, OBJECTS, SHOP, WWW, Team

pytestmark = pytest.mark.slow


def _manifest(guid: str, expected: str) -> str:
    head = "version: 1\nchange: CHG0041240\ntickets:\n"
    what = f"    status: Approved\n    explanation: ok\n    expect: {{object: '{expected}'}}\n"
    return f"{head}  - guid: {guid}\n{what}"


def _apply(acme: Team, *commits: str) -> subprocess.CompletedProcess[str]:
    """Apply main for a push of these commits, and tell the pull requests, as the workflow does."""
    acme.runs += 1
    push = {"ref": "refs/heads/main", "after": commits[-1], "commits": [{"id": commit} for commit in commits]}
    assert job(acme, "github", "ledger", "pull").returncode == 0
    run = str(acme.scratch / "run.json")
    done = job(acme, "apply", "--yes", "--out", run, payload=push, **LEDGER)
    assert job(acme, "github", "ledger", "push").returncode == 0
    told = job(acme, "github", "outcome", "--run", run, payload=push)
    assert told.returncode == 0, told.stderr
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout + told.stdout, done.stderr + told.stderr)


@pytest.fixture
def stuck(acme: Team) -> Team:
    """A team whose main has a ticket that nobody can carry out, which its own run has told."""
    acme.merged(12)
    example = "tickets/2036/CHG0041234.yaml"
    pull = squash(acme, 13, example, _manifest(WWW, OBJECTS[SHOP]))
    done = _apply(acme, *_pushed(acme, 13))
    assert done.returncode == 5, done.stdout + done.stderr
    assert "1 not done" in acme.github.world.comments_on(13)[0]
    assert pull.merge_commit == acme.head
    return acme


def _pushed(acme: Team, *pulls: int) -> list[str]:
    return [str(acme.github.world.pulls[number].merge_commit) for number in pulls]


def test_the_run_of_another_merge_is_green_and_tells_the_stuck_one_nothing_again(stuck: Team) -> None:
    squash(stuck, 14, "tickets/2036/more.yaml", _manifest(NEW, OBJECTS[NEW]))
    done = _apply(stuck, *_pushed(stuck, 14))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "As before this merge, 1 needs attention: the issue about drift has all of them." in done.stdout
    assert "::error" not in done.stdout, "no line of another one's file is marked"
    assert len(stuck.github.world.comments_on(13)) == 1
    (own,) = stuck.github.world.comments_on(14)
    assert "## 🟢 TPP apply: 1 applied\n" in own
    report = json.loads((stuck.scratch / "run.json").read_text())
    assert [(one["guid"], one["own"]) for one in report["attention"]] == [(WWW, False)]
    plan = stuck.scratch / "plan.json"
    assert job(stuck, "plan", "--out", str(plan)).returncode == 5, "outside of a pull request everything counts"
    assert job(stuck, "github", "drift", "--plan", str(plan)).returncode == 0
    (issue,) = stuck.github.world.issues.values()
    assert WWW[:8] in issue.body


def test_the_same_run_again_stays_red(stuck: Team) -> None:
    assert _apply(stuck, *_pushed(stuck, 13)).returncode == 5


def test_a_merge_whose_own_run_was_overtaken_is_judged_by_the_next_one(stuck: Team) -> None:
    squash(stuck, 14, "tickets/2036/more.yaml", _manifest(NEW, OBJECTS[SHOP]))
    squash(stuck, 15, "tickets/2036/last.yaml", _manifest(SHOP, OBJECTS[SHOP]))
    done = _apply(stuck, *_pushed(stuck, 15))
    assert done.returncode == 5, done.stdout + done.stderr
    assert "1 not done" in stuck.github.world.comments_on(14)[0]
    assert len(stuck.github.world.comments_on(13)) == 1


def test_another_ones_update_that_fails_is_told_to_its_own_pull_request(stuck: Team) -> None:
    squash(stuck, 14, "tickets/2036/more.yaml", _manifest(NEW, OBJECTS[NEW]))
    rule = stuck.tpp.faults.add(
        Say(200, b'{"Result": 5, "Error": "Bad arguments"}'), operation="ticketUpdateStatus", guid=NEW
    )
    first = _apply(stuck, *_pushed(stuck, 14))
    assert (first.returncode != 0, rule.hits) == (True, 1)
    squash(stuck, 15, "tickets/2036/last.yaml", _manifest(SHOP, OBJECTS[SHOP]))
    done = _apply(stuck, *_pushed(stuck, 15))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(stuck.github.world.comments_on(14)) == 2
    assert "## 🟢 TPP apply: 1 applied\n" in stuck.github.world.comments_on(15)[0]
