"""Everything that is known of one ticket, gathered for one reader."""

from datetime import datetime

from msgspec import Struct

from reconciler.model.decision import Source
from reconciler.model.guid import Guid
from reconciler.model.plan import Step
from reconciler.model.record import Line
from reconciler.model.ticket import LiveTicket, Reading


class Declaration(Struct, frozen=True):
    """The commit that last changed the line of a decision, as git blame tells it; None while it is not committed."""

    commit: str | None
    author: str = ""
    at: datetime | None = None


class Sighted(Struct, frozen=True):
    """A ticket on the same object that the server lists, where a manifest names it, and itself when it can be read."""

    guid: Guid
    source: Source | None = None
    ticket: LiveTicket | None = None


class Explanation(Struct, frozen=True):
    """One ticket as seen at `now` (UTC): its step when a manifest names it, the reading, its history in the ledger.

    `archived` are the places in the history that name it.
    """

    guid: Guid
    now: datetime
    reading: Reading
    step: Step | None = None
    declaration: Declaration | None = None
    archived: tuple[Source, ...] = ()
    history: tuple[Line, ...] = ()
    siblings: tuple[Sighted, ...] = ()
    notes: tuple[str, ...] = ()
