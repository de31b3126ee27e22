"""Everything that is known of one ticket, gathered for one reader."""

from dataclasses import dataclass

from reconciler.model.guid import Guid
from reconciler.model.plan import Step
from reconciler.model.record import Line


@dataclass(frozen=True, slots=True)
class Declaration:
    """The commit that last changed the line of a decision, as git blame tells it."""

    commit: str
    author: str
    at: str


@dataclass(frozen=True, slots=True)
class Sighted:
    """A ticket on the same object that the server lists, and whether a manifest names it."""

    guid: Guid
    declared: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """One ticket: its step when a manifest names it, its live state in words, its story in the ledger.

    `live` is what the server says in one line, also for a ticket that no manifest names.
    """

    guid: Guid
    live: str
    step: Step | None = None
    declaration: Declaration | None = None
    story: tuple[Line, ...] = ()
    siblings: tuple[Sighted, ...] = ()
    notes: tuple[str, ...] = ()
