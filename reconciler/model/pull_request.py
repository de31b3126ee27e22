"""What a reviewer of a pull request sees besides its plan: what it changes around the decisions."""

from msgspec import Struct

from reconciler.model.decision import Source
from reconciler.model.plan import Plan
from reconciler.model.status import State
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Reason


class RuleChange(Struct, frozen=True):
    """One rule that the pull request changes, such as `policy.limits.changes`. None means: not there."""

    name: str
    before: str | None = None
    after: str | None = None


class Removal(Struct, frozen=True):
    """A decision that the base has and the pull request has not. `live` is the ticket's state, None when unknown."""

    guid: Guid
    source: Source
    wanted: State
    object: str = ""
    live: State | None = None


class Look(Struct, frozen=True):
    """An earlier plan of the same pull request. `by` is the reviewer who saw it, None for the commit before."""

    plan: Plan
    by: str | None = None


class BaseVerdict(Struct, frozen=True):
    """What the rules of the base branch would make of a step for which those of the pull request decide otherwise."""

    guid: Guid
    reason: Reason
    detail: str = ""


class PullRequestContext(Struct, frozen=True):
    """Everything beside the plan. `files` are changed files that decide who reviews and what runs (CODEOWNERS)."""

    rules: tuple[RuleChange, ...] = ()
    files: tuple[str, ...] = ()
    removed: tuple[Removal, ...] = ()
    looks: tuple[Look, ...] = ()
    by_base: tuple[BaseVerdict, ...] = ()

    @property
    def changes_rules(self) -> bool:
        """Whether the pull request changes how decisions are judged."""
        return bool(self.rules or self.files or self.by_base)
