"""What a step learns from its variables and its event file."""

import json
from pathlib import Path

import pytest

from reconciler.errors import ReconcilerError
from reconciler.github.actions import Event, PullRequest, read_event

PUSH = {
    "GITHUB_REPOSITORY": "acme/approvals",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_SHA": "c" * 40,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_RUN_ID": "4242",
    "GITHUB_ACTOR": "ann",
    "GITHUB_WORKFLOW_REF": "acme/approvals/.github/workflows/apply.yml@refs/heads/main",
}


def _with(tmp_path: Path, payload: object) -> dict[str, str]:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(payload))
    return PUSH | {"GITHUB_EVENT_PATH": str(file)}


def test_outside_of_actions_there_is_no_event() -> None:
    assert read_event({}) is None


def test_a_push_names_its_commits_run_and_workflow(tmp_path: Path) -> None:
    event = read_event(_with(tmp_path, {"commits": [{"id": "b" * 40}, {"id": "c" * 40}, {"no": "id"}]}))
    assert event == Event(
        name="push",
        repository="acme/approvals",
        sha="c" * 40,
        ref="refs/heads/main",
        api_url="https://api.github.com",
        server_url="https://github.com",
        run_id="4242",
        actor="ann",
        workflow=".github/workflows/apply.yml",
        commits=("b" * 40, "c" * 40),
    )
    assert event.run_url == "https://github.com/acme/approvals/actions/runs/4242"
    assert event.branch == "main"


def test_a_pull_request_works_on_its_head_and_not_on_the_commit_that_github_made_up(tmp_path: Path) -> None:
    head = {"sha": "a" * 40, "repo": {"full_name": "eve/approvals"}}
    event = read_event(_with(tmp_path, {"pull_request": {"number": 7, "head": head, "user": {"login": "eve"}}}))
    assert event is not None
    assert (event.sha, event.pull_request) == ("a" * 40, PullRequest(7, "a" * 40, "eve/approvals", "eve"))


def test_an_enterprise_server_is_where_the_variables_say() -> None:
    places = {"GITHUB_API_URL": "https://ghe.corp/api/v3/", "GITHUB_SERVER_URL": "https://ghe.corp/"}
    event = read_event(PUSH | places)
    assert event is not None
    assert (event.api_url, event.server_url) == ("https://ghe.corp/api/v3", "https://ghe.corp")


@pytest.mark.parametrize("payload", [[], "text", {"pull_request": "x"}, {"commits": {"a": 1}}])
def test_a_payload_of_another_shape_is_no_fault(tmp_path: Path, payload: object) -> None:
    event = read_event(_with(tmp_path, payload))
    assert event is not None
    assert (event.pull_request, event.commits) == (None, ())


def test_an_event_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "event.json"
    broken.write_text("{")
    for path in (broken, tmp_path / "absent.json"):
        with pytest.raises(ReconcilerError, match=path.name):
            read_event(PUSH | {"GITHUB_EVENT_PATH": str(path)})


def test_a_workflow_of_another_repository_is_not_taken_for_ours() -> None:
    event = read_event(PUSH | {"GITHUB_WORKFLOW_REF": "other/repo/.github/workflows/x.yml@main"})
    assert event is not None
    assert event.workflow == ""
