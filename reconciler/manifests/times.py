"""Times as people write them to instants: with an offset, or local to a zone without guessing about daylight saving."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from reconciler.manifests.problems import Code, InvalidValue, did_you_mean
from reconciler.model.status import shifted
from reconciler.model.value import quote


@lru_cache(maxsize=4096)
def instant(text: str, zone: tzinfo | None) -> datetime:
    """Return the instant (UTC) that a time of the schema's form spells, local to `zone` when it has no offset.

    Raises InvalidValue for a day that the calendar lacks, for a local time without a zone, and for local times that do
    not exist, or exist twice, because clocks are changed.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        if zone is not None:
            return _from_local(moment, zone)
    except (ValueError, OverflowError):
        raise InvalidValue(Code.TIME_NO_SUCH, f"{quote(text)} does not exist", "check day, month and year") from None
    hint = f"write `{text}Z` for UTC or `{text}+01:00`, or name the `timezone` at the top of the file"
    raise InvalidValue(Code.TIME_NO_OFFSET, f"{quote(text)} has no offset", hint)


def _from_local(moment: datetime, zone: tzinfo) -> datetime:
    first = moment.replace(tzinfo=zone, fold=0)
    second = moment.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        later = first.astimezone(UTC).astimezone(zone)
        message = f"{quote(moment)} does not exist in {zone}: clocks go forward over it"
        raise InvalidValue(Code.TIME_GAP, message, f"write a time that exists, for example `{format_time(later)}`")
    message = f"{quote(moment)} exists twice in {zone}: clocks go back over it"
    hint = f"write `{format_time(first)}` for the first or `{format_time(second)}` for the second"
    raise InvalidValue(Code.TIME_FOLD, message, hint)


def format_time(moment: datetime) -> str:
    """Spell a time with its offset, without seconds when there are none."""
    exact = bool(moment.second or moment.microsecond)
    return moment.isoformat() if exact else moment.isoformat(timespec="minutes")


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """Return the zone with an IANA name, from the `tzdata` package alone. Raises InvalidValue when there is none.

    So every machine reads the same files alike, whatever its own tables are and what else it keeps beside them.
    """
    known = _zone_names()
    if name in known:
        with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    near = did_you_mean(name, known)
    hint = near if near.startswith("did") else "use a name such as `Europe/Berlin`"
    raise InvalidValue(Code.TIME_ZONE, f"time zone {quote(name)} is not known", hint)


@cache
def _zone_names() -> frozenset[str]:
    """Return the names that IANA lists; `Factory` is the zone of machines that were never set up."""
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return frozenset(listed) - {"Factory"}


def to_the_millisecond(moment: datetime) -> datetime:
    """Return the same instant. Raises InvalidValue when it is finer than what TPP keeps: it would never be in sync."""
    if moment.microsecond % 1_000:
        hint = "leave out all but three digits behind the seconds"
        raise InvalidValue(Code.TIME_TOO_FINE, "TPP keeps schedules to the millisecond, and this is finer", hint)
    return moment


def in_order(start: datetime, stop: datetime) -> None:
    """Raise InvalidValue unless `stop` is after `start`."""
    if stop > start:
        return
    message = f"`stop` is not after `start` ({_utc(start)} to {_utc(stop)})"
    hint = "swap them, or check the day after midnight" if stop < start else "a window needs a length"
    next_day = shifted(stop, timedelta(days=1))
    if stop < start < next_day:
        hint = f"does it end on the next day, {_utc(next_day)}?"
    raise InvalidValue(Code.TIME_ORDER, message, hint, ("stop",))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="minutes") + "Z"
