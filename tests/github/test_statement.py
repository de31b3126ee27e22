"""The statement that can be signed, and the heartbeat."""

from datetime import timedelta

import pytest

from reconciler.github.client import GitHub
from reconciler.github.posting import last_success, overdue
from reconciler.github.statement import PREDICATE_TYPE, predicate_of, statement_of
from reconciler.model.receipt import Run
from reconciler.model.review import Provenance, Review, ReviewedTickets
from tests.builders import NOW, guid, receipt
from tests.github.fake_github import FakeGitHub

DIGEST = "sha256:" + "1" * 64


def test_a_statement_says_what_was_planned_done_and_by_whom() -> None:
    review = Review(12, "ann", reviewers=("bob",), merged_by="max")
    own = ReviewedTickets(review, (guid(1),))
    run = Run("20261123T120000Z-1", DIGEST, "https://tpp.example.com", NOW, NOW, (receipt(1),), reviews=(own,))
    provenance = Provenance(
        "tpp-reconciler 1.0.0", run.target, commit="c" * 40, review=review, workflow_run="https://r"
    )
    assert statement_of({"run.json": DIGEST, "plan.json": DIGEST}, predicate_of(run, provenance)) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "plan.json", "digest": {"sha256": "1" * 64}},
            {"name": "run.json", "digest": {"sha256": "1" * 64}},
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "run": "20261123T120000Z-1",
            "target": "https://tpp.example.com",
            "environment": None,
            "plan": {"digest": DIGEST},
            "ledger": None,
            "startedOn": "2026-11-23T12:00:00Z",
            "finishedOn": "2026-11-23T12:00:00Z",
            "stopped": None,
            "counts": {"applied": 1},
            "receipts": [
                {
                    "guid": guid(1),
                    "object": r"\VED\Policy\Web\www.example.com",
                    "status": "Approved",
                    "outcome": "applied",
                    "proof": "accepted",
                    "operation": "000000000001",
                    "at": "2026-11-23T12:00:00Z",
                    "pullRequest": 12,
                }
            ],
            "reviews": [{"pull_request": 12, "author": "ann", "reviewers": ["bob"], "merged_by": "max"}],
            "provenance": {
                "tool": "tpp-reconciler 1.0.0",
                "target": "https://tpp.example.com",
                "commit": "c" * 40,
                "review": {"pull_request": 12, "author": "ann", "reviewers": ["bob"], "merged_by": "max"},
                "workflow_run": "https://r",
            },
        },
    }


@pytest.mark.parametrize("subjects", [{}, {"a": "1" * 64}, {"a": "sha256:12"}])
def test_a_statement_needs_files_with_their_digests(subjects: dict[str, str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message differs
        statement_of(subjects, {})


def test_the_heartbeat_is_the_last_success_on_the_branch(server: FakeGitHub, github: GitHub) -> None:
    path = ".github/workflows/reconcile.yml"
    assert last_success(github, path, "main") is None
    server.world.runs = [
        {"path": path, "head_branch": "main", "conclusion": "failure", "updated_at": "2026-11-23T11:00:00Z"},
        {"path": path, "head_branch": "other", "conclusion": "success", "updated_at": "2026-11-23T10:30:00Z"},
        {"path": path, "head_branch": "main", "conclusion": "success", "updated_at": "2026-11-23T10:00:00Z"},
    ]
    assert last_success(github, path, "main") == NOW - timedelta(hours=2)


def test_a_schedule_that_stopped_is_noticed() -> None:
    day = timedelta(hours=24)
    assert overdue(NOW - day, NOW, day) is None
    assert overdue(NOW - timedelta(hours=25), NOW, day) == (
        "the reconcile workflow last succeeded at 2026-11-22T11:00:00Z, more than 24 h ago: "
        "check that its schedule is still on"
    )
    assert "never" in str(overdue(None, NOW, day))
