"""What a ticket's status can be, as wanted by a manifest (closed set) and as seen live (any text)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never


class Status(StrEnum):
    """The five statuses of Workflow/Ticket/UpdateStatus, spelled as TPP spells them."""

    PENDING = "Pending"
    APPROVED = "Approved"
    APPROVED_AFTER = "Approved After"
    APPROVED_BETWEEN = "Approved Between"
    REJECTED = "Rejected"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a scheduled approval may run: from `start`, until `stop` when there is one (UTC instants)."""

    start: datetime
    stop: datetime | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A status with its schedule. `status` is plain text because a server may know more words than we do."""

    status: str
    schedule: Schedule | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """Leave the ticket to somebody else, or take a scheduled approval back."""


@dataclass(frozen=True, slots=True)
class Approved:
    """Approve at once."""


@dataclass(frozen=True, slots=True)
class ApprovedAfter:
    """Approve from an instant on, without an end."""

    start: datetime


@dataclass(frozen=True, slots=True)
class ApprovedBetween:
    """Approve inside a window; a window that is missed is lost."""

    start: datetime
    stop: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """Reject."""


Wanted = Pending | Approved | ApprovedAfter | ApprovedBetween | Rejected


_PENDING, _APPROVED, _REJECTED = State(Status.PENDING), State(Status.APPROVED), State(Status.REJECTED)


def state_of(wanted: Wanted) -> State:
    """Return the state that a live ticket has once `wanted` has been applied to it."""
    match wanted:
        case Pending():
            return _PENDING
        case Approved():
            return _APPROVED
        case ApprovedAfter(start):
            return State(Status.APPROVED_AFTER, Schedule(start))
        case ApprovedBetween(start, stop):
            return State(Status.APPROVED_BETWEEN, Schedule(start, stop))
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
        case State(Status.PENDING, None):
            return Pending()
        case State(Status.APPROVED, None):
            return Approved()
        case State(Status.REJECTED, None):
            return Rejected()
        case State(Status.APPROVED_AFTER, Schedule(start, None)):
            return ApprovedAfter(start)
        case State(Status.APPROVED_BETWEEN, Schedule(start, stop)) if stop is not None and stop > start:
            return ApprovedBetween(start, stop)
        case _:
            raise ValueError(f"status {state.status!r} does not go with schedule {state.schedule!r}")
