"""The one drift issue."""

from reconciler.github.client import GitHub
from reconciler.github.posting import LABEL, Posted, Posting, keep_issue
from tests.github.fake_github import FakeGitHub
from tests.github.world import Issue, Pull

MARK = "<!-- tpp-reconciler:drift production -->"


def _keep(github: GitHub, body: str | None) -> Posted:
    return keep_issue(github, kind="drift", key="production", title="Drift", body=body)


def _states(server: FakeGitHub) -> dict[int, tuple[str, str]]:
    return {number: (issue.state, issue.body) for number, issue in server.world.issues.items()}


def test_it_opens_follows_closes_itself_and_opens_again(server: FakeGitHub, github: GitHub) -> None:
    assert _keep(github, None).posting is Posting.NONE
    assert _keep(github, "1 ticket").posting is Posting.CREATED
    assert _keep(github, "1 ticket").posting is Posting.UNCHANGED
    assert _keep(github, "2 tickets").posting is Posting.UPDATED
    assert _states(server) == {1: ("open", f"{MARK}\n2 tickets")}
    assert _keep(github, None).posting is Posting.CLOSED
    assert _keep(github, None).posting is Posting.NONE
    assert _states(server) == {1: ("closed", f"{MARK}\n2 tickets")}
    assert _keep(github, "3 tickets").posting is Posting.CREATED
    assert _states(server) == {1: ("open", f"{MARK}\n3 tickets")}
    assert server.world.comments_on(1) == ["The tickets are as main wants them again."]


def test_open_duplicates_are_closed_and_the_newest_is_kept(server: FakeGitHub, github: GitHub) -> None:
    server.world.issues = {number: Issue(number, "Drift", f"{MARK}\nold", labels=[LABEL]) for number in (3, 5)}
    assert _keep(github, "new").posting is Posting.UPDATED
    assert _states(server) == {3: ("closed", f"{MARK}\nold"), 5: ("open", f"{MARK}\nnew")}


def test_issues_of_people_and_of_other_environments_are_left_alone(server: FakeGitHub, github: GitHub) -> None:
    server.world.issues = {
        1: Issue(1, "Drift", f"{MARK}\nforged", author="mallory", labels=[LABEL]),
        2: Issue(2, "Drift", "<!-- tpp-reconciler:drift staging -->\nother", labels=[LABEL]),
    }
    server.world.pulls = {3: Pull(3, "ann", "a" * 40)}
    assert _keep(github, None).posting is Posting.NONE
    assert {issue.state for issue in server.world.issues.values()} == {"open"}


def test_an_issue_that_fails_is_a_value_with_the_reason(server: FakeGitHub, github: GitHub) -> None:
    server.world.tokens = {}
    assert _keep(github, "text").posting is Posting.FAILED
