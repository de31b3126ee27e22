"""The one pull request of a fixed branch."""

import pytest

from reconciler.github.client import GitHub, GitHubFailure
from reconciler.github.posting import Posting, keep_pull
from tests.github.conftest import TOKEN
from tests.github.fake_github import FakeGitHub
from tests.github.world import READER, Pull

MARK = "<!-- tpp-reconciler:pull reconciler/import -->"


def _keep(github: GitHub, body: str) -> Posting:
    return keep_pull(github, branch="reconciler/import", base="main", title="New tickets", body=body).posting


def test_it_is_created_once_and_then_updated(server: FakeGitHub, github: GitHub) -> None:
    server.world.pulls[4] = Pull(4, "ann", "a" * 40, branch="another")
    assert [_keep(github, body) for body in ("one", "one", "two")] == ["created", "unchanged", "updated"]
    assert {number: pull.body for number, pull in server.world.pulls.items()} == {4: "", 5: f"{MARK}\ntwo"}


def test_a_merged_one_is_followed_by_a_new_one(server: FakeGitHub, github: GitHub) -> None:
    _keep(github, "one")
    server.world.pulls[1].merged_by = "ann"
    assert _keep(github, "two") is Posting.CREATED


def test_a_proposal_without_its_pull_request_is_a_failure(server: FakeGitHub, github: GitHub) -> None:
    server.world.tokens = {TOKEN: READER | {"pull-requests": "read"}}
    with pytest.raises(GitHubFailure, match="403"):
        _keep(github, "one")
