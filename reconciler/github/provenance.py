"""Where a run comes from, as far as GitHub can say it: commit, repository and workflow run."""

from collections.abc import Mapping
from pathlib import Path

from reconciler.github.client import GitHub
from reconciler.github.event import Event
from reconciler.github.git import Git
from reconciler.ports import Clock

TOKENS = ("RECONCILER_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
"""The variables that may hold the token, the first that is set wins."""


def token_from(environ: Mapping[str, str]) -> str:
    """Return the token that was handed over, empty when there is none."""
    return next((environ[name] for name in TOKENS if environ.get(name)), "")


def client_from(environ: Mapping[str, str], event: Event, clock: Clock) -> GitHub | None:
    """Return a client for the event's repository, None when no token was handed over."""
    token = token_from(environ)
    return GitHub.open(event.api_url, event.repository, token, clock) if token else None


TEAMS_TOKEN = "GITHUB_TEAMS_TOKEN"
"""The variable with a token that may read the members of the organization; the token of a job can't."""


def teams_from(environ: Mapping[str, str], event: Event, clock: Clock) -> GitHub | None:
    """Return a client that reads teams, None when no token for it was handed over."""
    token = environ.get(TEAMS_TOKEN, "")
    return GitHub.open(event.api_url, event.repository, token, clock) if token else None


def git_from(environ: Mapping[str, str]) -> Git:
    """Return git in the working directory, with the token of the environment for GitHub's host."""
    server = environ.get("GITHUB_SERVER_URL", "https://github.com")
    return Git.open(Path.cwd(), environ, server, token_from(environ))
