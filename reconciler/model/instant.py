"""Instants: timezone-aware datetimes in UTC and their one canonical spelling."""

from datetime import UTC, datetime, timedelta, tzinfo

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def as_utc(moment: datetime) -> datetime:
    """Return the same instant in UTC. Raises ValueError for a datetime without an offset."""
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is no time in UTC") from None


def format_instant(moment: datetime) -> str:
    """Spell an instant canonically: ISO 8601, UTC, "Z", fractions only when there are any."""
    return as_utc(moment).isoformat().removesuffix("+00:00") + "Z"


def parse_instant(text: str) -> datetime:
    """Read ISO 8601 text that carries an offset. Raises ValueError for anything else."""
    return as_utc(datetime.fromisoformat(text))


def require_utc(*moments: datetime | None) -> None:
    """Refuse instants that are not in UTC, which is how all are written down. Raises ValueError."""
    for moment in moments:
        if moment is not None and moment.tzinfo is not UTC:
            raise ValueError(f"{moment.isoformat()} is not a time in UTC, with a Z")


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Return the same instant in a zone; in UTC where the calendar, which ends with the year 9999, has no such day."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Return a moment moved by some time, or the first or last one of the calendar."""
    try:
        return moment + by
    except OverflowError:
        edge = _FIRST if by < timedelta(0) else _LAST
        return edge.replace(tzinfo=moment.tzinfo)
