"""Where a run says that it comes from."""

from pathlib import Path

from reconciler.github.provenance import Origin, provenance_of
from reconciler.model.review import Review
from tests.fakes import FakeClock
from tests.github.conftest import TOKEN
from tests.github.fake_github import FakeGitHub
from tests.github.world import Pull

HEAD, MERGE = "a" * 40, "c" * 40
RUN = "https://github.com/acme/approvals/actions/runs/4242"


def _environ(server: FakeGitHub, **more: str) -> dict[str, str]:
    return {
        "GITHUB_API_URL": server.api_url,
        "GITHUB_REPOSITORY": "acme/approvals",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_SHA": MERGE,
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_RUN_ID": "4242",
        "GITHUB_TOKEN": TOKEN,
        **more,
    }


def _merged(server: FakeGitHub) -> None:
    server.world.pulls[12] = Pull(12, "ann", HEAD, merge_commit=MERGE, merged_by="max")
    server.world.brought[MERGE] = [12]
    server.world.pushes = [("refs/heads/change", HEAD, "ann")]


def test_a_push_is_traced_to_its_pull_request(server: FakeGitHub, clock: FakeClock) -> None:
    _merged(server)
    url = "https://github.example/acme/approvals/pull/12"
    assert provenance_of(_environ(server), clock) == Origin(
        commit=MERGE,
        repository="acme/approvals",
        review=Review(12, "ann", url, last_pusher="ann", merged_by="max"),
        workflow_run=RUN,
    )


def test_a_pull_request_is_its_own_evidence(server: FakeGitHub, clock: FakeClock, tmp_path: Path) -> None:
    _merged(server)
    event = tmp_path / "event.json"
    event.write_text(f'{{"pull_request": {{"number": 12, "head": {{"sha": "{HEAD}"}}}}}}')
    origin = provenance_of(_environ(server, GITHUB_EVENT_PATH=str(event)), clock)
    assert (origin.commit, origin.review and origin.review.pull_request, origin.why) == (HEAD, 12, "")


def test_a_direct_push_has_no_review_and_says_so(server: FakeGitHub, clock: FakeClock) -> None:
    origin = provenance_of(_environ(server), clock)
    assert (origin.review, origin.why) == (None, f"no merged pull request brought {MERGE[:12]} to main")


def test_what_github_will_not_say_is_unknown_with_the_reason(server: FakeGitHub, clock: FakeClock) -> None:
    server.world.tokens = {}
    origin = provenance_of(_environ(server), clock)
    assert (origin.commit, origin.review, origin.workflow_run) == (MERGE, None, RUN)
    assert "401" in origin.why


def test_without_a_token_or_a_branch_nothing_is_asked(server: FakeGitHub, clock: FakeClock) -> None:
    assert "GITHUB_TOKEN" in provenance_of(_environ(server, GITHUB_TOKEN=""), clock).why
    assert "not a branch" in provenance_of(_environ(server, GITHUB_REF="refs/tags/v1"), clock).why
    assert provenance_of(_environ(server), clock, ask=False) == Origin(MERGE, "acme/approvals", None, RUN)
    assert server.asked == []


def test_outside_of_github_nothing_is_known(clock: FakeClock) -> None:
    assert provenance_of({}, clock) == Origin()


def test_a_broken_event_file_does_not_stop_the_run(server: FakeGitHub, clock: FakeClock, tmp_path: Path) -> None:
    assert "can't be read" in provenance_of(_environ(server, GITHUB_EVENT_PATH=str(tmp_path / "none")), clock).why
