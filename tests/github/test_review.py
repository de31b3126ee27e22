"""Who decided on a commit."""

import pytest

from reconciler.github.api import GitHub
from reconciler.github.event import Event
from reconciler.github.review import review_of, review_of_pull
from reconciler.model.review import Review
from reconciler.model.value import replace
from tests.github.fake_github import FakeGitHub
from tests.github.world import Pull, World

HEAD, MERGE = "a" * 40, "c" * 40
EVENT = Event("push", "acme/approvals", MERGE, "refs/heads/main", "", "", run_id="4242")


def _merged(world: World, number: int = 12, merge: str = MERGE, **changes: object) -> Pull:
    pull = Pull(number, "ann", HEAD, merge_commit=merge, merged_by="max")
    world.pulls[number] = replace(pull, **changes)
    world.brought.setdefault(merge, []).append(number)
    world.permission |= {"ann": "write", "bob": "write", "max": "admin", "rea": "read"}
    world.pushes.append(("refs/heads/change", HEAD, "ann"))
    return world.pulls[number]


def test_a_reviewed_merge_names_everybody_involved(server: FakeGitHub, github: GitHub) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)])
    server.world.approvals[4242] = [("olga", "approved"), ("rolf", "rejected")]
    assert review_of(github, EVENT, (MERGE,)) == Review(
        pull_request=12,
        author="ann",
        url="https://github.example/acme/approvals/pull/12",
        last_pusher="ann",
        reviewers=("bob",),
        merged_by="max",
        approvals=("olga",),
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
    found = review_of(github, EVENT, (MERGE,))
    assert found is not None
    assert found.reviewers == reviewers


def test_a_push_without_a_pull_request_has_no_review(server: FakeGitHub, github: GitHub) -> None:
    assert review_of(github, EVENT, (MERGE,)) is None


@pytest.mark.parametrize("change", [{"merged_by": None}, {"base": "release"}, {"merge_commit": "d" * 40}])
def test_pull_requests_that_did_not_bring_the_commit_are_no_evidence(
    server: FakeGitHub, github: GitHub, change: dict[str, object]
) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)], **change)
    assert review_of(github, EVENT, (MERGE,)) is None


def test_an_unreviewed_push_cannot_hide_behind_the_review_that_follows_it(server: FakeGitHub, github: GitHub) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)])
    assert review_of(github, EVENT, (MERGE, "e" * 40)) is None


def test_of_several_pull_requests_the_weakest_review_counts(server: FakeGitHub, github: GitHub) -> None:
    _merged(server.world, 12, reviews=[("bob", "APPROVED", HEAD)])
    _merged(server.world, 13, "d" * 40)
    found = review_of(github, EVENT, (MERGE, "d" * 40))
    assert found is not None
    assert (found.pull_request, found.reviewers) == (13, ())


def test_the_commits_of_a_rebase_belong_to_the_pull_request_of_the_last(server: FakeGitHub, github: GitHub) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)])
    server.world.brought["d" * 40] = [12]
    found = review_of(github, EVENT, (MERGE, "d" * 40))
    assert found is not None
    assert found.reviewers == ("bob",)


def test_a_head_is_traced_through_the_merge_that_is_on_the_branch(server: FakeGitHub, github: GitHub) -> None:
    _merged(server.world, reviews=[("bob", "APPROVED", HEAD)])
    server.world.brought[HEAD] = [12]
    assert review_of(github, EVENT, (HEAD,)) is None
    found = review_of(github, EVENT, (HEAD,), frozenset({MERGE}))
    assert found is not None
    assert found.reviewers == ("bob",)


@pytest.mark.parametrize(
    ("change", "pushes", "commit", "pusher"),
    [
        ({}, [("refs/heads/change", HEAD, "eve"), ("refs/heads/change", "b" * 40, "ann")], ("ann", "ann"), "eve"),
        ({}, [], ("ann", "tom"), "tom"),
        ({}, [], ("ann", "web-flow"), "ann"),
        ({"repository": "eve/approvals"}, [("refs/heads/change", HEAD, "bob")], ("eve", "eve"), "eve"),
    ],
    ids=["activity", "committer", "edited on the web", "a fork's branch has another name space"],
)
def test_the_last_pusher_is_found(
    server: FakeGitHub,
    github: GitHub,
    change: dict[str, object],
    pushes: list[tuple[str, str, str]],
    commit: tuple[str, str],
    pusher: str,
) -> None:
    _merged(server.world, **change)
    server.world.pushes = pushes
    server.world.commits[HEAD] = commit
    assert review_of_pull(github, 12).last_pusher == pusher
