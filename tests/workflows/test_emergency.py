"""Two in the morning on GitHub: who starts the run asks, a second person agrees, and git learns of it afterwards."""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.app.emergency import agreed_by_review
from reconciler.app.workflow_run import WorkflowRun
from reconciler.errors import GuardRefused
from reconciler.github.actions import Event
from reconciler.github.client import client_from
from reconciler.model.review import Emergency
from tests.fakes import FakeClock
from tests.github.repository import files, git
from tests.github.world import BOT, Pull
from tests.workflows.act import Result
from tests.workflows.job import LEDGER, job
from tests.workflows.team import NEW, TOKEN, Team

pytestmark = pytest.mark.slow

INCIDENT = "INC0012345"
ASKED = {"ticket": NEW, "status": "Approved", "reason": "The old key was published", "incident": INCIDENT}
DEPLOYMENT = "venafi-emergency"


@pytest.fixture
def night(acme: Team) -> Team:
    """A team in a freeze, with a configuration that came by a reviewed pull request."""
    path = acme.folder / "reconciler.yaml"
    freeze = "  freezes: [{name: year-end, start: 2020-01-01T00:00:00Z, stop: 2036-12-31T00:00:00Z}]\n"
    acme.commit("reconciler.yaml", path.read_text(encoding="utf-8").replace("  four_eyes:", f"{freeze}  four_eyes:"))
    acme.merged(12)
    return acme


def emergency(acme: Team, *arguments: str, actor: str = "ann", **more: str) -> subprocess.CompletedProcess[str]:
    """Run what the job runs, with the ledger fetched before and kept after it."""
    assert job(acme, "github", "ledger", "pull").returncode == 0
    asked = [f"--{name}={value}" for name, value in ASKED.items()]
    environ = {**LEDGER, "GITHUB_ACTOR": actor, **more}
    done = job(acme, "github", "emergency", *asked, *arguments, name="workflow_dispatch", **environ)
    assert job(acme, "github", "ledger", "push").returncode == 0
    return done


def agree(acme: Team, *people: str, state: str = "approved", environment: str = DEPLOYMENT) -> None:
    acme.github.world.approvals[int(acme.run_id)] = [(login, state, environment) for login in people]


def lines(acme: Team) -> list[dict[str, Any]]:
    return [json.loads(line) for _, text in sorted(acme.ledger.items()) for line in text.splitlines()]


def proposals(acme: Team) -> Iterator[str]:
    branches = git(acme.remote, "branch", "--list", "reconciler/emergency-*", "--format=%(refname:short)").split()
    for branch in branches:
        yield files(acme.remote, branch)["tickets/2036/CHG0041234.yaml"]


def test_what_a_second_person_agreed_to_is_sent_recorded_and_proposed(night: Team) -> None:
    agree(night, "olga")
    done = emergency(night)
    assert done.returncode == 0, done.stdout + done.stderr
    (sent,) = night.tpp.log.updates
    assert (sent.guid, "The old key was published" in str(sent.json)) == (NEW, True)
    begun = next(line for line in lines(night) if line.get("reason") == "manual/emergency")
    agreed = f"ann asked, olga agreed (environment {DEPLOYMENT})"
    assert begun["detail"] == f"{INCIDENT}: {agreed}; The old key was published"
    assert (begun["state"], begun["guid"]) == ("begin", NEW)
    assert begun["workflow_run"].endswith(f"/actions/runs/{night.run_id}")
    assert any(line.get("reason") == "override/freeze" for line in lines(night))
    (entry,) = proposals(night)
    assert 'decided: {by: "ann and olga", at: 20' in entry
    (pull,) = [each for each in night.github.world.pulls.values() if each.branch.startswith("reconciler/emergency-")]
    assert (pull.title, pull.base) == (f"Emergency {INCIDENT}: Approved new.example.com", "main")
    assert "ann asked, olga agreed" in pull.body


REFUSED = {
    "nobody": ([], "nobody approved the environment venafi-emergency"),
    "the starter": (["ann"], "only who started it approved the environment"),
    "the starter, spelled otherwise": (["Ann"], "only who started it approved the environment"),
    "a bot": (["github-actions[bot]"], "nobody approved the environment"),
}


@pytest.mark.parametrize(("people", "says"), REFUSED.values(), ids=REFUSED)
def test_a_run_without_another_persons_approval_is_refused(night: Team, people: list[str], says: str) -> None:
    agree(night, *people)
    done = emergency(night)
    assert (done.returncode, night.tpp.log.updates, lines(night)) == (3, (), [])
    assert says in done.stderr
    assert list(proposals(night)) == []


@pytest.mark.parametrize(("state", "environment"), [("rejected", DEPLOYMENT), ("approved", "venafi-apply")])
def test_only_an_approval_of_this_environment_counts(night: Team, state: str, environment: str) -> None:
    agree(night, "olga", state=state, environment=environment)
    assert emergency(night).returncode == 3
    assert night.tpp.log.updates == ()


def test_where_github_cannot_be_asked_nothing_is_sent(night: Team) -> None:
    agree(night, "olga")
    night.github.world.tokens[next(iter(night.github.world.tokens))].pop("actions")
    done = emergency(night)
    assert (done.returncode, night.tpp.log.updates) == (4, ())
    assert "approvals" in done.stderr or "403" in done.stderr


def test_a_run_that_is_started_once_more_is_refused(night: Team) -> None:
    agree(night, "olga")
    done = emergency(night, GITHUB_RUN_ATTEMPT="2")
    assert (done.returncode, night.tpp.log.updates) == (3, ())
    assert "attempt 2" in done.stderr


def test_a_bot_starts_no_emergency(night: Team) -> None:
    agree(night, "olga")
    done = emergency(night, actor="dependabot[bot]")
    assert (done.returncode, night.tpp.log.updates) == (3, ())


def test_a_configuration_that_nobody_reviewed_allows_no_emergency(night: Team) -> None:
    agree(night, "olga")
    path = night.folder / "reconciler.yaml"
    night.commit("reconciler.yaml", path.read_text(encoding="utf-8").replace("per_day: 3", "per_day: 50"))
    done = emergency(night)
    assert (done.returncode, night.tpp.log.updates) == (3, ())
    assert "the configuration: commit" in " ".join(done.stdout.split())


def test_the_plan_is_shown_before_anybody_is_asked_and_nothing_is_sent(night: Team, tmp_path) -> None:
    summary = tmp_path / "summary.md"
    summary.touch()
    done = emergency(night, "--dry-run", "--out", "plan.json", GITHUB_STEP_SUMMARY=str(summary))
    assert (done.returncode, night.tpp.log.updates) == (0, ())
    text = summary.read_text(encoding="utf-8")
    assert text.startswith(f"## Emergency {INCIDENT}\n\nann asks: look at it before you agree.")
    assert "new.example.com" in text
    git(night.folder, "checkout", "--quiet", "--", "tickets")
    agree(night, "olga")
    assert emergency(night, "--reviewed", "plan.json").returncode == 0
    assert len(night.tpp.log.updates) == 1


def test_what_moved_since_the_second_person_saw_it_is_not_sent(night: Team) -> None:
    assert emergency(night, "--dry-run", "--out", "plan.json").returncode == 0
    git(night.folder, "checkout", "--quiet", "--", "tickets")
    agree(night, "olga")
    night.tpp.world.console(NEW, "Rejected")
    done = emergency(night, "--reviewed", "plan.json")
    assert (done.returncode in (3, 5), night.tpp.log.updates) == (True, ())


# Where environments have no required reviewers.


def reviewed(night: Team, *reviews: tuple[str, str], head: str = "0" * 40) -> None:
    """Have people review the pull request as soon as GitHub makes it."""
    night.github.world.reviews_to_come = [(login, state, head) for login, state in reviews]


def test_a_review_of_the_pull_request_stands_for_the_environment(night: Team) -> None:
    reviewed(night, ("bob", "APPROVED"))
    done = emergency(night, "--second-person=pull-request")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(night.tpp.log.updates) == 1
    begun = next(line for line in lines(night) if line.get("reason") == "manual/emergency")
    assert "ann asked, bob agreed (review of PR #" in begun["detail"]
    (entry,) = proposals(night)
    assert "ann and bob" in entry


def test_who_asks_for_changes_says_no(night: Team) -> None:
    reviewed(night, ("bob", "CHANGES_REQUESTED"))
    done = emergency(night, "--second-person=pull-request")
    assert (done.returncode, night.tpp.log.updates) == (3, ())
    assert "bob asked for changes in PR #" in done.stderr


@pytest.mark.parametrize("reviewer", ["ann", "stranger"])
def test_a_review_is_waited_for_ten_minutes_and_must_be_somebody_elses(night: Team, reviewer: str) -> None:
    world, clock = night.github.world, FakeClock()
    world.pulls[40] = Pull(40, BOT, "a" * 40, reviews=[(reviewer, "APPROVED", "a" * 40)])
    event = Event("workflow_dispatch", "acme/approvals", night.head, "refs/heads/main", night.github.api_url, "")
    client = client_from({"GITHUB_TOKEN": TOKEN}, event, clock)
    assert client is not None
    planned = Emergency(NEW, INCIDENT, "ann")
    began = clock.monotonic()
    with pytest.raises(GuardRefused, match="nobody but ann approved PR #40 within 10 minutes"):
        agreed_by_review(WorkflowRun(event, client), planned, 40, clock)
    assert 600 <= clock.monotonic() - began < 620
    world.pulls[40].reviews.append(("bob", "APPROVED", "a" * 40))
    agreed = agreed_by_review(WorkflowRun(event, client), planned, 40, clock)
    assert (agreed.agreed, agreed.how) == ("bob", "review of PR #40")


# The workflow itself, as a runner runs it.


def dispatched(acme: Team) -> Result:
    return acme.run("emergency.yml", "workflow_dispatch", {"inputs": ASKED, "sender": {"login": "ann"}})


def test_from_start_to_sent_takes_two_clicks_and_less_than_five_minutes(night: Team) -> None:
    night.github.world.approvals[4242] = [("olga", "approved", DEPLOYMENT)]
    began = time.monotonic()
    result = dispatched(night)
    assert (result.code, time.monotonic() - began < 300) == (0, True), result.log
    assert [update.guid for update in night.tpp.log.updates] == [NEW]
    assert any(summary.startswith(f"## Emergency {INCIDENT}") for summary in result.summaries)
    begun = next(line for line in lines(night) if line.get("reason") == "manual/emergency")
    assert "olga agreed (environment venafi-emergency)" in begun["detail"]
    (entry,) = proposals(night)
    assert "olga" in entry
    assert any(each.branch.startswith("reconciler/emergency-") for each in night.github.world.pulls.values())


@pytest.mark.parametrize("approver", [None, "nektos/act"], ids=["nobody", "who started it"])
def test_a_workflow_run_without_another_persons_approval_sends_nothing(night: Team, approver: str | None) -> None:
    night.github.world.approvals[4242] = [(approver, "approved", DEPLOYMENT)] if approver else []
    result = dispatched(night)
    assert (result.code, night.tpp.log.updates, list(proposals(night))) == (1, (), [])
    said = "only who started it" if approver else "nobody"
    assert any(f"{said} approved the environment venafi-emergency" in line for line in result.lines)


def test_a_stop_on_the_branch_stops_an_emergency_too(night: Team) -> None:
    assert job(night, "github", "stop", "INC0001234", GITHUB_ACTOR="joe").returncode == 0
    night.github.world.approvals[4242] = [("olga", "approved", DEPLOYMENT)]
    result = dispatched(night)
    assert (result.code, night.tpp.log.updates) == (1, ())
    assert any("refused/stop" in line for line in result.lines)
