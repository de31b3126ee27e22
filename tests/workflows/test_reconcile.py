"""What the schedule reports, and what a person can start by hand."""

from reconciler.model.shard import Shard
from tests.workflows.team import NEW, OBJECTS, SHOP, WWW, Team


def test_drift_is_one_issue_that_opens_and_closes_itself(acme: Team) -> None:
    acme.merged()
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
    assert statuses == {WWW: "Approved", SHOP: "Approved Between", NEW: "Pending"}
    assert sorted(name.rpartition("-")[2] for name in acme.ledger) == _shards_with_work()
    (issue,) = acme.github.world.issues.values()
    assert issue.state == "closed"
    assert sorted(path.name for path in acme.artifacts.glob("run-part-*")) == [
        "run-part-default-1",
        "run-part-default-2",
    ]


def _shards_with_work() -> list[str]:
    owners = {part for part in (1, 2) for guid in (WWW, SHOP) if Shard(part, 2).owns(OBJECTS[guid])}
    return sorted(f"{part}of2.jsonl" for part in owners)
