"""Who decided on a commit."""

from datetime import UTC, datetime

import pytest

from reconciler.github.client import GitHub
from reconciler.github.reviews import GitHubReviews
from reconciler.model.review import Assessment, NotReviewed, Review
from tests.github.fake_github import FakeGitHub, Fault
from tests.github.world import Pull, PullCommit, World

HEAD, MERGE, OTHER = "a" * 40, "c" * 40, "d" * 40


def _merged(world: World, number: int = 12, merge: str = MERGE, **changes: object) -> Pull:
    pull = Pull(number, "ann", HEAD, merge_commit=merge, merged_by="max")
    for name, value in changes.items():
        setattr(pull, name, value)
    world.pulls[number] = pull
    world.brought.setdefault(merge, []).append(number)
    world.permission |= {"ann": "write", "bob": "write", "max": "admin", "rea": "read"}
    world.pushes.append(("refs/heads/change", HEAD, "ann"))
    return world.pulls[number]


def _behind(github: GitHub, sha: str = MERGE, *branch: str) -> Assessment | NotReviewed:
    found = GitHubReviews(github, "main", "4242").behind(sha, frozenset(branch))
    assert isinstance(found, Assessment | NotReviewed)
    return found


def _assessed(github: GitHub, sha: str = MERGE, *branch: str) -> Assessment:
    found = _behind(github, sha, *branch)
    assert isinstance(found, Assessment)
    return found


def test_a_reviewed_merge_names_everybody_involved(server: FakeGitHub, github: GitHub) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)])
    server.world.approvals[4242] = [("olga", "approved"), ("rolf", "rejected")]
    assert _behind(github) == Assessment(
        Review(
            pull_request=12,
            author="ann",
            url="https://github.example/acme/approvals/pull/12",
            last_pusher="ann",
            reviewers=("bob",),
            merged_by="max",
            approvals=("olga",),
            merged_at=datetime(2026, 11, 23, 11, 0, tzinfo=UTC),
        ),
        head=HEAD,
    )


@pytest.mark.parametrize(
    ("reviews", "reviewers"),
    [
        ([("bob", "APPROVED", HEAD), ("max", "APPROVED", HEAD)], ("bob", "max")),
        ([("bob", "APPROVED", "b" * 40)], ()),
        ([("bob", "APPROVED", HEAD), ("bob", "CHANGES_REQUESTED", HEAD)], ()),
        ([("bob", "CHANGES_REQUESTED", HEAD), ("bob", "APPROVED", HEAD)], ("bob",)),
        ([("bob", "APPROVED", HEAD), ("bob", "COMMENTED", HEAD)], ("bob",)),
        ([("bob", "DISMISSED", HEAD)], ()),
        ([("bob", "APPROVED", HEAD), ("bob", "DISMISSED", HEAD)], ()),
        ([("ann", "APPROVED", HEAD)], ()),
        ([("ANN", "APPROVED", HEAD)], ()),
        ([("rea", "APPROVED", HEAD)], ()),
        ([("stranger", "APPROVED", HEAD)], ()),
        ([("github-actions[bot]", "APPROVED", HEAD)], ()),
        ([("bob", "PENDING", HEAD)], ()),
    ],
    ids=[
        "two people",
        "an older head",
        "changed their mind",
        "was convinced",
        "only added a comment",
        "dismissed",
        "dismissed later",
        "the author",
        "the author in other letters",
        "somebody who may only read",
        "somebody from outside",
        "a bot",
        "a review that was never sent",
    ],
)
def test_only_opinions_about_what_was_merged_count(
    server: FakeGitHub, github: GitHub, reviews: list[tuple[str, str, str]], reviewers: tuple[str, ...]
) -> None:
    server.page = 1
    _merged(server.world, reviews=reviews)
    server.world.permission["github-actions[bot]"] = "write"
    assert _assessed(github).review.reviewers == reviewers


@pytest.mark.parametrize(
    ("commits", "pushes"),
    [
        ([PullCommit("b" * 40, "bob"), PullCommit(HEAD, "ann")], []),
        ([PullCommit(HEAD, "ann", "bob")], []),
        ([PullCommit(HEAD, "ann", message="Fix\n\nCo-authored-by: Bob <7+BOB@users.noreply.github.com>")], []),
        (
            [
                PullCommit("b" * 40, "bob", address="bob@home.example"),
                PullCommit(HEAD, "ann", message="Fix\n\nco-authored-by: B <Bob@home.example>"),
            ],
            [],
        ),
        ([PullCommit("b" * 40, "ann"), PullCommit(HEAD, "ann")], [("refs/heads/change", "b" * 40, "bob")]),
        ([PullCommit(HEAD, "ann", "web-flow")], [("refs/heads/change", HEAD, "bob")]),
    ],
    ids=["wrote an earlier commit", "committed", "co-wrote", "co-wrote by address", "pushed earlier", "pushed last"],
)
def test_whoever_had_a_hand_in_it_is_no_reviewer(
    server: FakeGitHub, github: GitHub, commits: list[PullCommit], pushes: list[tuple[str, str, str]]
) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD), ("max", "APPROVED", HEAD)], commits=commits)
    server.world.pushes = pushes
    found = _assessed(github)
    assert (found.review.reviewers, found.unaccounted) == (("max",), ())


@pytest.mark.parametrize(
    ("change", "unaccounted"),
    [
        ({"author": "github-actions[bot]"}, ("github-actions[bot]",)),
        ({"commits": [PullCommit(HEAD, None, address="who@home.example")]}, ("who@home.example",)),
        ({"commits": [PullCommit(HEAD, "ann", message="x\n\nCo-authored-by: Q <q@q.example>")]}, ("q@q.example",)),
    ],
    ids=["a bot", "an author without an account", "a co-author without an account"],
)
def test_whoever_cannot_be_placed_asks_for_one_reviewer_more(
    server: FakeGitHub, github: GitHub, change: dict[str, object], unaccounted: tuple[str, ...]
) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)], **change)
    found = _assessed(github)
    assert (found.review.reviewers, found.unaccounted) == (("bob",), unaccounted)


def test_more_commits_than_github_lists_ask_for_one_reviewer_more(
    server: FakeGitHub, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.github.reviews.MOST_COMMITS", 2)
    _merged(server.world, commits=[PullCommit(f"{number:040x}", "ann") for number in range(2)])
    assert _assessed(github).unaccounted == ("commits beyond the first 2",)


def test_a_bot_that_pushed_asks_for_one_reviewer_more(server: FakeGitHub, github: GitHub) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)])
    server.world.pushes = [("refs/heads/change", HEAD, "helper[bot]")]
    assert _assessed(github).unaccounted == ("helper[bot]",)


@pytest.mark.parametrize(
    ("reviews", "objections"),
    [
        ([("max", "CHANGES_REQUESTED", "b" * 40)], ("max",)),
        ([("max", "CHANGES_REQUESTED", HEAD), ("max", "DISMISSED", HEAD)], ()),
        ([("max", "CHANGES_REQUESTED", HEAD), ("max", "APPROVED", HEAD)], ()),
        ([("rea", "CHANGES_REQUESTED", HEAD)], ()),
    ],
)
def test_open_requests_for_changes_are_objections(
    server: FakeGitHub, github: GitHub, reviews: list[tuple[str, str, str]], objections: tuple[str, ...]
) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD), *reviews])
    assert _assessed(github).objections == objections


def test_a_push_without_a_pull_request_is_said_to_be_that(server: FakeGitHub, github: GitHub) -> None:
    found = _behind(github)
    assert isinstance(found, NotReviewed)
    assert (found.direct, "without a merged pull request; revert it" in found.why) == (True, True)


@pytest.mark.parametrize("change", [{"merged_by": None}, {"base": "release"}, {"merge_commit": OTHER}])
def test_pull_requests_that_did_not_bring_the_commit_are_no_evidence(
    server: FakeGitHub, github: GitHub, change: dict[str, object]
) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)], **change)
    assert isinstance(_behind(github), NotReviewed)


def test_the_commits_of_a_rebase_belong_to_the_pull_request_of_the_last(server: FakeGitHub, github: GitHub) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)])
    server.world.brought[OTHER] = [12]
    assert isinstance(_behind(github, OTHER), NotReviewed)
    assert _assessed(github, OTHER, MERGE).review.reviewers == ("bob",)


@pytest.mark.parametrize(
    ("change", "pushes", "pusher"),
    [
        ({}, [("refs/heads/change", HEAD, "eve"), ("refs/heads/change", "b" * 40, "ann")], "eve"),
        ({"commits": [PullCommit(HEAD, "ann", "tom")]}, [], "tom"),
        ({"commits": [PullCommit(HEAD, "ann", "web-flow")]}, [], "ann"),
        (
            {"repository": "eve/approvals", "commits": [PullCommit(HEAD, "eve")]},
            [("refs/heads/change", HEAD, "bob")],
            "eve",
        ),
    ],
    ids=["activity", "committer", "edited on the web", "a fork's branch has another name space"],
)
def test_the_last_pusher_is_found(
    server: FakeGitHub,
    github: GitHub,
    change: dict[str, object],
    pushes: list[tuple[str, str, str]],
    pusher: str,
) -> None:
    _merged(server.world, **change)
    server.world.pushes = pushes
    assert _assessed(github).review.last_pusher == pusher


def test_facts_are_asked_once(server: FakeGitHub, github: GitHub) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)])
    server.world.brought[OTHER] = [12]
    reviews = GitHubReviews(github, "main", "4242")
    for sha in (MERGE, OTHER, MERGE, OTHER):
        assert isinstance(reviews.behind(sha, frozenset({MERGE, OTHER})), Assessment)
    assert len(server.asked) == 8


def test_a_limit_that_is_used_up_is_said_to_be_that_and_nothing_more_is_asked(
    server: FakeGitHub, github: GitHub
) -> None:
    server.faults = [Fault(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"})]
    reviews = GitHubReviews(github, "main")
    for sha in (MERGE, OTHER):
        found = reviews.behind(sha)
        assert isinstance(found, NotReviewed)
        assert "limit of API calls is used up until 2100-01-01T00:00:00Z; run again after that" in found.why
        assert not found.direct
    assert len(server.asked) == 1


def test_what_github_will_not_say_is_not_reviewed_with_the_reason(server: FakeGitHub, github: GitHub) -> None:
    server.world.tokens = {}
    found = _behind(github)
    assert isinstance(found, NotReviewed)
    assert "401 Bad credentials; the token is missing" in found.why
