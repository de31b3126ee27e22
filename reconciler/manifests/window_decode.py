"""Turns a window's definition, well-formed by its schema, into a value, and checks its rule."""

import re
from collections.abc import Mapping
from datetime import datetime, time, tzinfo
from typing import Any

from reconciler.manifests.codes import Code
from reconciler.manifests.fault import Fault, shown
from reconciler.manifests.times import in_order, instant, zone_of
from reconciler.model.settings import RecurringWindow, SingleWindow, WindowDefinition

Members = Mapping[str, Any]

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS = (86400, 3600, 60, 1)
_NAMES_DAYS = re.compile(r"BYDAY=|BYMONTHDAY=|BYYEARDAY=")
_NEEDS_FIRST = re.compile(r"INTERVAL=|COUNT=")
_ANY_FIRST_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - wall time: the zone is that of the window
_LONGEST = 7 * 86400


def seconds(text: str) -> int:
    """Return a duration such as 1h30m in seconds. Raises Fault when it is nothing."""
    match = _DURATION.fullmatch(text)
    total = sum(int(part or 0) * unit for part, unit in zip(match.groups(), _UNITS, strict=True)) if match else 0
    if not total:
        raise Fault(Code.CONFIG_VALUE, f"{shown(text)} is no time at all", "write a duration such as `4h`")
    return total


def decode_window(stated: Members, zone: tzinfo | None, members: Members) -> WindowDefinition:
    """Return one window. Times without an offset are local to its own zone, else to that of the configuration.

    Raises Fault, with the path inside the definition.
    """
    own = stated.get("timezone")
    if own is not None:
        try:
            zone = zone_of(own)
        except Fault as fault:
            raise fault.under("timezone") from None
    if "rule" in stated:
        return _recurring(stated, own or members.get("timezone"))
    start = _instant(stated, "start", zone)
    if "stop" not in stated:
        return SingleWindow(start)
    stop = _instant(stated, "stop", zone)
    in_order(start, stop)
    return SingleWindow(start, stop)


def _instant(stated: Members, name: str, zone: tzinfo | None) -> datetime:
    try:
        return instant(stated[name], zone)
    except Fault as fault:
        raise fault.under(name) from None


def _recurring(stated: Members, zone_name: str | None) -> RecurringWindow:
    if zone_name is None:
        hint = "add `timezone: Europe/Berlin`, or `timezone: UTC`"
        raise Fault(Code.TIME_ZONE, "a recurring window needs a time zone", hint)
    rule: str = stated["rule"]
    first = _first_day(stated, rule)
    opens = time.fromisoformat(stated["start"])
    try:
        duration = seconds(stated["duration"])
    except Fault as fault:
        raise fault.under("duration") from None
    if duration > _LONGEST:
        raise Fault(Code.CONFIG_VALUE, "a recurring window can't be longer than a week", "shorten it", ("duration",))
    window = RecurringWindow(rule, zone_name, first.replace(hour=opens.hour, minute=opens.minute), duration)
    _check_rule(window)
    return window


def _first_day(stated: Members, rule: str) -> datetime:
    if "first" in stated:
        try:
            return datetime.fromisoformat(stated["first"])
        except ValueError:
            message = f"{shown(stated['first'])} does not exist"
            raise Fault(Code.TIME_NO_SUCH, message, "check day and month", ("first",)) from None
    if _NEEDS_FIRST.search(rule) or not (rule.startswith("FREQ=DAILY") or _NAMES_DAYS.search(rule)):
        message = f"rule {shown(rule)} does not say by itself which days it means"
        hint = "name days (BYDAY=SA), or add `first: 2026-01-03`, a day to count from"
        raise Fault(Code.WINDOW_RULE, message, hint, ("rule",))
    return _ANY_FIRST_DAY


def _check_rule(window: RecurringWindow) -> None:
    from dateutil.rrule import rrulestr

    try:
        rrulestr(window.rule, dtstart=window.first)
    except (ValueError, TypeError, KeyError) as error:
        hint = "write UNTIL without Z, in local time" if "UNTIL" in window.rule and "Z" in window.rule else str(error)
        message = f"rule {shown(window.rule)} is not a rule of RFC 5545"
        raise Fault(Code.WINDOW_RULE, message, hint, ("rule",)) from None
