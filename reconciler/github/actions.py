"""GitHub Actions: where a run takes place, and what a step tells it.

Sources: GitHub documentation, "Default environment variables", "Webhook events and payloads", and "Workflow commands
for GitHub Actions": a summary is at most 1 MiB a step and dropped whole when it is larger, outputs at most 1 MB a job.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.codec import decode
from reconciler.errors import ReconcilerError
from reconciler.github.wire import Wire, is_object, number, objects, text

TOKENS = ("RECONCILER_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
"""The variables that may hold the token, the first that is set wins."""


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


def token_from(environ: Mapping[str, str]) -> str:
    """Return the token for GitHub that was handed over, empty when there is none."""
    return next((environ[name] for name in TOKENS if environ.get(name)), "")


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


LONGEST_SUMMARY = 1024 * 1024 - 4096
"""Bytes of one step's summary that we write, with room for what others add."""
LONGEST_OUTPUT = 64 * 1024
"""Bytes of one output. Anything larger belongs in a file."""
_CUT = "\n\n_The summary was cut here: GitHub takes 1 MiB. The plan file in the artifact has everything._\n"


def append_summary(environ: Mapping[str, str], markdown: str) -> bool:
    """Add text to the job summary, cut after a whole line when it would be too long. False outside of Actions."""
    path = environ.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        return False
    file = Path(path)
    used = file.stat().st_size if file.exists() else 0
    with file.open("ab") as stream:
        stream.write(_within(markdown.rstrip("\n") + "\n\n", LONGEST_SUMMARY - used))
    return True


def set_outputs(environ: Mapping[str, str], outputs: Mapping[str, str]) -> bool:
    """Set outputs of the step. False outside of Actions. Raises ValueError for one that is too long.

    Every value stands between lines that nobody can guess, so that no value can set another output.
    """
    path = environ.get("GITHUB_OUTPUT", "")
    if not path:
        return False
    with Path(path).open("a", encoding="utf-8") as stream:
        for name, value in outputs.items():
            if len(value.encode()) > LONGEST_OUTPUT:
                raise ValueError(f"output {name} has {len(value):,} characters: hand it over in a file")
            end = f"end-{secrets.token_hex(16)}"
            stream.write(f"{name}<<{end}\n{value}\n{end}\n")
    return True


def _within(text: str, room: int) -> bytes:
    data = text.encode("utf-8", "replace")
    if len(data) <= room:
        return data
    note = _CUT.encode()
    if room <= len(note):
        return b""
    kept = data[: room - len(note)]
    return kept[: kept.rfind(b"\n") + 1] + note
