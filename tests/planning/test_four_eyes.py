"""Which commits answer for a file as it is now."""

import pytest

from reconciler.model.policy import FourEyes, Reviewers
from reconciler.model.review import Assessment, BranchCommit, NotReviewed, NotYetReviewed, People, Review, Team
from reconciler.model.value import replace
from reconciler.planning.four_eyes import people_by_file, shortfall

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


ASKED = "; have somebody approve who neither wrote nor pushed any of it"
PKI, WEB = Team("pki", frozenset({"Bob"})), Team("web", frozenset({"eve"}))
NOBODY_KNOWS = Team("pki", why="GITHUB_TEAMS_TOKEN is not set")


def approved(*reviewers: str, **changes: object) -> Assessment:
    return replace(Assessment(Review(12, "ann", reviewers=reviewers)), **changes)


@pytest.mark.parametrize(
    ("people", "rule", "why"),
    [
        (approved("bob"), FourEyes(), None),
        (approved(), FourEyes(), f"0 of 1 independent approvals (author ann, approved by nobody){ASKED}"),
        (
            approved("bob", "eve", unaccounted=("a[bot]", "b@c")),
            FourEyes(),
            f"2 of 3 independent approvals (author ann, approved by bob, eve, 2 more for a[bot], b@c){ASKED}",
        ),
        (
            approved("bob", objections=("eve", "joe")),
            FourEyes(),
            "changes requested by eve, joe; have them approve it, or dismiss their review",
        ),
        (approved("BOB", teams=(PKI,)), FourEyes(of_teams=(Reviewers(1, ("pki",)),)), None),
        (
            approved("joe", "max", teams=(PKI, WEB)),
            FourEyes(of_teams=(Reviewers(1, ("pki", "web")),)),
            "0 of 1 approvals by members of pki or web (approved by joe, max); have a member approve",
        ),
        (
            approved(teams=(PKI,)),
            FourEyes(0, of_teams=(Reviewers(1, ("pki",)),)),
            "0 of 1 approvals by members of pki (approved by nobody); have a member approve",
        ),
        (
            approved("bob", "eve", teams=(PKI, WEB)),
            FourEyes(of_teams=(Reviewers(1, ("pki",)), Reviewers(2, ("web",)))),
            "1 of 2 approvals by members of web (approved by bob, eve); have a member approve",
        ),
        (approved("bob", "eve", teams=(PKI, WEB)), FourEyes(of_teams=(Reviewers(2, ("pki", "web")),)), None),
    ],
)
def test_a_pull_request_has_its_reviewers_or_says_who_is_missing(people, rule, why) -> None:
    assert shortfall(people, rule) == (f"PR #12 has {why}" if why else None)


@pytest.mark.parametrize(
    ("teams", "which", "why"),
    [
        ((), ("pki",), "pki can't be established: it was not asked for"),
        ((NOBODY_KNOWS,), ("pki",), "pki can't be established: GITHUB_TEAMS_TOKEN is not set"),
        ((WEB,), ("web", "pki"), "pki can't be established: it was not asked for"),
    ],
)
def test_a_team_of_which_nobody_knows_the_members_approves_nothing(teams, which, why) -> None:
    asked = Reviewers(1, which)
    found = shortfall(approved("joe", teams=teams), FourEyes(of_teams=(asked,)))
    assert found == f"PR #12 needs {asked}, and who is in team {why}"


def test_files_with_rules_of_their_own_need_their_own_reviewers() -> None:
    commits = [BranchCommit("1", (), {"a": "1", "b": "1"})]
    rules = {"a": FourEyes(1), "b": FourEyes(2)}
    assert people_by_file(commits, {"1": GOOD}, rules.__getitem__, {"a": "0", "b": "0"}) == {"a": GOOD, "b": GOOD}
    two = [*commits, BranchCommit("2", ("1",), {"b": "2"})]
    enough = approved("bob", "eve")
    assert people_by_file(two, {"1": GOOD, "2": enough}, rules.__getitem__, {"a": "0", "b": "0"})["b"] == GOOD


def test_what_was_known_to_be_reviewed_needs_no_other_commit() -> None:
    assert _file(("2", PUSHED), ("1", PUSHED), known="1") == PUSHED
    assert _file(("2", GOOD), known="1") == GOOD
    assert _file(("1", PUSHED), known="1") == PUSHED


def test_files_answer_for_themselves() -> None:
    commits = [BranchCommit("1", (), {"a": "1", "b": "1"}), BranchCommit("2", ("1",), {"b": "2"})]
    found = people_by_file(commits, {"1": GOOD, "2": PUSHED}, lambda _: FourEyes(), {})
    assert found == {"a": GOOD, "b": PUSHED}
