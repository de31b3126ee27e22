"""The sandbox's own record of a ticket, and its spelling in the state file."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.model.guid import Guid
from reconciler.model.instant import format_instant, parse_instant
from reconciler.model.status import Schedule, Status


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket with everything that TPP keeps to itself.

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


def encode(ticket: Ticket) -> str:
    """Return the ticket as one line of JSON."""
    values = {name: getattr(ticket, name) for name in Ticket.__slots__}
    values["schedule"] = ticket.schedule and [ticket.schedule.start, ticket.schedule.stop]
    return json.dumps(values, default=format_instant)


def decode(text: str) -> Ticket:
    """Return the ticket of one line of JSON that `encode` wrote."""
    values = json.loads(text)
    for name in ("created", "updated", "resolved"):
        values[name] = values[name] and parse_instant(values[name])
    for name in ("approvers", "approvals", "denied"):
        values[name] = tuple(values[name])
    if values["schedule"]:
        start, stop = values["schedule"]
        values["schedule"] = Schedule(parse_instant(start), parse_instant(stop) if stop else None)
    values["status"] = Status(values["status"])
    return Ticket(**values)
