"""What the schedule reports, and what a person can start by hand."""

import json

import pytest

from reconciler.ledger.chain import verify
from reconciler.model.plan import Shard
from tests.workflows.team import NEW, OBJECTS, SHOP, WWW, Team

pytestmark = pytest.mark.slow


def test_drift_is_one_issue_that_opens_and_closes_itself(acme: Team) -> None:
    manifest = acme.folder / "tickets" / "2036" / "CHG0041234.yaml"
    acme.merged(12)
    acme.commit("tickets/2036/CHG0041234.yaml", manifest.read_text().replace("status: Pending", "status: Rejected"))
    acme.merged(13)
    acme.github.world.runs = [
        {
            "path": ".github/workflows/reconcile.yml",
            "head_branch": "main",
            "conclusion": "success",
            "updated_at": "2026-01-01T00:00:00Z",
        }
    ]
    first = acme.run("reconcile.yml", "schedule", {"schedule": "23 5,17 * * *"})
    assert first.code == 0
    (issue,) = acme.github.world.issues.values()
    assert (issue.state, issue.title) == ("open", "TPP and git differ (default)")
    assert "www" in issue.body
    assert acme.tpp.log.updates == ()
    (late,) = [message for level, title, message in first.annotations if title == "reconcile is overdue"]
    assert "last succeeded at 2026-01-01T00:00:00Z" in late

    applied = acme.run("reconcile.yml", "workflow_dispatch", {"inputs": {"mode": "apply", "shards": "2"}})
    assert applied.code == 0
    statuses = {guid: str(ticket.status) for guid, ticket in acme.tpp.world.tickets.items()}
    assert statuses == {WWW: "Approved", SHOP: "Approved Between", NEW: "Rejected"}
    assert sorted(name.rpartition("-")[2] for name in acme.ledger) == ["1of2.jsonl", "2of2.jsonl"]
    _assert_one_ledger(acme)
    (issue,) = acme.github.world.issues.values()
    assert issue.state == "closed"
    assert sorted(path.name for path in acme.artifacts.glob("run-part=*")) == [
        "run-part=1",
        "run-part=2",
    ]


def test_a_mode_that_does_not_exist_is_an_error_and_nothing_is_looked_at(acme: Team) -> None:
    result = acme.run("reconcile.yml", "workflow_dispatch", {"inputs": {"mode": "reports"}})
    assert result.code == 1
    assert ("error", "mode", "the input mode must be report or apply") in result.annotations
    assert acme.tpp.log.entries == ()
    assert acme.github.world.issues == {}


def _assert_one_ledger(acme: Team) -> None:
    """The files of both shards hold together, and both objects' owners wrote their own."""
    for name, text in acme.ledger.items():
        path = acme.scratch / "ledger" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
        part = 1 if name.endswith("-1of2.jsonl") else 2
        guids = {guid for guid, dn in OBJECTS.items() if Shard(part, 2).owns(dn)}
        assert {line["guid"] for line in map(json.loads, text.splitlines()) if "guid" in line} == guids
    assert verify(acme.scratch / "ledger").faults == ()
