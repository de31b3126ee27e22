"""What a ticket's status can be, as wanted by a manifest (closed set) and as seen live (any text)."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import assert_never

from msgspec import Struct, structs

from reconciler.model.instant import as_utc


class Status(StrEnum):
    """The five statuses of Workflow/Ticket/UpdateStatus, spelled as TPP spells them."""

    PENDING = "Pending"
    APPROVED = "Approved"
    APPROVED_AFTER = "Approved After"
    APPROVED_BETWEEN = "Approved Between"
    REJECTED = "Rejected"


class Schedule(Struct, frozen=True):
    """When a scheduled approval may run: from `start`, until `stop` when there is one (UTC instants)."""

    start: datetime
    stop: datetime | None = None


class State(Struct, frozen=True, omit_defaults=True):
    """A status with its times (UTC). `status` is plain text because a server may know more words than we do.

    Raises ValueError for an end without a beginning.
    """

    status: str
    start: datetime | None = None
    stop: datetime | None = None

    def __post_init__(self) -> None:
        """Bring the times into UTC, and refuse what no server can mean."""
        if self.start is not None and self.start.tzinfo is not UTC:
            structs.force_setattr(self, "start", as_utc(self.start))
        if self.stop is not None and self.stop.tzinfo is not UTC:
            structs.force_setattr(self, "stop", as_utc(self.stop))
        if self.start is None and self.stop is not None:
            raise ValueError('"stop" needs a "start"')

    @property
    def schedule(self) -> Schedule | None:
        """The times together, None when there are none."""
        return None if self.start is None else Schedule(self.start, self.stop)


class Pending(Struct, frozen=True):
    """Leave the ticket to somebody else, or take a scheduled approval back."""


class Approved(Struct, frozen=True):
    """Approve at once."""


class ApprovedAfter(Struct, frozen=True):
    """Approve from an instant on.

    A reference's example has a `stop` beside it; what the server does with that is not established.
    """

    start: datetime
    stop: datetime | None = None


class ApprovedBetween(Struct, frozen=True):
    """Approve inside a window; a window that is missed is lost."""

    start: datetime
    stop: datetime


class Rejected(Struct, frozen=True):
    """Reject."""


Wanted = Pending | Approved | ApprovedAfter | ApprovedBetween | Rejected


def shows(live: State, wanted: State) -> bool:
    """Whether a live state is what sending `wanted` leads to; a server may drop the stop of `Approved After`."""
    if live == wanted:
        return True
    return wanted.status == Status.APPROVED_AFTER and live == State(wanted.status, wanted.start)


_PENDING, _APPROVED, _REJECTED = State(Status.PENDING), State(Status.APPROVED), State(Status.REJECTED)


def state_of(wanted: Wanted) -> State:
    """Return the state that a live ticket has once `wanted` has been applied to it."""
    match wanted:
        case Pending():
            return _PENDING
        case Approved():
            return _APPROVED
        case ApprovedAfter(start, stop):
            return State(Status.APPROVED_AFTER, start, stop)
        case ApprovedBetween(start, stop):
            return State(Status.APPROVED_BETWEEN, start, stop)
        case Rejected():
            return _REJECTED
        case _:
            assert_never(wanted)


def wanted_from(state: State) -> Wanted:
    """Return the decision that a state spells out.

    Raises ValueError when the status is unknown or the schedule does not fit it: a scheduled status
    without its times, a stop that is not after the start, or a schedule on a status that takes none.
    """
    match state:
        case State(Status.PENDING, None, None):
            return Pending()
        case State(Status.APPROVED, None, None):
            return Approved()
        case State(Status.REJECTED, None, None):
            return Rejected()
        case State(Status.APPROVED_AFTER, datetime() as start, stop) if stop is None or stop > start:
            return ApprovedAfter(start, stop)
        case State(Status.APPROVED_BETWEEN, datetime() as start, datetime() as stop) if stop > start:
            return ApprovedBetween(start, stop)
        case _:
            raise ValueError(f"status {state.status!r} does not go with schedule {state.schedule!r}")
