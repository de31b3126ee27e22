"""Named windows of time: the next occurrence of each, with daylight saving worked out and not guessed.

Recurrence rules are those of RFC 5545, 3.3.10. dateutil reads some otherwise than the standard, and some for ever. What
is let through here means there exactly what the standard says, and comes to an end.
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from dateutil.rrule import rrule, rrulestr

from reconciler.manifests.problems import Code, InvalidValue, did_you_mean
from reconciler.manifests.times import in_order, instant, to_the_millisecond, zone_of
from reconciler.model.decision import WindowUse
from reconciler.model.policy import FolderRules, Freeze, Policy, RecurringWindow
from reconciler.model.settings import SingleWindow, WindowDefinition
from reconciler.model.status import Occurrence, Schedule, WindowPreview, in_zone, shifted
from reconciler.model.value import quote

HORIZON = timedelta(days=3660)
"""How far ahead an occurrence is looked for: ten years."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows that a configuration defines, as seen at one instant."""

    definitions: Mapping[str, WindowDefinition]
    now: datetime
    _resolved: dict[str, tuple[Schedule, WindowUse]] = field(default_factory=dict)

    def resolve(self, name: str) -> tuple[Schedule, WindowUse]:
        """Return the times that a window's name stands for now. Raises InvalidValue when there are none."""
        if name not in self._resolved:
            self._resolved[name] = self._resolve(name)
        return self._resolved[name]

    def _resolve(self, name: str) -> tuple[Schedule, WindowUse]:
        definition = self.definitions.get(name)
        if definition is None:
            hint = did_you_mean(name, self.definitions) or "define it under `windows` in the configuration"
            raise InvalidValue(Code.WINDOW_UNKNOWN, f"window {quote(name)} is not defined in the configuration", hint)
        occurrences = upcoming(definition, self.now, 1)
        if not isinstance(definition, RecurringWindow):
            return Schedule(definition.start, definition.stop), WindowUse(name)
        if not occurrences:
            message = f"window {quote(name)} does not come again in the next ten years"
            raise InvalidValue(Code.WINDOW_OVER, message, f"check its rule, {quote(definition.rule)}")
        return Schedule(occurrences[0].start, occurrences[0].stop), WindowUse(name, definition.rule)


def upcoming(definition: WindowDefinition, now: datetime, count: int) -> tuple[Occurrence, ...]:
    """Return the next `count` occurrences that have not ended at `now` (UTC), soonest first."""
    if not isinstance(definition, RecurringWindow):
        over = definition.stop is not None and definition.stop <= now
        return () if over else (Occurrence(definition.start, definition.stop),)[:count]
    return _occurrences(definition, now, count)


AHEAD = timedelta(days=400)
"""How far ahead recurring freezes are looked at. What is scheduled later is looked at again by later plans."""


def freezes_ahead(policy: Policy | FolderRules, now: datetime) -> tuple[Freeze, ...]:
    """Return each occurrence of the freezes that recur, in the time ahead."""
    found = []
    for freeze in policy.recurring_freezes:
        for each in upcoming(freeze.window, now, AHEAD.days + 1):
            if each.start - now <= AHEAD and each.stop is not None:
                found.append(Freeze(freeze.name, each.start, each.stop, freeze.objects))
    return tuple(found)


def preview(definitions: Mapping[str, WindowDefinition], now: datetime, count: int) -> tuple[WindowPreview, ...]:
    """Return the next `count` occurrences of every window, by name."""
    return tuple(
        WindowPreview(
            name,
            upcoming(definition, now, count),
            definition.rule if isinstance(definition, RecurringWindow) else "",
            definition.timezone if isinstance(definition, RecurringWindow) else "",
        )
        for name, definition in sorted(definitions.items())
    )


def _occurrences(window: RecurringWindow, now: datetime, count: int) -> tuple[Occurrence, ...]:
    zone = zone_of(window.timezone)
    local_now = in_zone(now, zone).replace(tzinfo=None)
    found: list[Occurrence] = []
    since, last = shifted(local_now, -timedelta(days=1, seconds=window.duration)), shifted(local_now, HORIZON)
    with contextlib.suppress(OverflowError):  # the calendar is over
        for moment in days_of(window, last).xafter(since, inc=True):
            if len(found) == count or moment > last:
                break
            occurrence = _occurrence(moment, window.duration, zone)
            if occurrence.stop is None or occurrence.stop > now:
                found.append(occurrence)
    return tuple(found)


def _occurrence(moment: datetime, duration: int, zone: tzinfo) -> Occurrence:
    """Place a local start in time as RFC 5545 does (section 3.3.5).

    A time that clocks jump over is read with the offset before the jump, a time that comes twice is the first.
    """
    start = moment.replace(tzinfo=zone)
    stop = (moment + timedelta(seconds=duration)).replace(tzinfo=zone)
    opens, closes = start.astimezone(UTC), stop.astimezone(UTC)
    remarks = [_remark(moment, zone), _remark(moment + timedelta(seconds=duration), zone)]
    if closes <= opens:
        closes = opens + timedelta(seconds=duration)
    real = int((closes - opens).total_seconds())
    if real != duration and not any(remarks):
        remarks.append(f"clocks change inside it: it is {_hours(real)} long instead of {_hours(duration)}")
    return Occurrence(opens, closes, "; ".join(remark for remark in remarks if remark))


def _remark(moment: datetime, zone: tzinfo) -> str:
    first, second = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return ""
    real = first.astimezone(UTC).astimezone(zone)
    if real.replace(tzinfo=None) != moment:
        return f"{moment:%H:%M} does not exist on {moment:%Y-%m-%d}: {real:%H:%M} is used"
    return f"{moment:%H:%M} exists twice on {moment:%Y-%m-%d}: the first is used"


def _hours(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02} min" if minutes else f"{hours} h"


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
    while (moved := _unlocal(opens + weeks * _WEEK, zone)) <= now:
        weeks += 1
    end = _unlocal(closes + weeks * _WEEK, zone)
    return moved, end if end > moved else moved + (stop - start), weeks


def _unlocal(local: datetime, zone: tzinfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)


_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS = (86400, 3600, 60, 1)
_NAMES_DAYS = re.compile(r"BYDAY=|BYMONTHDAY=|BYYEARDAY=")
_NEEDS_FIRST = re.compile(r"INTERVAL=|COUNT=")
_ANY_FIRST_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - wall time: the zone is that of the window
_EARLIEST = datetime(1970, 1, 1)  # noqa: DTZ001 - as above
_LONGEST = 7 * 86400


def seconds(text: str) -> int:
    """Return a duration such as 1h30m in seconds. Raises InvalidValue when it is nothing."""
    match = _DURATION.fullmatch(text)
    total = sum(int(part or 0) * unit for part, unit in zip(match.groups(), _UNITS, strict=True)) if match else 0
    if not total:
        raise InvalidValue(Code.CONFIG_VALUE, f"{quote(text)} is no time at all", "write a duration such as `4h`")
    return total


def decode_window(stated: Mapping[str, Any], zone: tzinfo | None, members: Mapping[str, Any]) -> WindowDefinition:
    """Return one window. Times without an offset are local to its own zone, else to that of the configuration.

    Raises InvalidValue, with the path inside the definition.
    """
    own = stated.get("timezone")
    if own is not None:
        try:
            zone = zone_of(own)
        except InvalidValue as fault:
            raise fault.under("timezone") from None
    if "rule" in stated:
        return _recurring(stated, own or members.get("timezone"))
    start = _instant(stated, "start", zone)
    if "stop" not in stated:
        return SingleWindow(start)
    stop = _instant(stated, "stop", zone)
    in_order(start, stop)
    return SingleWindow(start, stop)


def _instant(stated: Mapping[str, Any], name: str, zone: tzinfo | None) -> datetime:
    try:
        return to_the_millisecond(instant(stated[name], zone))
    except InvalidValue as fault:
        raise fault.under(name) from None


def _recurring(stated: Mapping[str, Any], zone_name: str | None) -> RecurringWindow:
    if zone_name is None:
        hint = "add `timezone: Europe/Berlin`, or `timezone: UTC`"
        raise InvalidValue(Code.TIME_ZONE, "a recurring window needs a time zone", hint)
    rule: str = stated["rule"]
    first = _first_day(stated, rule)
    opens = time.fromisoformat(stated["start"])
    try:
        duration = seconds(stated["duration"])
    except InvalidValue as fault:
        raise fault.under("duration") from None
    if duration > _LONGEST:
        raise InvalidValue(
            Code.CONFIG_VALUE, "a recurring window can't be longer than a week", "shorten it", ("duration",)
        )
    window = RecurringWindow(rule, zone_name, first.replace(hour=opens.hour, minute=opens.minute), duration)
    check_rule(window)
    return window


def _first_day(stated: Mapping[str, Any], rule: str) -> datetime:
    if "first" in stated:
        try:
            first = datetime.fromisoformat(stated["first"])
        except ValueError:
            message = f"{quote(stated['first'])} does not exist"
            raise InvalidValue(Code.TIME_NO_SUCH, message, "check day and month", ("first",)) from None
        if first < _EARLIEST:
            message = f"`first` is before {_EARLIEST:%Y}"
            raise InvalidValue(
                Code.CONFIG_VALUE, message, "count from a later day: only days to come matter", ("first",)
            )
        return first
    if _NEEDS_FIRST.search(rule) or not (rule.startswith("FREQ=DAILY") or _NAMES_DAYS.search(rule)):
        message = f"rule {quote(rule)} does not say by itself which days it means"
        hint = "name days (BYDAY=SA), or add `first: 2026-01-03`, a day to count from"
        raise InvalidValue(Code.WINDOW_RULE, message, hint, ("rule",))
    return _ANY_FIRST_DAY


_DAY_OF_WEEK = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NUMBER = re.compile(r"[+-]?[0-9]{1,5}")
_UNTIL = re.compile(r"([0-9]{8})(T[0-9]{6})?")
_RANGES = {"BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYMONTH": 12, "BYSETPOS": 366}
_WEEKS_OF_A_MONTH = 5
_COUNTS = {"INTERVAL": 1_000, "COUNT": 10_000}
_NOT_WITH = {
    "BYMONTHDAY": ("WEEKLY",),
    "BYYEARDAY": ("DAILY", "WEEKLY", "MONTHLY"),
    "BYWEEKNO": ("DAILY", "WEEKLY", "MONTHLY"),
}
_LOCAL = "%Y%m%dT%H%M%S"
_LONGEST_WAIT = 45
"""Years in which every rule comes that means any day: 29 February is a Saturday every 28 years, or 40 about 2100."""
_CYCLE = 400
_LAST_YEAR = 9999


def check_rule(window: RecurringWindow) -> None:
    """Raise InvalidValue when a window's rule is none of RFC 5545, could be read in two ways, or means no day."""
    parts = _parts(window.rule)
    frequency = parts["FREQ"]
    for name, value in parts.items():
        _check_part(window.rule, name, value)
        if frequency in _NOT_WITH.get(name, ()):
            raise _refused(window.rule, f"{name} does not go with FREQ={frequency}")
    _check_days(window.rule, parts)
    if "COUNT" in parts and "UNTIL" in parts:
        raise _refused(window.rule, "COUNT and UNTIL exclude each other: leave one of them out")
    if "BYSETPOS" in parts and not any(name.startswith("BY") and name != "BYSETPOS" for name in parts):
        raise _refused(window.rule, "BYSETPOS needs another BY… part to choose from")
    if "UNTIL" in parts:
        _until(window.rule, parts["UNTIL"])
    first = _first(window, parts)
    if first is None:
        message = f"rule {quote(window.rule)} never comes: there is no such day within {_LONGEST_WAIT} years"
        raise InvalidValue(Code.WINDOW_RULE, message, "check its days, its UNTIL and `first`", ("rule",))
    if "COUNT" in parts and first != window.first:
        message = f"rule {quote(window.rule)} counts from a day that it does not mean"
        raise InvalidValue(Code.WINDOW_RULE, message, "give a day of the rule as `first`", ("first",))


def _first(window: RecurringWindow, parts: dict[str, str]) -> datetime | None:
    """Return the first start, None when there is none.

    dateutil looks for a day that never comes until the year 9999. So the question is asked near its end: the calendar,
    with its days of the week, repeats itself every 400 years.
    """
    cycles = (_LAST_YEAR - window.first.year - _LONGEST_WAIT) // _CYCLE
    later = window.first.replace(year=window.first.year + cycles * _CYCLE)
    rule = ";".join(f"{name}={value}" for name, value in parts.items() if name not in ("COUNT", "UNTIL"))
    found = next(iter(rrulestr(rule, dtstart=later)), None)
    if found is None or found.year - cycles * _CYCLE > _LAST_YEAR:
        return None
    first = found.replace(year=found.year - cycles * _CYCLE)
    if first.year - window.first.year > _LONGEST_WAIT:
        return None
    return first if any(days_of(window, first)) else None


def days_of(window: RecurringWindow, last: datetime) -> rrule:
    """Return the local starts of a window, in order; none of them after `last`, unless its rule counts them.

    An UNTIL that is a date includes that day (RFC 5545: it "bounds the recurrence rule in an inclusive manner").
    """
    parts = _parts(window.rule)
    until = parts.pop("UNTIL", None)
    if until is not None:
        last = min(last, datetime.strptime(until if "T" in until else f"{until}T235959", _LOCAL))  # noqa: DTZ007
    built = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=window.first)
    assert isinstance(built, rrule), "one rule"  # noqa: S101 - the schema lets nothing else through
    return built if "COUNT" in parts else built.replace(until=last)


def _parts(rule: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in rule.split(";"):
        name, _, value = part.partition("=")
        if name in parts:
            raise _refused(rule, f"{name} stands twice: put the values together, with commas between them")
        parts[name] = value
    return parts


def _check_part(rule: str, name: str, value: str) -> None:
    if name in _RANGES:
        lowest = 1 if name == "BYMONTH" else -_RANGES[name]
        for item in value.split(","):
            if not _NUMBER.fullmatch(item) or int(item) == 0 or not lowest <= int(item) <= _RANGES[name]:
                raise _refused(rule, f"{name} takes numbers from {lowest} to {_RANGES[name]} without 0")
    elif name in _COUNTS:
        if not value.isdigit() or not 1 <= int(value[:9]) <= _COUNTS[name]:
            raise _refused(rule, f"{name} takes a number from 1 to {_COUNTS[name]}")
    elif name == "WKST" and value not in _DAYS:
        raise _refused(rule, "WKST takes one day of the week, such as MO")


def _check_days(rule: str, parts: dict[str, str]) -> None:
    """Check BYDAY, and that a week of the year says which of its days it means."""
    numbered = False
    most = _WEEKS_OF_A_MONTH if parts["FREQ"] == "MONTHLY" or "BYMONTH" in parts else _RANGES["BYWEEKNO"]
    for item in parts["BYDAY"].split(",") if "BYDAY" in parts else ():
        found = _DAY_OF_WEEK.fullmatch(item)
        if found is None or (found[1] and not 1 <= abs(int(found[1])) <= most):
            raise _refused(
                rule, "BYDAY takes days of the week: MO, TU, WE, TH, FR, SA, SU, or 1SU, -1FR in a month or year"
            )
        numbered |= bool(found[1])
    if numbered and parts["FREQ"] not in ("MONTHLY", "YEARLY"):
        raise _refused(rule, "a number before a day of the week goes with MONTHLY and YEARLY only")
    if "BYWEEKNO" in parts and (numbered or "BYDAY" not in parts):
        raise _refused(rule, "BYWEEKNO needs BYDAY, which says the days of that week, without numbers")


def _until(rule: str, value: str) -> None:
    if value.endswith("Z"):
        raise _refused(rule, "write UNTIL without Z, in local time")
    found = _UNTIL.fullmatch(value)
    try:
        if found is None:
            raise ValueError
        datetime.strptime(value, _LOCAL if found[2] else "%Y%m%d")  # noqa: DTZ007 - wall time, as the rule is
    except ValueError:
        raise _refused(rule, "UNTIL takes a day or a local time: 20361231 or 20361231T235959") from None


def _refused(rule: str, hint: str) -> InvalidValue:
    return InvalidValue(Code.WINDOW_RULE, f"rule {quote(rule)} is not a rule of RFC 5545", hint, ("rule",))
