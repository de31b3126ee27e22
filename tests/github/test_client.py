"""How the client behaves towards a GitHub that is slow, busy, forbidding or not itself."""

import re
from pathlib import Path

import pytest

from reconciler.github.client import GitHub, GitHubFailure, packed_file
from tests.builders import NOW
from tests.fakes import FakeClock
from tests.github.conftest import TOKEN
from tests.github.fake_github import FakeGitHub, Fault
from tests.github.world import READER, Comment


def _comments(github: GitHub) -> list[object]:
    return [wire["id"] for wire in github.every("/issues/7/comments")]


def test_a_list_is_read_to_its_last_page(server: FakeGitHub, github: GitHub) -> None:
    server.page = 2
    server.world.comments = {number: Comment(number, 7, "text") for number in range(1, 6)}
    assert _comments(github) == [1, 2, 3, 4, 5]
    assert len(server.asked) == 3


@pytest.mark.parametrize("fault", [Fault(500), Fault(502), Fault(0)])
def test_a_read_is_tried_again(server: FakeGitHub, github: GitHub, clock: FakeClock, fault: Fault) -> None:
    server.faults = [fault, fault]
    assert _comments(github) == []
    assert clock.slept == [1.0, 2.0]


def test_retry_after_is_obeyed_for_seconds_and_dates(server: FakeGitHub, github: GitHub, clock: FakeClock) -> None:
    server.faults = [
        Fault(429, {"Retry-After": "17"}),
        Fault(403, {"Retry-After": "Mon, 23 Nov 2026 12:00:20 GMT"}),
        Fault(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(clock.now().timestamp()) + 25)}),
    ]
    assert _comments(github) == []
    assert clock.slept == [17.0, 3.0, 5.0]


_HOURLY = "GitHub's limit of API calls is used up"
_SECONDARY = "its secondary rate limit"
_BURST = b'{"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}'
_LATER = str(int(NOW.timestamp()) + 1_800)


@pytest.mark.parametrize(
    ("fault", "slept", "says", "until"),
    [
        (Fault(403, {"Retry-After": "3600"}), [], _SECONDARY, "until 2026-11-23T13:00:00Z"),
        (Fault(429, {"Retry-After": "Mon, 23 Nov 2026 12:02:00 GMT"}), [], _SECONDARY, "until 2026-11-23T12:02:00Z"),
        (
            Fault(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": _LATER}),
            [],
            _HOURLY,
            "until 2026-11-23T12:30:00Z",
        ),
        (
            Fault(429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": _LATER}),
            [],
            _HOURLY,
            "until 2026-11-23T12:30:00Z",
        ),
        # Every answer names the reset of the hourly limit: it says nothing of a secondary one.
        (
            Fault(403, {"X-RateLimit-Remaining": "812", "X-RateLimit-Reset": _LATER}, _BURST),
            [60.0],
            _SECONDARY,
            "in some minutes",
        ),
        (Fault(403, {}, _BURST), [60.0], _SECONDARY, "in some minutes"),
        (Fault(429), [60.0], _SECONDARY, "in some minutes"),
        (Fault(403, {"Retry-After": "soon"}), [60.0], _SECONDARY, "in some minutes"),
    ],
)
def test_a_limit_that_lasts_is_said_with_its_end_and_nothing_more_is_asked(
    server: FakeGitHub, github: GitHub, clock: FakeClock, fault: Fault, slept: list[float], says: str, until: str
) -> None:
    server.faults = [fault] * 9
    for _ in range(2):
        with pytest.raises(GitHubFailure) as failure:
            _comments(github)
        said = f"{failure.value.message}; {failure.value.hint}"
        assert (failure.value.status, says in said, until in said) == (fault.status, True, True)
    with pytest.raises(GitHubFailure, match=re.escape(says)):
        github.download("/actions/artifacts/1/zip", 10)
    assert (clock.slept, len(server.asked)) == (slept, len(slept) + 1)


def test_what_is_forbidden_is_no_limit(server: FakeGitHub, github: GitHub, clock: FakeClock) -> None:
    server.faults = [Fault(403, {"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": _LATER})]
    with pytest.raises(GitHubFailure, match="403 a fault"):
        _comments(github)
    assert (_comments(github), clock.slept) == ([], [])


@pytest.mark.parametrize("fault", [Fault(502), Fault(0), Fault(429, {"Retry-After": "1"})])
def test_a_download_is_tried_again_like_any_read(
    server: FakeGitHub, github: GitHub, clock: FakeClock, fault: Fault, tmp_path: Path
) -> None:
    (tmp_path / "7" / "plan").mkdir(parents=True)
    (tmp_path / "7" / "plan" / "plan.json").write_text("{}")
    server.world.artifacts = tmp_path
    server.faults = [fault]
    assert packed_file(github, 7000, "plan.json") == b"{}"
    assert clock.slept == [1.0]


@pytest.mark.parametrize("fault", [Fault(500), Fault(0)])
def test_a_post_whose_fate_is_unknown_is_not_repeated(server: FakeGitHub, github: GitHub, fault: Fault) -> None:
    server.faults = [fault]
    with pytest.raises(GitHubFailure):
        github.post("/issues/7/comments", {"body": "once"})
    assert len(server.asked) == 1


def test_a_post_that_was_not_carried_out_is_repeated(server: FakeGitHub, github: GitHub) -> None:
    server.faults = [Fault(403, {"Retry-After": "1"})]
    github.post("/issues/7/comments", {"body": "once"})
    assert server.world.comments_on(7) == ["once"]


def test_what_stays_broken_is_reported_after_four_tries(server: FakeGitHub, github: GitHub) -> None:
    server.faults = [Fault(503)] * 9
    with pytest.raises(GitHubFailure, match="503 a fault"):
        _comments(github)
    assert len(server.asked) == 4


def test_a_forbidden_call_names_the_permission_that_is_missing(server: FakeGitHub, github: GitHub) -> None:
    server.world.tokens = {TOKEN: dict(READER)}
    with pytest.raises(GitHubFailure, match="Resource not accessible by integration") as failure:
        github.post("/issues/7/comments", {"body": "text"})
    assert "issues=write; pull-requests=write" in failure.value.hint
    assert "fork" in failure.value.hint


def test_a_wrong_token_is_reported_and_never_shown(server: FakeGitHub, github: GitHub) -> None:
    server.world.tokens = {}
    with pytest.raises(GitHubFailure, match="401 Bad credentials") as failure:
        _comments(github)
    assert TOKEN not in f"{failure.value!r} {failure.value.hint} {github!r} {vars(github.session)}"


def test_the_token_is_not_sent_to_another_host(server: FakeGitHub, github: GitHub) -> None:
    other = FakeGitHub()
    with other.serve():
        server.faults = [Fault(200, {"Link": f'<{other.api_url}/repos/x/y/issues>; rel="next"'}, b"[]")]
        with pytest.raises(GitHubFailure, match="another place"):
            _comments(github)
        server.faults = [Fault(301, {"Location": f"{other.api_url}/repos/x/y"})]
        with pytest.raises(GitHubFailure, match="redirects"):
            _comments(github)
    assert other.asked == []


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"", b"[1,", b'"text"'])
def test_an_answer_that_is_not_githubs_is_an_error(server: FakeGitHub, github: GitHub, body: bytes) -> None:
    server.faults = [Fault(200, {}, body)]
    with pytest.raises(GitHubFailure):
        github.get("/pulls/7")


def test_a_netrc_file_does_not_replace_the_token(
    server: FakeGitHub, github: GitHub, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    _comments(github)
    assert [asked.token for asked in server.asked] == [TOKEN]
