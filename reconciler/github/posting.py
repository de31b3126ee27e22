"""Texts of ours on GitHub: comments, issues and pull requests, each kept up to date instead of written again."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import PurePosixPath

from reconciler.errors import ReconcilerError
from reconciler.github.client import GitHub
from reconciler.github.wire import Wire, member, number, objects, text
from reconciler.model.status import format_instant, parse_instant

_UNSAFE = re.compile(r"[^A-Za-z0-9._/:@+-]+")


def marker(kind: str, key: str) -> str:
    """Return the HTML comment that marks a text. `key` tells texts of one kind apart, such as environments."""
    return f"<!-- tpp-reconciler:{_plain(kind)} {_plain(key)} -->"


def is_ours(wire: Wire, mark: str) -> bool:
    """Return whether a comment or issue is one of ours: it starts with the marker and a bot wrote it.

    A person who copies the marker gets a text of their own, which is never touched.
    """
    return text(wire, "user", "type") == "Bot" and text(wire, "body").startswith(mark)


def same_text(left: str, right: str) -> bool:
    """Compare texts as GitHub keeps them: line ends and trailing blanks may have changed."""
    return _normal(left) == _normal(right)


def _plain(value: str) -> str:
    """Keep what can neither end the HTML comment nor be split: two dashes in a row would."""
    return _UNSAFE.sub("_", value).replace("--", "__") or "_"


def _normal(value: str) -> str:
    return "\n".join(line.rstrip() for line in value.replace("\r\n", "\n").strip().split("\n"))


LONGEST = 65_000
"""Characters. GitHub refuses more than 65,536; renderers stay below 64,000."""
_CUT = "\n\n_The text was cut here: GitHub takes no more. See the job summary._"


class Posting(StrEnum):
    """What became of a text that was to stand on GitHub."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CLOSED = "closed"
    NONE = "none"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Posted:
    """How a posting went. `why` says what failed; it never changes what the run itself found.

    `number` is that of the pull request, where it is one.
    """

    posting: Posting
    url: str = ""
    why: str = ""
    number: int | None = None


def keep_comment(github: GitHub, pull: int, *, kind: str, key: str, body: str) -> Posted:
    """Make the comment of this kind and key say `body`: create it, update the newest, delete its duplicates.

    An unchanged text costs no write. A failure is a value, because a comment is never evidence.
    """
    mark = marker(kind, key)
    wanted = within_limit(f"{mark}\n{body}")
    try:
        found = sorted(
            (number(wire, "id") or 0, text(wire, "body"), text(wire, "html_url"))
            for wire in github.every(f"/issues/{pull}/comments")
            if is_ours(wire, mark)
        )
        for stray, _, _ in found[:-1]:
            github.delete(f"/issues/comments/{stray}")
        if not found:
            return Posted(Posting.CREATED, text(github.post(f"/issues/{pull}/comments", {"body": wanted}), "html_url"))
        newest, posted, url = found[-1]
        if same_text(posted, wanted):
            return Posted(Posting.UNCHANGED, url)
        github.patch(f"/issues/comments/{newest}", {"body": wanted})
        return Posted(Posting.UPDATED, url)
    except ReconcilerError as fault:
        return Posted(Posting.FAILED, why=fault.in_words)


def earlier_comment(github: GitHub, pull: int, *, kind: str, key: str) -> str:
    """Return what the newest comment of this kind and key says now, empty when there is none. Raises GitHubFailure."""
    mark = marker(kind, key)
    found = [
        (number(wire, "id") or 0, text(wire, "body"))
        for wire in github.every(f"/issues/{pull}/comments")
        if is_ours(wire, mark)
    ]
    return max(found)[1] if found else ""


def keep_pull(github: GitHub, *, branch: str, base: str, title: str, body: str) -> Posted:
    """Make the open pull request of `branch` say `title` and `body`; create it when there is none.

    The branch is the key, so there is never a second one. Raises GitHubFailure: without its pull request a
    proposal reaches nobody, and the run has failed.
    """
    owner, _, _ = github.repository.partition("/")
    wanted = within_limit(f"{marker('pull', branch)}\n{body}")
    for wire in github.every("/pulls", state="open", head=f"{owner}:{branch}", base=base):
        url = text(wire, "html_url")
        if same_text(text(wire, "body"), wanted) and text(wire, "title") == title:
            return Posted(Posting.UNCHANGED, url, number=number(wire, "number"))
        github.patch(f"/pulls/{number(wire, 'number')}", {"title": title, "body": wanted})
        return Posted(Posting.UPDATED, url, number=number(wire, "number"))
    created = github.post("/pulls", {"title": title, "head": branch, "base": base, "body": wanted})
    return Posted(Posting.CREATED, text(created, "html_url"), number=number(created, "number"))


def within_limit(body: str) -> str:
    """Return a text that GitHub takes, cut after a whole line when it is too long."""
    if len(body) <= LONGEST:
        return body
    kept = body[: LONGEST - len(_CUT)]
    return kept[: kept.rfind("\n") if "\n" in kept else None] + _CUT


LABEL = "tpp-reconciler"
"""The label by which our issues are listed. GitHub creates it with the first issue."""


def keep_issue(github: GitHub, *, kind: str, key: str, title: str, body: str | None) -> Posted:
    """Make the one issue of this kind and key say `body`; None means that there is nothing to say any more.

    The newest issue is reopened rather than followed by another; open duplicates are closed. A failure is a value.
    """
    mark = marker(kind, key)
    try:
        found = sorted(
            (
                wire
                for wire in github.every("/issues", state="all", labels=LABEL)
                if is_ours(wire, mark) and member(wire, "pull_request") is None
            ),
            key=lambda wire: number(wire, "number") or 0,
        )
        for stray in found[:-1]:
            if text(stray, "state") == "open":
                _close(github, stray, "duplicate of a newer issue")
        newest = found[-1] if found else None
        return _settle(github, newest) if body is None else _update(github, newest, title, f"{mark}\n{body}")
    except ReconcilerError as fault:
        return Posted(Posting.FAILED, why=fault.in_words)


def _update(github: GitHub, issue: Wire | None, title: str, body: str) -> Posted:
    wanted = within_limit(body)
    if issue is None:
        created = github.post("/issues", {"title": title, "body": wanted, "labels": [LABEL]})
        return Posted(Posting.CREATED, text(created, "html_url"))
    url, opened = text(issue, "html_url"), text(issue, "state") == "open"
    if opened and same_text(text(issue, "body"), wanted) and text(issue, "title") == title:
        return Posted(Posting.UNCHANGED, url)
    github.patch(f"/issues/{number(issue, 'number')}", {"title": title, "body": wanted, "state": "open"})
    return Posted(Posting.UPDATED if opened else Posting.CREATED, url)


def _settle(github: GitHub, issue: Wire | None) -> Posted:
    if issue is None or text(issue, "state") != "open":
        return Posted(Posting.NONE)
    _close(github, issue, "The tickets are as main wants them again.")
    return Posted(Posting.CLOSED, text(issue, "html_url"))


def _close(github: GitHub, issue: Wire, why: str) -> None:
    path = f"/issues/{number(issue, 'number')}"
    github.post(f"{path}/comments", {"body": why})
    github.patch(path, {"state": "closed", "state_reason": "completed"})


def last_success(github: GitHub, workflow: str, branch: str) -> datetime | None:
    """Return when the workflow last ended well on the branch (`actions: read`), None when it never did.

    `workflow` is its path or file name. Raises GitHubFailure.
    """
    name = PurePosixPath(workflow).name
    found = github.get(f"/actions/workflows/{name}/runs", status="success", branch=branch, per_page=1)
    for run in objects(found.get("workflow_runs")):
        if ended := text(run, "updated_at"):
            return parse_instant(ended)
    return None


def overdue(last: datetime | None, now: datetime, limit: timedelta) -> str | None:
    """Return a warning when the last success is too long ago, None while all is well."""
    if last is not None and now - last <= limit:
        return None
    hours = limit.total_seconds() / 3600
    since = "has never succeeded" if last is None else f"last succeeded at {format_instant(last)}"
    return f"the reconcile workflow {since}, more than {hours:g} h ago: check that its schedule is still on"
