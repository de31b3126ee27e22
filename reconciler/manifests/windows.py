"""Named windows of time: the next occurrence of each, with daylight saving worked out and not guessed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from reconciler.manifests.codes import Code
from reconciler.manifests.fault import Fault, did_you_mean, shown
from reconciler.manifests.times import zone_of
from reconciler.model.decision import WindowUse
from reconciler.model.settings import RecurringWindow, WindowDefinition
from reconciler.model.status import Schedule
from reconciler.model.window import Occurrence, WindowPreview

HORIZON = timedelta(days=3660)
"""How far ahead an occurrence is looked for: ten years."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows that a configuration defines, as seen at one instant."""

    definitions: Mapping[str, WindowDefinition]
    now: datetime
    _resolved: dict[str, tuple[Schedule, WindowUse]] = field(default_factory=dict)

    def resolve(self, name: str) -> tuple[Schedule, WindowUse]:
        """Return the times that a window's name stands for now. Raises Fault when there are none."""
        if name not in self._resolved:
            self._resolved[name] = self._resolve(name)
        return self._resolved[name]

    def _resolve(self, name: str) -> tuple[Schedule, WindowUse]:
        definition = self.definitions.get(name)
        if definition is None:
            hint = did_you_mean(name, self.definitions) or "define it under `windows` in the configuration"
            raise Fault(Code.WINDOW_UNKNOWN, f"window {shown(name)} is not defined in the configuration", hint)
        occurrences = upcoming(definition, self.now, 1)
        if not isinstance(definition, RecurringWindow):
            return Schedule(definition.start, definition.stop), WindowUse(name)
        if not occurrences:
            message = f"window {shown(name)} does not come again in the next ten years"
            raise Fault(Code.WINDOW_OVER, message, f"check its rule, `{definition.rule}`")
        return Schedule(occurrences[0].start, occurrences[0].stop), WindowUse(name, definition.rule)


def upcoming(definition: WindowDefinition, now: datetime, count: int) -> tuple[Occurrence, ...]:
    """Return the next `count` occurrences that have not ended at `now` (UTC), soonest first."""
    if not isinstance(definition, RecurringWindow):
        over = definition.stop is not None and definition.stop <= now
        return () if over else (Occurrence(definition.start, definition.stop),)[:count]
    return _recurring(definition, now, count)


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


def _recurring(window: RecurringWindow, now: datetime, count: int) -> tuple[Occurrence, ...]:
    from dateutil.rrule import rrulestr

    zone = zone_of(window.timezone)
    local_now = now.astimezone(zone).replace(tzinfo=None)
    rule = rrulestr(window.rule, dtstart=window.first)
    found: list[Occurrence] = []
    since = local_now - timedelta(seconds=window.duration) - timedelta(days=1)
    for moment in rule.xafter(since, inc=True):
        if len(found) == count or moment > local_now + HORIZON:
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
