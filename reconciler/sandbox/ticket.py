"""A ticket, and what decisions and time do to it. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import Struct

from reconciler.model.status import Schedule, Status
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.wire import ResultCode, read_time

_SCHEDULED = (Status.APPROVED_AFTER, Status.APPROVED_BETWEEN)
_APPROVING = (Status.APPROVED, *_SCHEDULED)


class Ticket(Struct, frozen=True, kw_only=True):
    """A ticket with everything that TPP keeps to itself. `updated_by` is who decided last.

    `approvals` are the approvers that have approved, `denied` the identities that may not see the ticket (prefixed
    universals). `stage` is the stage of the object's life cycle that waits. `serial` orders tickets by creation:
    permissions older than it don't cover the ticket. `resolved` is when TPP went on with an approved ticket, `missed`
    whether its window passed while nobody processed it, `broken` whether its schedule is no time that TPP can use.
    """

    guid: Guid
    object: str
    workflow: str
    created: datetime
    updated: datetime
    updated_by: str = ""
    approvers: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    reason: str = ""
    user_data: str = ""
    stage: int = 0
    serial: int = 0
    status: Status = Status.PENDING
    schedule: Schedule | None = None
    explanation: str = ""
    resolved: datetime | None = None
    missed: bool = False
    broken: bool = False

    @property
    def final(self) -> bool:
        """Whether the approval can't be taken back any more."""
        return self.resolved is not None or self.status is Status.APPROVED


def next_update(ticket: Ticket, now: datetime) -> datetime:
    """Return the new `updated`: now, but always later than before, also on a clock that stands still."""
    return max(now, ticket.updated + timedelta(milliseconds=1))


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


def decide(
    ticket: Ticket, ruling: Ruling, voices: frozenset[str], now: datetime, behaviour: Behaviour
) -> Ticket | ResultCode:
    """Return the ticket after the ruling of the approvers `voices`, or the Result that refuses it.

    All approvers must approve, one rejection rejects. An approval is final. A time that is none is accepted and
    breaks the ticket later (TPP reference, Workflow/Ticket/UpdateStatus).
    """
    if ticket.final:
        return ticket if ruling.status is ticket.status else ResultCode.GENERIC_FAILURE
    times = _read_times(ruling, behaviour)
    if times is None:
        return ResultCode.BAD_ARGUMENTS
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


def _read_times(ruling: Ruling, behaviour: Behaviour) -> _Times | None:
    if ruling.status not in _SCHEDULED:
        return _Times(None, broken=False)
    between = ruling.status is Status.APPROVED_BETWEEN
    if not ruling.start or (between and not ruling.stop):
        return None
    stop_text = ruling.stop if between or behaviour.after_stop == "kept" else None
    start = read_time(ruling.start, behaviour.zone)
    stop = read_time(stop_text, behaviour.zone) if stop_text else None
    if start is None or (stop_text and stop is None):
        return _Times(None, broken=True)
    return _Times(Schedule(start, stop), broken=between and stop is not None and stop <= start)


INTERNAL_ERROR = "Workflow returned InternalError"


@dataclass(frozen=True, slots=True)
class Processed:
    """What one look at all tickets leads to. `objects` are new statuses of objects by their DN."""

    changed: tuple[Ticket, ...] = ()
    deleted: tuple[Guid, ...] = ()
    missed: tuple[Guid, ...] = ()
    objects: tuple[tuple[str, str], ...] = ()


def process(tickets: Iterable[Ticket], now: datetime, behaviour: Behaviour) -> Processed:
    """Resolve what is due, note what was missed, and delete what an object no longer waits for.

    An object goes on when all tickets of its stage are resolved; its approved tickets are deleted a while after that.
    """
    before = list(tickets)
    after = [_look_at(ticket, now, behaviour) for ticket in before]
    changed = tuple(new for old, new in zip(before, after, strict=True) if new is not old)
    stages: dict[tuple[str, int], list[Ticket]] = defaultdict(list)
    for ticket in after:
        stages[ticket.object.casefold(), ticket.stage].append(ticket)
    deleted: list[Guid] = []
    for stage in stages.values():
        moved_on = all(ticket.resolved or ticket.status is Status.REJECTED for ticket in stage)
        for ticket in stage:
            over = ticket.resolved is not None and ticket.resolved + behaviour.deletion_delay <= now
            if over and (moved_on or ticket.status is Status.REJECTED):
                deleted.append(ticket.guid)
    return Processed(
        changed,
        tuple(deleted),
        tuple(ticket.guid for ticket in changed if ticket.missed),
        tuple((ticket.object, INTERNAL_ERROR) for ticket in after if ticket.broken),
    )


def due_times(tickets: Iterable[Ticket], since: datetime, until: datetime) -> list[datetime]:
    """Return the starts of schedules that fall into (since, until], in order."""
    starts = {ticket.schedule.start for ticket in tickets if ticket.schedule and ticket.resolved is None}
    return sorted(start for start in starts if since < start <= until)


def _look_at(ticket: Ticket, now: datetime, behaviour: Behaviour) -> Ticket:
    if ticket.resolved or ticket.broken:
        return ticket
    match ticket.status, ticket.schedule:
        case Status.APPROVED, _:
            return replace(ticket, resolved=now)
        case Status.REJECTED, _ if not behaviour.keep_rejected:
            return replace(ticket, resolved=now)
        case status, schedule if schedule and status in _SCHEDULED and _is_over(schedule, now):
            if behaviour.missed_window == "reopened":
                return replace(ticket, status=Status.PENDING, schedule=None, approvals=(), missed=True, updated=now)
            return ticket if ticket.missed else replace(ticket, missed=True)
        case status, schedule if schedule and status in _SCHEDULED and schedule.start <= now:
            return replace(ticket, resolved=now)
    return ticket


def _is_over(schedule: Schedule, now: datetime) -> bool:
    return schedule.stop is not None and schedule.stop <= now
