"""Where the last apply noted how far the ledger had come, out of reach of those who write its branch.

The report of a run is an artifact of its workflow run, which nobody can replace once it is uploaded; the comment on the
pull request shows who edited it.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.codec import decode, decode_run
from reconciler.github.artifacts import packed_file
from reconciler.github.client import GitHub
from reconciler.github.comments import marker
from reconciler.github.wire import Wire, member, number, text
from reconciler.model.receipt import NotedLedger

_SEEN = 20
"""Artifacts of one name, newest first, among which that of this ledger is looked for."""
_COMMENTS = 100
_NOTE = re.compile(r"<!-- tpp-ledger:v1 ([A-Za-z0-9+/=]+) -->")
_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class Noted:
    """Where the ledger stood, and the page on which that is noted."""

    ledger: NotedLedger
    where: str


def last_noted(github: GitHub, artifact: str, branch: str, ledger_branch: str) -> Noted | None:
    """Return what the last apply on `branch` noted of a ledger (`actions: read`), None when nothing is noted.

    Raises GitHubFailure.
    """
    for found in _artifacts(github, artifact, branch):
        run = decode_run(packed_file(github, number(found, "id") or 0, _FILE))
        if run.ledger is not None and run.ledger.branch == ledger_branch:
            return Noted(run.ledger, f"workflow run {number(found, 'workflow_run', 'id')}")
    return _commented(github, ledger_branch)


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
    newest = github.page("/issues/comments", sort="created", direction="desc", per_page=_COMMENTS)
    for comment in newest:
        ours = text(comment, "user", "type") == "Bot" and text(comment, "body").startswith(_OUTCOME)
        note = _NOTE.search(text(comment, "body")) if ours else None
        if note is None:
            continue
        try:
            ledger = decode(base64.b64decode(note[1], validate=True), NotedLedger)
        except (ValueError, binascii.Error):
            continue
        if ledger.branch == ledger_branch:
            return Noted(ledger, text(comment, "html_url"))
    return None


_OUTCOME = marker("outcome", "x").split("x -->", 1)[0]
