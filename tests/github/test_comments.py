"""The one comment of a pull request."""

from reconciler.github.client import GitHub
from reconciler.github.posting import LONGEST, Posted, Posting, keep_comment, marker
from tests.github.conftest import TOKEN
from tests.github.fake_github import FakeGitHub
from tests.github.world import READER, Comment

MARK = "<!-- tpp-reconciler:plan production -->"


def _keep(github: GitHub, body: str, key: str = "production") -> Posted:
    return keep_comment(github, 7, kind="plan", key=key, body=body)


def test_the_first_run_creates_the_comment_and_the_next_updates_it(server: FakeGitHub, github: GitHub) -> None:
    assert _keep(github, "first").posting is Posting.CREATED
    assert _keep(github, "second").posting is Posting.UPDATED
    assert server.world.comments_on(7) == [f"{MARK}\nsecond"]


def test_an_unchanged_text_costs_no_write(server: FakeGitHub, github: GitHub) -> None:
    _keep(github, "same\n\nlines")
    server.world.comments[101].body = server.world.comments[101].body.replace("\n", "\r\n")
    server.asked.clear()
    assert _keep(github, "same  \n\nlines\n").posting is Posting.UNCHANGED
    assert [asked.method for asked in server.asked] == ["GET"]


def test_the_newest_is_kept_and_its_duplicates_are_deleted(server: FakeGitHub, github: GitHub) -> None:
    server.page = 1
    server.world.comments = {number: Comment(number, 7, f"{MARK}\nold {number}") for number in (101, 102, 103)}
    assert _keep(github, "new").posting is Posting.UPDATED
    assert {number: found.body for number, found in server.world.comments.items()} == {103: f"{MARK}\nnew"}


def test_environments_have_comments_of_their_own(server: FakeGitHub, github: GitHub) -> None:
    _keep(github, "a", key="production")
    _keep(github, "b", key="staging")
    assert server.world.comments_on(7) == [f"{MARK}\na", "<!-- tpp-reconciler:plan staging -->\nb"]


def test_a_persons_comment_with_our_marker_is_left_alone(server: FakeGitHub, github: GitHub) -> None:
    server.world.comments[1] = Comment(1, 7, f"{MARK}\nforged", author="mallory")
    assert _keep(github, "ours").posting is Posting.CREATED
    assert server.world.comments_on(7) == [f"{MARK}\nforged", f"{MARK}\nours"]


def test_a_bot_that_quotes_our_marker_is_left_alone(server: FakeGitHub, github: GitHub) -> None:
    server.world.comments[1] = Comment(1, 7, f"> {MARK}\nquoted")
    assert _keep(github, "ours").posting is Posting.CREATED


def test_a_comment_that_fails_is_a_value_with_the_reason(server: FakeGitHub, github: GitHub) -> None:
    server.world.tokens = {TOKEN: dict(READER) | {"issues": "read"}}
    posted = _keep(github, "text")
    assert posted.posting is Posting.FAILED
    assert "pull-requests=write" in posted.why


def test_a_text_that_is_too_long_is_cut_after_a_line(server: FakeGitHub, github: GitHub) -> None:
    assert _keep(github, "a row of a table\n" * 10_000).posting is Posting.CREATED
    (body,) = server.world.comments_on(7)
    assert len(body) <= LONGEST
    assert body.splitlines()[-3:-1] == ["a row of a table", ""]
    assert _keep(github, "a row of a table\n" * 10_000).posting is Posting.UNCHANGED


def test_a_key_cannot_end_the_invisible_line() -> None:
    assert marker("plan", "a --> <b> -- c") == "<!-- tpp-reconciler:plan a____b____c -->"
    assert marker("plan", "") == "<!-- tpp-reconciler:plan _ -->"
