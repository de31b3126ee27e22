"""Who decided: the people and the change behind a commit, as far as anybody could establish them."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from reconciler.model.ticket import Guid
from reconciler.model.value import Count


class Review(Struct, frozen=True, omit_defaults=True):
    """The pull request that brought a commit to the branch.

    `reviewers` approved the head that was merged, have write access and neither wrote nor pushed any commit of it;
    `reviewed_at` is when each of them did, in their order. `approvals` are people who approved a deployment environment
    for the workflow run.
    """

    pull_request: Count
    author: str
    url: str = ""
    last_pusher: str | None = None
    reviewers: tuple[str, ...] = ()
    merged_by: str | None = None
    approvals: tuple[str, ...] = ()
    reviewed_at: tuple[datetime, ...] = ()
    merged_at: datetime | None = None


class Team(Struct, frozen=True):
    """A team on GitHub as far as it is known: its members, or why nobody can tell."""

    name: str
    members: frozenset[str] = frozenset()
    why: str = ""


class Assessment(Struct, frozen=True):
    """A pull request as four eyes judge it.

    `objections` are people with write access whose latest word is "changes requested". `unaccounted` are bots and
    addresses behind it of which nobody knows whose hands they are: each asks for one reviewer more. `head` is the
    commit that the reviewers saw, `teams` are those that the policy names.
    """

    review: Review
    objections: tuple[str, ...] = ()
    unaccounted: tuple[str, ...] = ()
    head: str = ""
    teams: tuple[Team, ...] = ()


class AppliedBefore(Struct, frozen=True):
    """Nothing changed it since it was applied with all its reviews, which the ledger knows."""


class NotYetReviewed(Struct, frozen=True):
    """The plan is made before the review ends, or away from GitHub: four eyes are checked when it is applied."""


class NotReviewed(Struct, frozen=True):
    """Nobody reviewed it, or nobody can tell: `why`, with the remedy. `direct` says that it was pushed as it is."""

    why: str
    direct: bool = False


People = Assessment | AppliedBefore | NotYetReviewed | NotReviewed
"""Who is behind a commit, for the four-eyes guard."""


class BranchCommit(Struct, frozen=True):
    """One commit of a branch, along first parents: what each path that it touches became (None: it is gone)."""

    sha: str
    parents: tuple[str, ...]
    touched: Mapping[str, str | None]


class Emergency(Struct, frozen=True):
    """A ticket that two people decide at once: for which incident, who asked for it, and who agreed and how.

    `agreed` is empty while it is only planned. `earlier` are the tickets that were decided so within the last 24 hours.
    """

    ticket: Guid
    incident: str
    asked: str
    agreed: str = ""
    how: str = ""
    earlier: frozenset[Guid] = frozenset()

    @property
    def people(self) -> str:
        """Name both."""
        return f"{self.asked} asked, {self.agreed} agreed ({self.how})" if self.agreed else f"{self.asked} asks"


class Provenance(Struct, frozen=True, omit_defaults=True):
    """Where a run comes from: tool version, server, acting identity, commit, review and workflow run."""

    tool: str
    target: str
    environment: str | None = None
    identity: str | None = None
    commit: str | None = None
    repository: str | None = None
    review: Review | None = None
    workflow_run: str | None = None


class ReviewedTickets(Struct, frozen=True):
    """A pull request with the tickets of a run whose decisions it brought."""

    review: Review
    tickets: tuple[Guid, ...]
