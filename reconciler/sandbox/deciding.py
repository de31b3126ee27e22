"""What UpdateStatus does to a ticket. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.model.status import Schedule, Status
from reconciler.sandbox.results import Result
from reconciler.sandbox.spelling import read_time
from reconciler.sandbox.ticket import Ticket, next_update

_SCHEDULED = (Status.APPROVED_AFTER, Status.APPROVED_BETWEEN)
_APPROVING = (Status.APPROVED, *_SCHEDULED)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an UpdateStatus call, or a person at the console, asks for. Times are text, as they were sent."""

    status: Status
    start: str | None = None
    stop: str | None = None
    explanation: str | None = None
    approvers: tuple[str, ...] | None = None
    user_data: str | None = None


@dataclass(frozen=True, slots=True)
class _Times:
    schedule: Schedule | None
    broken: bool


def decide(ticket: Ticket, ruling: Ruling, voices: frozenset[str], now: datetime, zone: str) -> Ticket | Result:
    """Return the ticket after the ruling of the approvers `voices`, or the Result that refuses it.

    All approvers must approve, one rejection rejects. An approval is final. A time that is none is accepted and
    breaks the ticket later (TPP reference, Workflow/Ticket/UpdateStatus).
    """
    if ticket.final:
        return ticket if ruling.status is ticket.status else Result.GENERIC_FAILURE
    times = _read_times(ruling, zone)
    if times is None:
        return Result.BAD_ARGUMENTS
    approvers = ticket.approvers if ruling.approvers is None else ruling.approvers
    approvals = _approvals(ticket, ruling.status, approvers, voices)
    waits = ruling.status in _APPROVING and not set(approvers) <= set(approvals)
    status = Status.PENDING if waits else ruling.status
    scheduled = status in _SCHEDULED
    after = replace(
        ticket,
        status=status,
        approvers=approvers,
        approvals=approvals,
        schedule=times.schedule if scheduled else None,
        broken=scheduled and times.broken,
        explanation=ticket.explanation if ruling.explanation is None else ruling.explanation,
        user_data=ticket.user_data if ruling.user_data is None else ruling.user_data,
    )
    if after == ticket:
        return ticket
    return replace(after, missed=False, updated=next_update(ticket, now))


def _approvals(ticket: Ticket, status: Status, approvers: tuple[str, ...], voices: frozenset[str]) -> tuple[str, ...]:
    given = {voice for voice in ticket.approvals if voice in approvers}
    mine = {approver for approver in approvers if approver in voices}
    given = given | mine if status in _APPROVING else given - mine
    return tuple(sorted(given))


def _read_times(ruling: Ruling, zone: str) -> _Times | None:
    if ruling.status not in _SCHEDULED:
        return _Times(None, broken=False)
    between = ruling.status is Status.APPROVED_BETWEEN
    if not ruling.start or (between and not ruling.stop):
        return None
    start = read_time(ruling.start, zone)
    stop = read_time(ruling.stop, zone) if ruling.stop else None
    if start is None or (ruling.stop and stop is None):
        return _Times(None, broken=True)
    return _Times(Schedule(start, stop), broken=between and stop is not None and stop <= start)
