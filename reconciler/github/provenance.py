"""Where a run comes from, as far as GitHub can say it: commit, repository, review and workflow run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.errors import ReconcilerError
from reconciler.github.event import Event, read_event
from reconciler.model.review import Review
from reconciler.ports import Clock

if TYPE_CHECKING:
    from reconciler.github.api import GitHub

TOKENS = ("RECONCILER_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
"""The variables that may hold the token, the first that is set wins."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The part of a run's provenance that GitHub knows. `why` says what could not be established."""

    commit: str | None = None
    repository: str | None = None
    review: Review | None = None
    workflow_run: str | None = None
    why: str = ""


def client_from(environ: Mapping[str, str], event: Event, clock: Clock) -> "GitHub | None":
    """Return a client for the event's repository, None when no token was handed over."""
    from reconciler.github.api import GitHub

    token = next((environ[name] for name in TOKENS if environ.get(name)), "")
    return GitHub.open(event.api_url, event.repository, token, clock) if token else None


def provenance_of(
    environ: Mapping[str, str],
    clock: Clock,
    commits: Sequence[str] | None = None,
    *,
    branch_commits: frozenset[str] = frozenset(),
    ask: bool = True,
) -> Origin:
    """Return where this run comes from; empty outside of GitHub Actions. Never raises.

    `commits` are those that say what is applied, `branch_commits` all of the branch (see `github.history`); no
    `commits` means those of this push, or the one that is checked out. Without `ask` nothing is asked over the
    network. A review that can't be established is None with the reason in `why`: a guard that needs one then refuses.
    """
    try:
        event = read_event(environ)
    except ReconcilerError as fault:
        return Origin(why=fault.message)
    if event is None:
        return Origin()
    known = Origin(commit=event.sha or None, repository=event.repository, workflow_run=event.run_url)
    if not ask:
        return known
    review, why = _review(environ, event, clock, tuple(commits or _pushed(event)), branch_commits)
    return Origin(known.commit, known.repository, review, known.workflow_run, why)


def _review(
    environ: Mapping[str, str],
    event: Event,
    clock: Clock,
    commits: Sequence[str],
    branch_commits: frozenset[str],
) -> tuple[Review | None, str]:
    from reconciler.github.review import review_of, review_of_pull

    github = client_from(environ, event, clock)
    if github is None:
        return None, "who reviewed is not known: no GITHUB_TOKEN was handed to the step"
    try:
        if event.pull_request is not None:
            return review_of_pull(github, event.pull_request.number), ""
        if not event.branch:
            return None, f"who reviewed is not known: {event.ref or 'the run'} is not a branch"
        review = review_of(github, event, commits, branch_commits)
    except ReconcilerError as fault:
        return None, f"who reviewed is not known: {fault.message}"
    named = ", ".join(sha[:12] for sha in commits[:5]) + (", …" if len(commits) > 5 else "")
    return review, "" if review else f"no merged pull request brought {named} to {event.branch}"


def _pushed(event: Event) -> tuple[str, ...]:
    """Return the commits of the push, newest first; another event has only the one that is checked out."""
    return tuple(dict.fromkeys((event.sha, *reversed(event.commits))))
