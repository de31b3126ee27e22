"""Where the last apply noted how far the ledger had come, out of reach of those who write its branch.

The report of a run is an artifact of its workflow run, which nobody can replace once it is uploaded; the comment on the
pull request shows who edited it; a check run of the commit stays when artifacts have expired, also for a push without a
pull request. All three are looked at, because whoever takes one away leaves an older one of its kind.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from reconciler.codec import decode, decode_run
from reconciler.github.client import GitHub, GitHubFailure, packed_file
from reconciler.github.posting import Posted, Posting, marker
from reconciler.github.wire import Wire, member, number, objects, text
from reconciler.model.receipt import NotedLedger

_SEEN = 20
"""Artifacts of one name, newest first, among which that of this ledger is looked for."""
_COMMENTS = 100
_NOTE = re.compile(r"<!-- tpp-ledger:v1 ([A-Za-z0-9+/=]+) -->")
_FILE = "run.json"
_ACTIONS = "github-actions"
"""The app that GITHUB_TOKEN belongs to."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Where the ledger stood, and the page on which that is noted."""

    ledger: NotedLedger
    where: str


def note(github: GitHub, commit: str, ledger: NotedLedger, summary: str) -> Posted:
    """Note where the ledger stands in a check run of the commit (`checks: write`). A failure is a value."""
    check = {
        "name": _check(ledger.branch),
        "head_sha": commit,
        "status": "completed",
        "conclusion": "neutral",
        "output": {"title": "How far the ledger has come", "summary": summary},
    }
    try:
        return Posted(Posting.CREATED, text(github.post("/check-runs", check), "html_url"))
    except GitHubFailure as fault:
        return Posted(Posting.FAILED, why=fault.in_words)


def places(
    github: GitHub, artifact: str, branch: str, ledger_branch: str, commits: Sequence[str]
) -> tuple[Callable[[], Noted | None], ...]:
    """Return what reads the newest note of a ledger in each place where an apply on `branch` left one.

    Check runs are those of `commits`, the newest first. Each raises GitHubFailure, and ValueError for what is no note.
    """
    return (
        partial(_uploaded, github, artifact, branch, ledger_branch),
        partial(_commented, github, ledger_branch),
        partial(_checked, github, ledger_branch, commits),
    )


def _check(ledger_branch: str) -> str:
    return f"Ledger on {ledger_branch}"


def _uploaded(github: GitHub, artifact: str, branch: str, ledger_branch: str) -> Noted | None:
    """Look into the artifacts of earlier runs (`actions: read`)."""
    for found in _artifacts(github, artifact, branch):
        run = decode_run(packed_file(github, number(found, "id") or 0, _FILE))
        if run.ledger is not None and run.ledger.branch == ledger_branch:
            return Noted(run.ledger, f"workflow run {number(found, 'workflow_run', 'id')}")
    return None


def _checked(github: GitHub, ledger_branch: str, commits: Sequence[str]) -> Noted | None:
    """Look at the check runs of commits (`checks: read`). Only those that a workflow made count."""
    for commit in commits:
        name = _check(ledger_branch)
        answer = github.get(f"/commits/{commit}/check-runs", check_name=name, filter="latest")
        for check in objects(member(answer, "check_runs")):
            ours = text(check, "name") == name and text(check, "app", "slug") == _ACTIONS
            ledger = _read(text(check, "output", "summary")) if ours else None
            if ledger is not None and ledger.branch == ledger_branch:
                return Noted(ledger, f"the check run of commit {commit[:12]}")
    return None


def _artifacts(github: GitHub, name: str, branch: str) -> Iterator[Wire]:
    """Return the artifacts of this name that runs on the branch made, newest first. A fork's branch is another one."""
    listed = github.get("/actions/artifacts", name=name, per_page=_SEEN)
    found = member(listed, "artifacts")
    own = [each for each in (found if isinstance(found, list) else []) if _is_of(each, name, branch)]
    yield from sorted(own, key=lambda each: number(each, "id") or 0, reverse=True)


def _is_of(artifact: object, name: str, branch: str) -> bool:
    repository = number(artifact, "workflow_run", "repository_id")
    return (
        text(artifact, "name") == name
        and member(artifact, "expired") is False
        and text(artifact, "workflow_run", "head_branch") == branch
        and repository is not None
        and repository == number(artifact, "workflow_run", "head_repository_id")
    )


def _commented(github: GitHub, ledger_branch: str) -> Noted | None:
    """Look into the newest comments of pull requests."""
    newest = github.page("/issues/comments", sort="created", direction="desc", per_page=_COMMENTS)
    for comment in newest:
        ours = text(comment, "user", "type") == "Bot" and text(comment, "body").startswith(_OUTCOME)
        ledger = _read(text(comment, "body")) if ours else None
        if ledger is not None and ledger.branch == ledger_branch:
            return Noted(ledger, text(comment, "html_url"))
    return None


def _read(body: str) -> NotedLedger | None:
    """Return what a text notes, None when it notes nothing that can be read."""
    found = _NOTE.search(body)
    try:
        return decode(base64.b64decode(found[1], validate=True), NotedLedger) if found else None
    except (ValueError, binascii.Error):
        return None


_OUTCOME = marker("outcome", "x").split("x -->", 1)[0]
