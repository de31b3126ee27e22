"""What a reviewer of a pull request sees besides its decisions: what it changes around them, and what it removes."""

from msgspec import Struct

from reconciler.model.decision import Source
from reconciler.model.status import State
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Reason


class RuleChange(Struct, frozen=True, omit_defaults=True):
    """One rule that the pull request changes, such as `policy.limits.changes`. None means: not there."""

    name: str
    before: str | None = None
    after: str | None = None


class Removal(Struct, frozen=True, omit_defaults=True):
    """A decision that the base has and the pull request has not.

    `live` is the ticket's state, None when it is not known, or `gone` from the server.
    """

    guid: Guid
    source: Source
    wanted: State
    object: str = ""
    live: State | None = None
    gone: bool = False

    @property
    def armed(self) -> bool:
        """Whether the ticket stays scheduled in TPP, so that it will still run."""
        return self.live is not None and self.live.schedule is not None


class BaseVerdict(Struct, frozen=True, omit_defaults=True):
    """What the rules of the base branch would make of a step for which those of the pull request decide otherwise."""

    guid: Guid
    reason: Reason
    detail: str = ""


class PullRequestContext(Struct, frozen=True, omit_defaults=True):
    """Everything beside the plan. `files` are changed files that decide who reviews and what runs (CODEOWNERS).

    `base` is the branch that the pull request is for.
    """

    rules: tuple[RuleChange, ...] = ()
    files: tuple[str, ...] = ()
    removed: tuple[Removal, ...] = ()
    by_base: tuple[BaseVerdict, ...] = ()
    base: str = ""

    @property
    def changes_rules(self) -> bool:
        """Whether the pull request changes how decisions are judged."""
        return bool(self.rules or self.files or self.by_base)


NOTHING_ELSE = PullRequestContext()
"""A plan outside of a pull request, or of one that changes decisions only."""
