"""The layout of the timeline's drawing: a bar for each window, bands for freezes, a line for now.

Its script zooms; it reads without.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler.model.plan import Step
from reconciler.model.policy import Freeze
from reconciler.model.status import shifted
from reconciler.rendering import times
from reconciler.rendering.summary import name_of
from reconciler.rendering.timeline import Bar, Timeline

MOST_BARS = 250
_WIDTH = 1_000
_TOP = 30
_ROW = 36
_STRIP = 18


@dataclass(frozen=True, slots=True)
class _Scale:
    """Maps instants to places on the line, from 0 to _WIDTH."""

    start: datetime
    stop: datetime

    def x(self, moment: datetime) -> float:
        return round((moment - self.start) / (self.stop - self.start) * _WIDTH, 1)


@dataclass(frozen=True, slots=True)
class TimelineMark:
    """One rectangle from `start` to `stop`, in units of the drawing. `label` stands beside it. Not neutral."""

    kind: str
    start: datetime
    stop: datetime
    x: float
    y: int
    width: float
    height: int
    title: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A timeline in units of the drawing. `ticks` are days with their names, `now` is None where it lies outside."""

    shown: Timeline
    height: int
    ticks: tuple[tuple[float, str], ...]
    now: float | None
    freezes: tuple[TimelineMark, ...]
    bars: tuple[TimelineMark, ...]
    ends: tuple[TimelineMark, ...]


def picture(shown: Timeline) -> Picture:
    """Lay out at most MOST_BARS bars, and below them a mark for each end of a certificate."""
    scale = _Scale(shown.start, shown.stop)
    bars, ending = shown.bars[:MOST_BARS], shown.ends[:MOST_BARS]
    top = _TOP + 18 * bool(shown.freezes)
    foot = top + _ROW * len(bars) + 6
    height = foot + _STRIP * bool(ending)
    return Picture(
        shown,
        height,
        tuple(_ticks(scale)),
        scale.x(shown.now) if scale.start <= shown.now <= scale.stop else None,
        tuple(_bands(shown.freezes, scale, height)),
        tuple(_rows(bars, scale, top)),
        tuple(_ends(ending, scale, foot)),
    )


def _ticks(scale: _Scale) -> Iterator[tuple[float, str]]:
    days = max(1, -(-(scale.stop - scale.start).days // 9))
    midnight = scale.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    tick = shifted(midnight, timedelta(days=1))
    while tick < scale.stop:
        yield scale.x(tick), f"{times.day(tick)[:3]} {tick:%m-%d}"
        tick = shifted(tick, timedelta(days=days))


def _bands(bands: Sequence[tuple[Freeze, datetime, datetime]], scale: _Scale, height: int) -> Iterator[TimelineMark]:
    for freeze, start, stop in bands:
        title = f"freeze {freeze.name}: {times.utc(freeze.start)} to {times.utc(freeze.stop)}"
        yield _mark("freeze", scale, (start, stop), (20, height - 20), title, freeze.name)


def _rows(bars: Sequence[Bar], scale: _Scale, top: int) -> Iterator[TimelineMark]:
    for number, bar in enumerate(bars):
        name, y = bar_name(bar), top + number * _ROW + 19
        title = f"{name}: {times.window(bar.schedule)}"
        yield _mark(f"bar {bar.kind.value}", scale, (bar.schedule.start, bar.end), (y, 11), title, name)


def _ends(ends: Sequence[tuple[datetime, Step]], scale: _Scale, top: int) -> Iterator[TimelineMark]:
    for end, step in ends:
        title = f"{name_of(step)}: the certificate ends {times.utc(end)}"
        yield _mark("expiry", scale, (end, end), (top, _STRIP - 6), title)


def _mark(
    kind: str, scale: _Scale, stretch: tuple[datetime, datetime], place: tuple[int, int], title: str, label: str = ""
) -> TimelineMark:
    start, stop = stretch
    x = scale.x(start)
    width = max(round(scale.x(stop) - x, 1), 2)
    return TimelineMark(kind, start, stop, x, place[0], width, place[1], title, label)


def bar_name(bar: Bar) -> str:
    """Name a bar by its first ticket and count the others. Not neutral."""
    more = f" and {bar.more:,} more" if bar.more else ""
    return f"{bar.name}{more}{'' if bar.schedule.stop else ', no end'}"
