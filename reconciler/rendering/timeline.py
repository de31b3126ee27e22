"""Windows of a plan as bars: equal windows are one bar, so that a timeline stays readable with thousands of tickets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.model.plan import Step
from reconciler.model.policy import Freeze
from reconciler.model.status import Schedule, shifted
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering.change_records import planned_window
from reconciler.rendering.summary import name_of

OPEN_END = timedelta(hours=24)
"""How long a window without an end is drawn."""
_MARGIN = timedelta(hours=12)


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


def extent(found: Sequence[Bar]) -> tuple[datetime, datetime]:
    """Return the stretch of time that a timeline of these bars shows. Raises ValueError without bars."""
    start, stop = min(bar.schedule.start for bar in found), max(bar.end for bar in found)
    return shifted(start, -_MARGIN), shifted(stop, _MARGIN)


def clipped(freezes: Iterable[Freeze], start: datetime, stop: datetime) -> list[tuple[Freeze, datetime, datetime]]:
    """Return the freezes that touch a stretch of time, each with the part of it that does."""
    return [
        (freeze, max(freeze.start, start), min(freeze.stop, stop))
        for freeze in sorted(freezes, key=lambda freeze: (freeze.start, freeze.name))
        if freeze.start < stop and freeze.stop > start
    ]
