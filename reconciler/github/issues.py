"""One issue per environment that opens when there is drift, follows it, and closes itself when it is gone."""

from datetime import datetime, timedelta
from pathlib import PurePosixPath

from reconciler.errors import ReconcilerError
from reconciler.github.client import GitHub
from reconciler.github.comments import Posted, Posting, is_ours, marker, same_text, within_limit
from reconciler.github.wire import Wire, member, number, objects, text
from reconciler.model.status import format_instant, parse_instant

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
        return Posted(Posting.FAILED, why=f"{fault.message}; {fault.hint}" if fault.hint else fault.message)


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
