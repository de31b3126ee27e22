"""`reconciler github comment | outcome | drift | summary`: what people see of a run on GitHub."""

from datetime import datetime, timedelta
from pathlib import Path

import click

from reconciler.cli.actions import Actions, announce, open_actions, this_event, warn

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--plan", type=_FILE, default="plan.json", show_default=True, help="The saved plan.")
@click.option("--key", default="", help="Tells the comments of one pull request apart [default: the environment].")
def comment(plan: Path, key: str) -> None:
    """Keep the plan's comment on this pull request up to date.

    Without a plan the comment says so, because an older one would be about another commit.
    """
    from reconciler.github.comments import keep_comment

    event = this_event()
    if event.pull_request is None or event.pull_request.head_repository != event.repository:
        click.echo("comment: none, this is no pull request of the repository itself", err=True)
        return
    actions = open_actions()
    environment, body = _plan_or_its_absence(actions, plan)
    posted = keep_comment(
        actions.github, event.pull_request.number, kind="plan", key=key or environment or "default", body=body
    )
    announce(posted, "comment")


@click.command()
@click.option("--run", "report", type=_FILE, default="run.json", show_default=True, help="The report of the run.")
def outcome(report: Path) -> None:
    """Append what a run did to the pull request whose merge it applied."""
    from reconciler.cli.github_files import load_run
    from reconciler.errors import ReconcilerError
    from reconciler.github.comments import Posted, Posting, keep_comment
    from reconciler.rendering.markdown.run import run_markdown

    run, actions = load_run(report), open_actions()
    event = actions.event
    if not run.receipts:
        click.echo("outcome: none, nothing was to be written", err=True)
        return
    try:
        pulls = actions.pulls()
    except ReconcilerError as fault:
        announce(Posted(Posting.FAILED, why=fault.message), "outcome")
        return
    if not pulls:
        click.echo("outcome: none, the commit came without a pull request", err=True)
    body = run_markdown(run, actions.page())
    key = f"{run.environment or 'default'}/{event.run_id}-{event.run_attempt}"
    for pull in pulls:
        announce(keep_comment(actions.github, pull, kind="outcome", key=key, body=body), "outcome")


@click.command()
@click.option("--plan", type=_FILE, default="plan.json", show_default=True, help="The plan that shows the drift.")
@click.option(
    "--overdue", "hours", type=click.IntRange(1), default=26, show_default=True, help="Hours without success."
)
def drift(plan: Path, hours: int) -> None:
    """Open, update or close the one issue about drift, and warn when the schedule has not succeeded for long."""
    from reconciler.app.plan import read_plan
    from reconciler.github.issues import keep_issue
    from reconciler.model.verdict import Group
    from reconciler.rendering.markdown.plan import drift_markdown

    made, actions = read_plan(plan), open_actions()
    last = _heartbeat(actions, timedelta(hours=hours))
    drifted = any(step.group is not Group.FINE for step in made.steps)
    named = made.environment or "default"
    posted = keep_issue(
        actions.github,
        kind="drift",
        key=named,
        title=f"TPP and git differ ({named})",
        body=drift_markdown(made, actions.page(), last_success=last) if drifted else None,
    )
    announce(posted, "drift issue")


def _plan_or_its_absence(actions: Actions, plan: Path) -> tuple[str | None, str]:
    from reconciler.app.plan import read_plan
    from reconciler.errors import ReconcilerError
    from reconciler.rendering.escape import code, url
    from reconciler.rendering.markdown.plan import plan_markdown

    try:
        made = read_plan(plan)
    except ReconcilerError:
        run = f"[the workflow run]({url(actions.event.run_url or '')})"
        head = code(actions.event.sha[:12])
        return (
            None,
            f"## 🔴 TPP plan: none could be made for {head}\n\nNothing is known about this commit. See {run}.\n",
        )
    return made.environment, plan_markdown(made, actions.page())


def _heartbeat(actions: Actions, limit: timedelta) -> datetime | None:
    from reconciler.app.context import SystemClock
    from reconciler.errors import ReconcilerError
    from reconciler.github.issues import last_success, overdue
    from reconciler.model.status import format_instant

    event = actions.event
    if not event.workflow or not event.branch:
        return None
    try:
        last = last_success(actions.github, event.workflow, event.branch)
    except ReconcilerError as fault:
        warn(fault.message, "heartbeat not known")
        return None
    click.echo(f"heartbeat: last success {format_instant(last) if last else 'not known'}", err=True)
    if last is not None and (told := overdue(last, SystemClock().now(), limit)):
        warn(told, "reconcile is overdue")
    return last
