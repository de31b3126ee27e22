"""The workflow run that a command works in: its event, where its texts go, and how it says what became of them."""

import os

import click

from reconciler.app.context import SystemClock
from reconciler.app.workflow_run import WorkflowRun, open_workflow_run
from reconciler.cli.terminal import local_zone
from reconciler.github.comments import Posted, Posting
from reconciler.github.event import Event, read_event
from reconciler.rendering.escape import github_data, github_property, terminal
from reconciler.rendering.markdown.rows import Page

SUMMARY_BYTES = 900_000
"""Bytes of one job summary; GitHub drops one of more than 1 MiB whole."""


def this_event() -> Event:
    """Return the event of this run. Raises UsageError outside of GitHub Actions."""
    event = read_event(os.environ)
    if event is None:
        raise click.UsageError("this command works inside GitHub Actions: GITHUB_REPOSITORY is not set")
    return event


def this_run() -> WorkflowRun:
    """Return event and client. Raises UsageError outside of GitHub Actions, CredentialsRefused without a token."""
    return open_workflow_run(this_event(), os.environ, SystemClock())


def page_of(event: Event, budget: int) -> Page:
    """Return where a text of a run is going: at most `budget` bytes, with links to run and sources."""
    site = f"{event.server_url}/{event.repository}"
    return Page(zone=local_zone(), budget=budget, run_url=event.run_url or "", source_url=f"{site}/blob/{event.sha}/")


def announce(posted: Posted, what: str) -> None:
    """Say how a posting went. One that failed is a warning and nothing more: it is no part of the verdict."""
    if posted.posting is Posting.FAILED:
        warn(f"the {what} could not be posted: {posted.why}", f"{what} not posted")
    else:
        click.echo(f"{what}: {posted.posting.value}" + (f" {terminal(posted.url)}" if posted.url else ""), err=True)


def warn(message: str, title: str) -> None:
    """Annotate the run with a warning; outside of Actions it is a line on standard error."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(f"::warning title={github_property(title)}::{github_data(message)}")
    else:
        click.echo(f"warning: {terminal(message)}", err=True)
