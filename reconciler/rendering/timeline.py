"""The layout of a timeline, computed once for text, Mermaid and SVG: bars, freezes, ends of certificates, the stretch.

Equal windows are one bar, so that a timeline stays readable with thousands of tickets.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.model.plan import Plan, Step
from reconciler.model.policy import Freeze
from reconciler.model.status import Schedule, shifted
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering.certificates import expiries
from reconciler.rendering.change_records import planned_window
from reconciler.rendering.summary import name_of

OPEN_END = timedelta(hours=24)
"""How long a window without an end is drawn."""
_MARGIN = timedelta(hours=12)
_NEAR = timedelta(days=14)
_BEFORE = timedelta(hours=1)


class BarKind(StrEnum):
    """What a bar stands for."""

    CHANGE = "change"
    """The plan would set this window."""
    SET = "set"
    """TPP has this window already."""
    BLOCKED = "blocked"
    """Somebody has to act before this window can be set, or it was missed."""
    RECORD = "record"
    """A change record is planned for it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One window and the steps that have it."""

    schedule: Schedule
    kind: BarKind
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """What the bar is called: its first ticket, or the change record. Not neutral."""
        return f"{self.steps[0].change} planned" if self.kind is BarKind.RECORD else name_of(self.steps[0])

    @property
    def more(self) -> int:
        """How many further tickets have this window; a change record's bar stands for itself."""
        return 0 if self.kind is BarKind.RECORD else len(self.steps) - 1

    @property
    def end(self) -> datetime:
        """Where the bar ends; one without an end is drawn for a day."""
        return self.schedule.stop or shifted(self.schedule.start, OPEN_END)


def bars(steps: Iterable[Step]) -> list[Bar]:
    """Return one bar for each different window and kind, by start. Settled windows are history and left out.

    The planned window of a change record has a bar of its own, so that both can be compared.
    """
    found: dict[tuple[Schedule, BarKind], list[Step]] = {}
    records: dict[tuple[Schedule, str], list[Step]] = {}
    for step in steps:
        schedule = step.after.schedule
        if schedule is not None and step.verdict is not Verdict.SETTLED:
            found.setdefault((schedule, _kind(step)), []).append(step)
            planned = planned_window(step.change_record) if step.change_record else None
            if planned is not None:
                records.setdefault((planned, step.change or ""), []).append(step)
    made = [
        Bar(schedule, kind, tuple(sorted(group, key=lambda step: (step.object.casefold(), step.guid))))
        for (schedule, kind), group in found.items()
    ]
    made += [Bar(planned, BarKind.RECORD, tuple(group)) for (planned, _), group in records.items()]
    return sorted(made, key=lambda bar: (bar.schedule.start, bar.end, bar.kind))


def _kind(step: Step) -> BarKind:
    if step.group is Group.CHANGE:
        return BarKind.CHANGE
    return BarKind.BLOCKED if step.group is Group.ATTENTION else BarKind.SET


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a timeline shows from `start` to `stop`.

    `freezes` are those that touch this stretch, each with the part of it that does. `ends` are the ends of certificates
    in it.
    """

    start: datetime
    stop: datetime
    now: datetime
    bars: tuple[Bar, ...]
    freezes: tuple[tuple[Freeze, datetime, datetime], ...]
    ends: tuple[tuple[datetime, Step], ...]

    @property
    def windows(self) -> int:
        """How many bars are windows of decisions."""
        return sum(bar.kind is not BarKind.RECORD for bar in self.bars)


def timeline(plan: Plan, *, past: bool = True) -> Timeline | None:
    """Return the layout of a plan's windows, without those that are over when `past` is not wanted; None without any.

    The stretch is as long as the windows and a margin, and begins just before now when that is near.
    """
    found = tuple(bar for bar in bars(plan.steps) if past or bar.end > plan.made_at)
    if not found:
        return None
    start = shifted(min(bar.schedule.start for bar in found), -_MARGIN)
    stop = shifted(max(bar.end for bar in found), _MARGIN)
    if start - _NEAR < plan.made_at < start:
        start = plan.made_at - _BEFORE
    ends = tuple((end, step) for end, step in expiries(plan) if start <= end <= stop)
    return Timeline(start, stop, plan.made_at, found, tuple(_clipped(plan.freezes, start, stop)), ends)


def _clipped(freezes: Iterable[Freeze], start: datetime, stop: datetime) -> list[tuple[Freeze, datetime, datetime]]:
    return [
        (freeze, max(freeze.start, start), min(freeze.stop, stop))
        for freeze in sorted(freezes, key=lambda freeze: (freeze.start, freeze.name))
        if freeze.start < stop and freeze.stop > start
    ]
