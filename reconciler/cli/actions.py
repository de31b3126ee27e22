"""The workflow run that a command works in, and how it speaks to the person who looks at that run."""

import os
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.app.context import SystemClock
from reconciler.errors import CredentialsRefused
from reconciler.github.client import GitHub
from reconciler.github.comments import Posted, Posting
from reconciler.github.event import Event, read_event
from reconciler.github.git import Git
from reconciler.github.provenance import client_from, token_from
from reconciler.github.reviews import GitHubReviews
from reconciler.model.review import Assessment, Review
from reconciler.rendering.escape import github_data, github_property, terminal
from reconciler.rendering.markdown.rows import Page

_COMMENT_BYTES = 64_000


@dataclass(frozen=True, slots=True)
class Actions:
    """Event and client of this workflow run."""

    event: Event
    github: GitHub

    def page(self) -> Page:
        """Return the page of a comment or issue, with the links of this run."""
        return page_of(self.event, _COMMENT_BYTES)

    def review(self) -> tuple[Review | None, str]:
        """Return who reviewed the commit of this run, and what could not be established."""
        people = GitHubReviews(self.github, self.event.branch, self.event.run_id).behind(self.event.sha)
        return (people.review, "") if isinstance(people, Assessment) else (None, getattr(people, "why", ""))

    def pulls(self) -> tuple[int, ...]:
        """Return the merged pull requests whose commits this run is for, in order. Raises GitHubFailure."""
        reviews = GitHubReviews(self.github, self.event.branch)
        pushed = (*self.event.commits, self.event.sha)
        found = (reviews.pull_behind(sha, frozenset(pushed)) for sha in dict.fromkeys(pushed))
        return tuple(sorted({pull for pull in found if pull is not None}))


def page_of(event: Event, budget: int) -> Page:
    """Return where a text of a run is going: at most `budget` bytes, with links to run and sources."""
    site = f"{event.server_url}/{event.repository}"
    return Page(budget=budget, run_url=event.run_url or "", source_url=f"{site}/blob/{event.sha}/")


def this_event() -> Event:
    """Return the event of this run. Raises UsageError outside of GitHub Actions."""
    event = read_event(os.environ)
    if event is None:
        raise click.UsageError("this command works inside GitHub Actions: GITHUB_REPOSITORY is not set")
    return event


def open_actions() -> Actions:
    """Return event and client. Raises UsageError outside of GitHub Actions, CredentialsRefused without a token."""
    event = this_event()
    github = client_from(os.environ, event, SystemClock())
    if github is None:
        raise CredentialsRefused(
            "no token for GitHub was handed over", "set `env: {GITHUB_TOKEN: ${{ github.token }}}` for this step"
        )
    return Actions(event, github)


def open_git() -> Git:
    """Return git in the working directory, with the token of the environment for GitHub's host."""
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    return Git.open(Path.cwd(), os.environ, server, token_from(os.environ))


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
