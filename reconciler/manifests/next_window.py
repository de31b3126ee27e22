"""The window that comes after one that is over: of a recurring window the next, of any other the same a week on."""

from datetime import UTC, datetime, timedelta, tzinfo

from reconciler.manifests.windows import upcoming
from reconciler.model.settings import RecurringWindow
from reconciler.model.window import Occurrence

_WEEK = timedelta(weeks=1)


def next_occurrence(window: RecurringWindow, now: datetime) -> Occurrence | None:
    """Return the first occurrence that opens after `now` (UTC), None when there is none in the next ten years."""
    return next((found for found in upcoming(window, now, 2) if found.start > now), None)


def weeks_later(start: datetime, stop: datetime, zone: tzinfo, now: datetime) -> tuple[datetime, datetime, int]:
    """Return a window moved by the fewest whole weeks that let it open after `now`, and how many those are.

    Instants are UTC. Weekday and time of day stay what they are in `zone`, also when clocks change between: a time
    that clocks jump over is read with the offset before the jump, one that comes twice is the first (RFC 5545, 3.3.5).
    """
    opens, closes = (moment.astimezone(zone).replace(tzinfo=None) for moment in (start, stop))
    weeks = max((now - start) // _WEEK, 0)
    while (moved := _instant(opens + weeks * _WEEK, zone)) <= now:
        weeks += 1
    end = _instant(closes + weeks * _WEEK, zone)
    return moved, end if end > moved else moved + (stop - start), weeks


def _instant(local: datetime, zone: tzinfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)
