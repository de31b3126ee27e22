"""Plans and reports are found again, however many parts and environments one run has."""

import json

import pytest

from tests.github.repository import git
from tests.workflows.job import job
from tests.workflows.team import NEW, SHOP, WWW, Team

pytestmark = pytest.mark.slow

ENVIRONMENTS = """\
environments:
  prod: {ledger: ledger}
  prod-eu: {policy: {limits: {changes: 0}}}
"""
TWO = """\
name: Two environments
on: push
permissions: {{}}
jobs:
{jobs}
"""
JOB = """\
  {name}:
    name: {name}
    uses: example-org/tpp-reconciler/.github/workflows/plan.yml@4b825dc642cb6eb9a060e54bf8d69288fbee4904 # v1.0.0
    permissions: {{contents: read, pull-requests: write, actions: read, checks: read, id-token: write}}
    with: {{environment: {name}, shards: {shards}, advisory: true}}
"""


def _ask_for_parts(acme: Team, workflow: str, shards: int) -> None:
    path = acme.folder / ".github" / "workflows" / workflow
    text = path.read_text(encoding="utf-8")
    changed = text.replace("deployment: venafi-plan\n", f"deployment: venafi-plan\n      shards: {shards}\n", 1)
    assert changed != text
    path.write_text(changed, encoding="utf-8")


@pytest.mark.parametrize("shards", [1, 3])
def test_a_pull_request_is_planned_and_its_merge_applied_in_parts(acme: Team, shards: int) -> None:
    for workflow in ("pull-request.yml", "apply.yml"):
        _ask_for_parts(acme, workflow, shards)
    planned = acme.run("pull-request.yml", "pull_request", acme.pull_request())
    assert planned.code == 0
    (comment,) = acme.github.world.comments_on(7)
    assert "Approve 2 certificate requests?" in comment

    acme.merged(12)
    applied = acme.run("apply.yml", "push", {"ref": "refs/heads/main", "after": acme.head})
    assert applied.code == 0
    assert {guid: str(ticket.status) for guid, ticket in acme.tpp.world.tickets.items()} == {
        WWW: "Approved",
        SHOP: "Approved Between",
        NEW: "Pending",
    }
    assert len(list(acme.artifacts.glob("plan-part=*"))) == len(list(acme.artifacts.glob("run-part=*"))) == shards
    report = json.loads((acme.artifacts / "run" / "run.json").read_text())
    assert {receipt["guid"] for receipt in report["receipts"]} == {WWW, SHOP}
    _take_back_the_ledger(acme, shards)


def _take_back_the_ledger(acme: Team, shards: int) -> None:
    """Lose the branch of the ledger, and have it again from the artifacts of a run in which nothing went wrong."""
    before = acme.ledger
    git(acme.remote, "update-ref", "-d", "refs/heads/reconciler-ledger")
    kept = sorted(acme.artifacts.glob("ledger-part=*"))
    assert (kept != [], len(kept) <= shards, acme.ledger) == (True, True, {}), "a part without a decision has no ledger"
    for artifact in kept:
        done = job(acme, "github", "ledger", "restore", str(artifact))
        assert done.returncode == 0, done.stderr
    assert acme.ledger == before
    assert job(acme, "github", "ledger", "pull").returncode == 0


@pytest.mark.parametrize("shards", [1, 3])
def test_environments_whose_names_begin_alike_do_not_mix(acme: Team, shards: int) -> None:
    configuration = (acme.folder / "reconciler.yaml").read_text(encoding="utf-8")
    acme.commit("reconciler.yaml", f"{configuration}\n{ENVIRONMENTS}")
    jobs = "".join(JOB.format(name=name, shards=shards) for name in ("prod-eu", "prod"))
    (acme.folder / ".github" / "workflows" / "two.yml").write_text(TWO.format(jobs=jobs), encoding="utf-8")
    acme.pull_request()
    assert acme.run("two.yml", "push", acme.merge()).code == 0
    for name, verdicts in (("prod", {"approve", "schedule", "in-sync"}), ("prod-eu", {"refused", "in-sync"})):
        plan = json.loads((acme.artifacts / f"plan-{name}" / "plan.json").read_text())
        assert (plan["environment"], {step["verdict"] for step in plan["steps"]}) == (name, verdicts)


def test_the_plan_of_an_earlier_attempt_is_no_plan_of_a_part_that_failed(acme: Team) -> None:
    assert acme.run("pull-request.yml", "pull_request", acme.pull_request()).code == 0
    acme.runs -= 1
    acme.github.issuer.claims = {"repository_id": "9999"}
    result = acme.run("pull-request.yml", "pull_request", acme.pull_request())
    assert (result.code, (acme.artifacts / "plan-part=1").exists()) == (1, True)
    (comment,) = acme.github.world.comments_on(7)
    assert "🔴 No plan for" in comment
