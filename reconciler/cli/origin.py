"""Where a run comes from: GitHub's account of it, or the checked-out commit, and the acting identity."""

import os
from collections.abc import Sequence
from pathlib import Path

from reconciler.cli.clock import SystemClock
from reconciler.cli.version import tool
from reconciler.github.provenance import Origin, provenance_of
from reconciler.model.review import Provenance
from reconciler.model.settings import Settings
from reconciler.planning.guards import NotYetReviewed, People, PushedDirectly


def origin_of(
    clock: SystemClock,
    commits: Sequence[str] | None = None,
    *,
    branch: frozenset[str] = frozenset(),
    ask: bool = True,
) -> Origin:
    """Return what GitHub says of this run; outside of GitHub the commit that is checked out, if any."""
    origin = provenance_of(os.environ, clock, commits, branch_commits=branch, ask=ask)
    return origin if origin.commit or origin.why else Origin(commit=local_commit())


def local_commit() -> str | None:
    """Return the commit of the working directory's checkout; None outside of one or with git absent."""
    from reconciler.github.git import Git, GitFailure

    try:
        done = Git(Path.cwd(), dict(os.environ)).attempt("rev-parse", "--verify", "--quiet", "HEAD")
    except GitFailure:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def provenance(settings: Settings, origin: Origin, target: str, identity: str | None) -> Provenance:
    """Put together what every ledger line says of its run."""
    return Provenance(
        tool=tool(),
        target=target,
        environment=settings.environment,
        identity=identity,
        commit=origin.commit,
        repository=origin.repository,
        review=origin.review,
        workflow_run=origin.workflow_run,
    )


def people_of(origin: Origin, *, final: bool) -> People:
    """Return who is behind the change, for the four-eyes guard.

    `final` is False while a review may still go on (a plan in a pull request, a plan away from GitHub).
    """
    if origin.review is not None and (final or origin.review.merged_by):
        return origin.review
    return PushedDirectly() if final else NotYetReviewed()
