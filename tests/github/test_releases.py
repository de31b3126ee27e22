"""What this release makes of notes, failures, locks and statements of earlier releases, and of a made-up later one.

No command shows these by itself: `tests/releases` has them as they lay on GitHub, on the disk and beside a run.
"""

import fcntl
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.app.workflow_run import failure_of
from reconciler.errors import LockHeld
from reconciler.github import noted
from reconciler.github.posting import marker
from reconciler.github.remote_lock import REFS, RemoteLock
from reconciler.github.statement import PREDICATE_TYPE, STATEMENT_TYPE, predicate_of, statement_of
from reconciler.ledger.lock import LOCK_FILE, hold_lock
from reconciler.model.decision import Problem, Source
from reconciler.model.findings import JobFailure
from reconciler.model.receipt import NotedLedger, Run
from reconciler.model.record import LockOwner
from reconciler.model.review import Provenance, Review, ReviewedTickets
from reconciler.model.value import Head
from tests.builders import NOW, guid, receipt
from tests.fakes import FakeClock
from tests.github.repository import clone, git, make_remote

RELEASES = Path(__file__).parents[1] / "releases"
SCHEMAS = Path(__file__).parents[2] / "schemas"
DIGEST = "sha256:" + "1" * 64
BRANCH = "reconciler-ledger"
NOTED = NotedLedger(BRANCH, (Head("2026/11/20261127T075427Z-604207.jsonl", "sha256:" + "2" * 64, 7),), ("c" * 40,))
FAILURE = JobFailure(
    "2 faults",
    "mend them",
    (Problem("schema/value", Source("tickets/web.yaml", 3, 5), "`status` is not known", "write Approved"),),
)
MINE = LockOwner(9, "ci-9", "runner", "20261127T080000Z-000009", NOW)


def text(case: str, name: str) -> str:
    return (RELEASES / case / name).read_text(encoding="utf-8")


# Notes of the ledger's heads.


class Comments:
    """The newest comments of a repository, as the bot of a workflow wrote them."""

    def __init__(self, *bodies: str) -> None:
        self.found = [
            {"user": {"type": "Bot"}, "body": f"{marker('outcome', 'x')}\n{body}", "html_url": f"https://g/{number}"}
            for number, body in enumerate(bodies)
        ]

    def page(self, _path: str, **_query: str | int) -> list[dict[str, Any]]:
        return self.found


def newest_note(*cases: str) -> noted.Noted | None:
    github: Any = Comments(*(text(case, "note.md") for case in cases))
    return noted.places(github, "run", "main", BRANCH, ())[1]()


@pytest.mark.parametrize("case", ["earlier/note-1", "later/note-member"])
def test_a_note_is_read_for_ever_and_what_it_has_more_is_left_alone(case: str) -> None:
    assert newest_note(case) == noted.Noted(NOTED, "https://g/0")


def test_instead_of_a_note_in_another_form_an_older_one_counts() -> None:
    assert newest_note("later/note-newer", "earlier/note-1") == noted.Noted(NOTED, "https://g/1")
    assert newest_note("later/note-newer") is None


# Why a job left no plan or report.


@pytest.mark.parametrize("case", ["earlier/failure-1", "later/failure-member"])
def test_a_failure_is_told_whatever_it_has_more(case: str) -> None:
    assert failure_of(RELEASES / case) == FAILURE


def test_a_failure_of_a_newer_release_says_so() -> None:
    told = failure_of(RELEASES / "later/failure-newer")
    assert told == JobFailure(
        "why the job that plans failed was written by a newer release (tpp-reconciler 9.1.0): failure version 2 is not "
        "supported, this release reads version 1",
        "upgrade to tpp-reconciler 9.1.0 or later",
    )


# The lock, on the disk and as a ref.

HOLDERS = {
    "earlier/lock-1": r"run 20261127T075427Z-604207, process 41 of runner on ci-7.*https://github\.com/example",
    "later/lock-member": r"run 20261127T075427Z-604207, process 41 of runner on ci-7",
}


@pytest.mark.parametrize(
    ("case", "who"), [*HOLDERS.items(), ("later/lock-newer", "a process that has not yet said who it is")]
)
def test_a_lock_on_the_disk_holds_whoever_wrote_it(tmp_path: Path, case: str, who: str) -> None:
    path = tmp_path / LOCK_FILE
    path.write_text(text(case, "lock.json"), encoding="utf-8")
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LockHeld, match=who), hold_lock(tmp_path, MINE):
            pass


@pytest.mark.parametrize(("case", "who"), [*HOLDERS.items(), ("later/lock-newer", r"\(part whole\)")])
def test_a_lock_on_the_remote_holds_whoever_wrote_it_and_dies_like_any_other(
    tmp_path: Path, case: str, who: str
) -> None:
    remote = make_remote(tmp_path)
    work = clone(remote, tmp_path / "work")
    tree = work.run("hash-object", "-t", "tree", "-w", "--stdin", stdin="")
    commit = work.run("commit-tree", tree, "-m", text(case, "lock.json").strip(), "-m", "move 0")
    ref = f"{REFS}/{BRANCH}/whole"
    work.run("push", "origin", f"{commit}:{ref}")
    lock = RemoteLock(work, BRANCH, "whole", MINE, FakeClock())
    with pytest.raises(LockHeld, match=who):
        lock.acquire(0)
    assert git(remote, "rev-parse", ref) == commit
    lock.acquire(90)
    assert git(remote, "rev-parse", ref) == lock.value


def test_the_lock_of_this_release_is_that_of_the_last(tmp_path: Path) -> None:
    owner = LockOwner(
        41, "ci-7", "runner", "20261127T075427Z-604207", NOW, "https://github.com/example/tickets/actions/runs/1"
    )
    with hold_lock(tmp_path, owner):
        assert (tmp_path / LOCK_FILE).read_text(encoding="utf-8") == text("earlier/lock-1", "lock.json")


# The statement about a run.


def test_who_reads_statements_finds_in_them_what_was_in_earlier_ones() -> None:
    """Nothing of ours reads it back. Those who do go by its type, so its form is that of its type."""
    statement = json.loads(text("earlier/statement-1", "statement.json"))
    assert (statement["_type"], statement["predicateType"]) == (STATEMENT_TYPE, PREDICATE_TYPE)
    schema = json.loads((SCHEMAS / "predicate.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(statement["predicate"])
    review = Review(12, "ann", reviewers=("bob",), merged_by="max")
    reviews = (ReviewedTickets(review, (guid(1),)),)
    run = Run("20261127T075427Z-604207", DIGEST, "https://tpp.example.com", NOW, NOW, (receipt(1),), reviews=reviews)
    provenance = Provenance(
        "tpp-reconciler 1.0.0", run.target, commit="c" * 40, review=review, workflow_run="https://r"
    )
    assert statement_of({"run.json": DIGEST}, predicate_of(run, provenance, DIGEST)) == statement
