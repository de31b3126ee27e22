"""A change record in words: what the guard saw of it, for every view. Nothing here is neutral yet."""

from datetime import tzinfo

from reconciler.model.change_record import SeenChange
from reconciler.model.record import Intent
from reconciler.model.status import Schedule
from reconciler.rendering import times


def state_of(record: SeenChange) -> str:
    """Say state, approval and type, or why they are not known: `scheduled, approved, normal`."""
    if record.unchecked:
        return f"could not be checked: {record.unchecked}"
    return ", ".join(part for part in (record.state, record.approval, record.type) if part) or "in no state"


def window_of(record: SeenChange, zone: tzinfo | None = None) -> str:
    """Say when the change is planned; empty when the record could not be looked up."""
    if record.unchecked:
        return ""
    planned = planned_window(record)
    return f"planned {times.local_first_window(planned, zone)}" if planned else "not planned"


def planned_window(record: SeenChange) -> Schedule | None:
    """Return the planned window, None without a start."""
    return Schedule(record.start, record.stop) if record.start is not None else None


def summary(record: SeenChange, zone: tzinfo | None = None) -> str:
    """Say it all in one line: `Web tier (scheduled, approved; planned Sat 2026-11-28 22:00 to Sun 02:00 UTC)`."""
    facts = "; ".join(part for part in (state_of(record), window_of(record, zone)) if part)
    return f"{record.title} ({facts})" if record.title else facts


def seen_before(intent: Intent) -> str:
    """Say what the guard saw of the record before an update was sent; empty when no record was asked for."""
    record = intent.change_record
    return f"{record.id} was {summary(record)}, seen {times.utc(record.seen_at)}" if record else ""
