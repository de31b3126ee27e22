"""Which commits answer for a file as it is now."""

import pytest

from reconciler.model.policy import FourEyes
from reconciler.model.review import Assessment, BranchCommit, NotReviewed, NotYetReviewed, People, Review
from reconciler.planning.four_eyes import people_by_file

GOOD = Assessment(Review(12, "ann", reviewers=("bob",)))
ALONE = Assessment(Review(13, "ann"))
PUSHED = NotReviewed("pushed", direct=True)


def _file(*history: tuple[str | None, People], known: str | None = None) -> People | None:
    """Return who answers for a file that became these blobs, one commit after the other."""
    commits = [BranchCommit(f"{n}", (f"{n - 1}",), {"a.yaml": blob}) for n, (blob, _) in enumerate(history, 1)]
    behind = {commit.sha: people for commit, (_, people) in zip(commits, history, strict=True)}
    return people_by_file(commits, behind, lambda _: FourEyes(), {"a.yaml": known} if known else {}).get("a.yaml")


@pytest.mark.parametrize(
    ("history", "people"),
    [
        ([("1", GOOD)], GOOD),
        ([("1", PUSHED)], PUSHED),
        ([("1", ALONE)], ALONE),
        ([("1", PUSHED), ("2", GOOD)], PUSHED),
        ([("1", GOOD), ("2", PUSHED), ("3", GOOD)], PUSHED),
        ([("1", GOOD), ("2", PUSHED), ("1", GOOD)], GOOD),
        ([("1", GOOD), ("2", PUSHED), ("1", GOOD), ("2", GOOD)], GOOD),
        ([("1", GOOD), ("2", PUSHED), ("1", PUSHED)], GOOD),
        ([("1", GOOD), ("2", GOOD), ("1", PUSHED)], PUSHED),
        ([("1", PUSHED), (None, GOOD), ("1", GOOD)], GOOD),
        ([("1", GOOD), (None, PUSHED), ("1", GOOD)], GOOD),
        ([("1", GOOD), (None, PUSHED), ("2", GOOD)], GOOD),
        ([("1", GOOD), (None, PUSHED)], PUSHED),
        ([("1", GOOD), ("2", PUSHED), ("3", NotYetReviewed())], PUSHED),
        ([("1", GOOD), ("2", NotYetReviewed())], NotYetReviewed()),
    ],
    ids=[
        "a reviewed commit",
        "a push",
        "a pull request that nobody reviewed",
        "a review does not show what was there before",
        "nor in between",
        "the push was reverted",
        "and brought in again by a pull request",
        "whoever reverts it",
        "an older state was reviewed for another time",
        "the file went away and came again, both reviewed",
        "an unreviewed removal was made good",
        "a removed file was written anew",
        "an unreviewed removal",
        "an open pull request on top of a push",
        "an open pull request",
    ],
)
def test_each_commit_needs_its_review(history: list[tuple[str | None, People]], people: People) -> None:
    assert _file(*history) == people


def test_what_was_known_to_be_reviewed_needs_no_other_commit() -> None:
    assert _file(("2", PUSHED), ("1", PUSHED), known="1") == PUSHED
    assert _file(("2", GOOD), known="1") == GOOD


def test_files_answer_for_themselves() -> None:
    commits = [BranchCommit("1", (), {"a": "1", "b": "1"}), BranchCommit("2", ("1",), {"b": "2"})]
    found = people_by_file(commits, {"1": GOOD, "2": PUSHED}, lambda _: FourEyes(), {})
    assert found == {"a": GOOD, "b": PUSHED}
