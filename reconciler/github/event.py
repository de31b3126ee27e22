"""Where a run takes place: the variables and the event file that GitHub Actions hands to every step.

Source: GitHub documentation, "Default environment variables" and "Webhook events and payloads".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.codec import decode
from reconciler.errors import ReconcilerError
from reconciler.github.wire import Wire, is_object, number, objects, text


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The pull request that an event is about. `head_repository` differs from the event's for a fork.

    `base_sha` is the commit of the base branch that it is held against, empty when the event does not say.
    """

    number: int
    head_sha: str
    head_repository: str
    author: str
    base: str = ""
    base_sha: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What started the workflow run.

    `sha` is the commit that is worked on: the head of the pull request for its events (where GITHUB_SHA is a
    commit that GitHub made up), GITHUB_SHA otherwise. `commits` are those that a push brought, oldest first, `before`
    is the commit that the branch was at until then.
    `workflow` is the path of the workflow file below the repository, empty when it is not known.
    """

    name: str
    repository: str
    sha: str
    ref: str
    api_url: str
    server_url: str
    run_id: str = ""
    run_attempt: str = "1"
    actor: str = ""
    workflow: str = ""
    pull_request: PullRequest | None = None
    commits: tuple[str, ...] = ()
    before: str = ""

    @property
    def run_url(self) -> str | None:
        """The page of this workflow run, None outside of one."""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}" if self.run_id else None

    @property
    def base(self) -> str:
        """The branch that the pull request is for, empty for other events."""
        return self.pull_request.base if self.pull_request else ""

    @property
    def branch(self) -> str:
        """The name of the branch that the run is on, empty for tags and pull requests."""
        prefix = "refs/heads/"
        return self.ref.removeprefix(prefix) if self.ref.startswith(prefix) else ""


def read_event(environ: Mapping[str, str]) -> Event | None:
    """Return the event of this workflow run, None when this is not one.

    GITHUB_API_URL and GITHUB_SERVER_URL lead to GitHub Enterprise Server when they say so.
    Raises ReconcilerError when the event file is there but can't be read.
    """
    repository = environ.get("GITHUB_REPOSITORY", "")
    if not repository:
        return None
    payload = _payload(environ.get("GITHUB_EVENT_PATH", ""))
    pull_request = _pull_request(payload)
    return Event(
        name=environ.get("GITHUB_EVENT_NAME", ""),
        repository=repository,
        sha=pull_request.head_sha if pull_request else environ.get("GITHUB_SHA", ""),
        ref=environ.get("GITHUB_REF", ""),
        api_url=environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        server_url=environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/"),
        run_id=environ.get("GITHUB_RUN_ID", ""),
        run_attempt=environ.get("GITHUB_RUN_ATTEMPT", "1"),
        actor=environ.get("GITHUB_ACTOR", ""),
        workflow=_workflow(environ.get("GITHUB_WORKFLOW_REF", ""), repository),
        pull_request=pull_request,
        commits=tuple(sha for commit in objects(payload.get("commits")) if (sha := text(commit, "id"))),
        before=text(payload, "before").strip("0") and text(payload, "before"),
    )


def _payload(path: str) -> Wire:
    if not path:
        return {}
    try:
        payload = decode(Path(path).read_bytes(), object)
    except (OSError, ValueError) as fault:
        raise ReconcilerError(
            f"the event file {path} can't be read: {fault}",
            "GITHUB_EVENT_PATH names it; run inside GitHub Actions, or unset GITHUB_REPOSITORY",
        ) from fault
    return payload if is_object(payload) else {}


def _pull_request(payload: Wire) -> PullRequest | None:
    wire = payload.get("pull_request")
    found = number(wire, "number")
    if found is None:
        return None
    return PullRequest(
        number=found,
        head_sha=text(wire, "head", "sha"),
        head_repository=text(wire, "head", "repo", "full_name"),
        author=text(wire, "user", "login"),
        base=text(wire, "base", "ref"),
        base_sha=text(wire, "base", "sha"),
    )


def _workflow(reference: str, repository: str) -> str:
    path, _, _ = reference.partition("@")
    return path.removeprefix(f"{repository}/") if path.startswith(f"{repository}/") else ""
