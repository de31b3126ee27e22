"""Instants and windows as people read them: UTC always, and the reader's zone when it is known. And named windows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from reconciler.codec import json_text
from reconciler.model.status import Occurrence, Schedule, WindowPreview, format_instant, in_zone
from reconciler.rendering.escape import terminal

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_CACHED = 4_096
_WEEK = 7


def zone_name(zone: tzinfo) -> str:
    """The IANA name of a zone when it has one."""
    return str(getattr(zone, "key", None) or zone)


def clock(moment: datetime) -> str:
    """The wall time of an instant, with seconds only when there are any: `22:00`."""
    return moment.strftime("%H:%M:%S" if moment.second else "%H:%M")


def day(moment: datetime) -> str:
    """The date with its weekday: `Sat 2026-11-28`."""
    return f"{_DAYS[moment.weekday()]} {moment:%Y-%m-%d}"


@lru_cache(_CACHED)
def utc(moment: datetime) -> str:
    """An instant in UTC: `Sat 2026-11-28 22:00 UTC`."""
    moment = moment.astimezone(UTC)
    return f"{day(moment)} {clock(moment)} UTC"


@lru_cache(_CACHED)
def local(moment: datetime, zone: tzinfo) -> str:
    """An instant in a zone: `Sat 23:00 Europe/Berlin`; the weekday tells whether the date differs."""
    moment = in_zone(moment, zone)
    return f"{_DAYS[moment.weekday()]} {clock(moment)} {zone_name(moment.tzinfo or zone)}"


def both(moment: datetime, zone: tzinfo | None) -> str:
    """An instant in UTC and in the zone, if there is one: `Sat 2026-11-28 22:00 UTC (Sat 23:00 Europe/Berlin)`."""
    return utc(moment) if zone is None else f"{utc(moment)} ({local(moment, zone)})"


@lru_cache(_CACHED)
def window(schedule: Schedule) -> str:
    """A schedule in UTC: `Sat 2026-11-28 22:00 to Sun 2026-11-29 02:00 UTC`, or `from …, no end`."""
    start = schedule.start.astimezone(UTC)
    if schedule.stop is None:
        return f"from {utc(start)}, no end"
    stop = schedule.stop.astimezone(UTC)
    return f"{day(start)} {clock(start)} to {_until(start, stop)} UTC"


@lru_cache(_CACHED)
def local_window(schedule: Schedule, zone: tzinfo) -> str:
    """A schedule in a zone: `Sat 23:00 to Sun 03:00 Europe/Berlin`."""
    start = in_zone(schedule.start, zone)
    if schedule.stop is None:
        return f"from {local(start, zone)}"
    stop = in_zone(schedule.stop, start.tzinfo or zone)
    start = in_zone(start, stop.tzinfo or zone)
    end = clock(stop) if stop.date() == start.date() else f"{_DAYS[stop.weekday()]} {clock(stop)}"
    return f"{_DAYS[start.weekday()]} {clock(start)} to {end} {zone_name(start.tzinfo or zone)}"


def local_first(moment: datetime, zone: tzinfo | None) -> str:
    """An instant as its reader has it, UTC behind it: `Sun 2026-11-29 23:00 Europe/Berlin (22:00 UTC)`."""
    if zone is None:
        return utc(moment)
    here, there = in_zone(moment, zone), moment.astimezone(UTC)
    if here.tzinfo is UTC:  # the zone has no such year
        return utc(moment)
    return f"{day(here)} {clock(here)} {zone_name(zone)} ({brief(there, here)} UTC)"


def local_first_window(schedule: Schedule, zone: tzinfo | None) -> str:
    """A schedule as its reader has it: `Sat 2026-11-28 23:00 to Sun 03:00 Europe/Berlin (22:00 to Sun 02:00 UTC)`."""
    if zone is None:
        return window(schedule)
    if schedule.stop is None:
        return f"from {local_first(schedule.start, zone)}, no end"
    start, stop = in_zone(schedule.start, zone), in_zone(schedule.stop, zone)
    if UTC in (start.tzinfo, stop.tzinfo):  # the zone has no such year
        return window(schedule)
    begins, ends = schedule.start.astimezone(UTC), schedule.stop.astimezone(UTC)
    return (
        f"{day(start)} {clock(start)} to {brief(stop, start)} {zone_name(zone)} "
        f"({brief(begins, start)} to {brief(ends, begins)} UTC)"
    )


def brief_utc(moment: datetime, beside: datetime) -> str:
    """An instant in UTC behind another one that was said in full: `Sun 02:00 UTC`."""
    return f"{brief(moment.astimezone(UTC), beside.astimezone(UTC))} UTC"


def brief(moment: datetime, beside: datetime) -> str:
    """The wall time, with the weekday when it is another day than beside it, with the date when it is a week off."""
    if moment.date() == beside.date():
        return clock(moment)
    near = abs((moment.date() - beside.date()).days) < _WEEK
    return f"{_DAYS[moment.weekday()] if near else day(moment)} {clock(moment)}"


def _until(start: datetime, stop: datetime) -> str:
    return clock(stop) if stop.date() == start.date() else f"{day(stop)} {clock(stop)}"


def span(length: timedelta) -> str:
    """A length in its two largest units: `4 h`, `1 d 2 h`, `30 min`, `45 s`."""
    seconds = int(length.total_seconds())
    if seconds < 0:
        return "-" + span(-length)
    units = (("d", seconds // 86_400), ("h", seconds // 3_600 % 24), ("min", seconds // 60 % 60), ("s", seconds % 60))
    named = [f"{number} {unit}" for unit, number in units if number]
    return " ".join(named[:2]) or "0 s"


def windows_text(previews: Sequence[WindowPreview], zones: Sequence[tzinfo | None]) -> str:
    """Return the windows with their next occurrences in UTC and in the zone beside each window, if there is one."""
    lines: list[str] = []
    for preview, zone in zip(previews, zones, strict=True):
        about = f"{preview.rule}, {preview.timezone}" if preview.rule else "once"
        lines.append(f"{terminal(preview.name)}: {terminal(about)}")
        lines += [line for occurrence in preview.occurrences for line in _occurrence(occurrence, zone)]
        if not preview.occurrences:
            lines.append("  is over and does not come again")
    return "".join(f"{line}\n" for line in lines)


def windows_json(previews: Sequence[WindowPreview]) -> str:
    """Return `{version, windows: [{name, rule, timezone, occurrences: [{start, stop, remark}]}]}`, times in UTC."""
    document = {
        "version": 1,
        "windows": [
            {
                "name": preview.name,
                "rule": preview.rule or None,
                "timezone": preview.timezone or None,
                "occurrences": [
                    {
                        "start": format_instant(occurrence.start),
                        "stop": None if occurrence.stop is None else format_instant(occurrence.stop),
                        "remark": occurrence.remark or None,
                    }
                    for occurrence in preview.occurrences
                ],
            }
            for preview in previews
        ],
    }
    return json_text(document)


def _occurrence(occurrence: Occurrence, zone: tzinfo | None) -> list[str]:
    schedule = Schedule(occurrence.start, occurrence.stop)
    line = f"  {window(schedule)}"
    if zone is not None:
        line += f" ({local_window(schedule, zone)})"
    return [line, *([f"    daylight saving: {terminal(occurrence.remark)}"] if occurrence.remark else [])]
