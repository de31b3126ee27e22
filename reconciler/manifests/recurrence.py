"""Recurrence rules (RFC 5545, 3.3.10): what they mean, or why they are refused.

dateutil reads some rules otherwise than the standard, and some for ever. What is let through here means there exactly
what the standard says, and comes to an end.
"""

import re
from datetime import datetime

from dateutil.rrule import rrule, rrulestr

from reconciler.manifests.problems import Code, InvalidValue
from reconciler.model.policy import RecurringWindow
from reconciler.model.value import quote

_DAY_OF_WEEK = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
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
    elif name == "WKST" and value not in _WEEK:
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
