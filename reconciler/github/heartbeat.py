"""When a workflow last succeeded, because a schedule that stopped says nothing by itself.

GitHub switches schedules off after 60 days without activity, and drops runs when it is busy
(GitHub documentation, "Events that trigger workflows", schedule).
"""

from datetime import datetime, timedelta
from pathlib import PurePosixPath

from reconciler.github.api import GitHub
from reconciler.github.wire import objects, text
from reconciler.model.instant import format_instant, parse_instant


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
