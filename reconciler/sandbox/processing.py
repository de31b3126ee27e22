"""What TPP does with decided tickets whenever it looks at them. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.model.guid import Guid
from reconciler.model.status import Status
from reconciler.sandbox.ticket import Ticket

INTERNAL_ERROR = "Workflow returned InternalError"


@dataclass(frozen=True, slots=True)
class Processed:
    """What one look at all tickets leads to. `objects` are new statuses of objects by their DN."""

    changed: tuple[Ticket, ...] = ()
    deleted: tuple[Guid, ...] = ()
    missed: tuple[Guid, ...] = ()
    objects: tuple[tuple[str, str], ...] = ()


def process(tickets: Iterable[Ticket], now: datetime, delay: timedelta, *, keep_rejected: bool) -> Processed:
    """Resolve what is due, note what was missed, and delete what an object no longer waits for.

    An object goes on when all tickets of its stage are resolved; its approved tickets are deleted `delay` after that.
    """
    before = list(tickets)
    after = [_look_at(ticket, now, keep_rejected=keep_rejected) for ticket in before]
    changed = tuple(new for old, new in zip(before, after, strict=True) if new is not old)
    stages: dict[tuple[str, int], list[Ticket]] = defaultdict(list)
    for ticket in after:
        stages[ticket.object.casefold(), ticket.stage].append(ticket)
    deleted: list[Guid] = []
    for stage in stages.values():
        moved_on = all(ticket.resolved or ticket.status is Status.REJECTED for ticket in stage)
        for ticket in stage:
            over = ticket.resolved is not None and ticket.resolved + delay <= now
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


def _look_at(ticket: Ticket, now: datetime, *, keep_rejected: bool) -> Ticket:
    if ticket.resolved or ticket.broken:
        return ticket
    match ticket.status, ticket.schedule:
        case Status.APPROVED, _:
            return replace(ticket, resolved=now)
        case Status.REJECTED, _ if not keep_rejected:
            return replace(ticket, resolved=now)
        case Status.APPROVED_AFTER, schedule if schedule and schedule.start <= now:
            return replace(ticket, resolved=now)
        case Status.APPROVED_BETWEEN, schedule if schedule and schedule.stop and schedule.stop <= now:
            return ticket if ticket.missed else replace(ticket, missed=True)
        case Status.APPROVED_BETWEEN, schedule if schedule and schedule.start <= now:
            return replace(ticket, resolved=now)
    return ticket
