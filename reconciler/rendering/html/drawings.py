"""The layout of drawings: the timeline, which a script zooms, and plots over weeks. All read without scripts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

from reconciler.model.plan import Step
from reconciler.model.policy import Freeze
from reconciler.model.status import shifted
from reconciler.model.verdict import Verdict
from reconciler.rendering import times
from reconciler.rendering.history import Week, quantile
from reconciler.rendering.html.table import TONES
from reconciler.rendering.summary import name_of
from reconciler.rendering.timeline import Bar, Timeline

MOST_BARS = 250
_WIDTH = 1_000
_TOP = 30
_ROW = 36
_STRIP = 18
ENOUGH = 3
"""Weeks with a value that a plot needs: fewer make no line that says anything."""
_PLOT_WIDTH, _LEFT, _PLOT_TOP, _BASE = 480, 40, 8, 148
_FEWEST = 8
"""Weeks that a plot has room for at least, so that few of them make no wide bars."""


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


@dataclass(frozen=True, slots=True)
class Rectangle:
    """One bar, in units of the drawing."""

    tone: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One point of a line."""

    tone: str
    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot: `top` is what the upper end of its axis stands for, `key` has the tone and name of each colour."""

    title: str
    caption: str
    first: date
    last: date
    top: str
    bars: tuple[Rectangle, ...] = ()
    dots: tuple[Dot, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    key: tuple[tuple[str, str], ...] = ()


def plots(weeks: Sequence[Week]) -> tuple[Plot, ...]:
    """Return the plots of the ledger that have enough data."""
    drawn = (
        _decided(weeks) if _enough(sum(week.decided.values()) for week in weeks) else None,
        _waited(weeks) if _enough(len(week.waited) for week in weeks) else None,
        _missed(weeks) if _enough(week.missed for week in weeks) else None,
        _stale(weeks) if _enough(week.stale for week in weeks) else None,
    )
    return tuple(plot for plot in drawn if plot is not None)


def _enough(counts: Iterable[int]) -> bool:
    return sum(map(bool, counts)) >= ENOUGH


def _decided(weeks: Sequence[Week]) -> Plot:
    verdicts = [verdict for verdict in Verdict if any(week.decided[verdict] for week in weeks)]
    stacks = [[week.decided[verdict] for verdict in verdicts] for week in weeks]
    tones = {verdict: f"s-{TONES.get(verdict, 'calm')}" for verdict in verdicts}
    top = max(1, *map(sum, stacks))
    bars = tuple(
        _bar(number, len(weeks), (below, below + count), top, tones[verdict], f"{_week(week)}: {count:,} {verdict}")
        for number, (week, counts) in enumerate(zip(weeks, stacks, strict=True))
        for verdict, count, below in zip(verdicts, counts, accumulate(counts, initial=0), strict=False)
        if count
    )
    key = tuple((tone, verdict.value) for verdict, tone in tones.items())
    return _plot("Decisions by week", f"{sum(map(sum, stacks)):,} took effect", weeks, top, bars=bars, key=key)


def _waited(weeks: Sequence[Week]) -> Plot:
    every = [hours for week in weeks for hours in week.waited]
    half = [(number, quantile(week.waited, 0.5)) for number, week in enumerate(weeks) if week.waited]
    most = [(number, quantile(week.waited, 0.9)) for number, week in enumerate(weeks) if week.waited]
    top = max(1.0, *(value for _, value in most))
    dots = tuple(
        Dot(tone, _x(number, len(weeks)), _y(value, top), f"{_week(weeks[number])}: {name} {_hours(value)}")
        for points, name, tone in ((half, "median", "s-time"), (most, "90 % within", "s-care"))
        for number, value in points
    )
    lines = tuple(
        (tone, " ".join(f"{_x(number, len(weeks))},{_y(value, top)}" for number, value in points))
        for points, tone in ((half, "l-time"), (most, "l-care"))
    )
    caption = f"from a ticket's creation to our decision; overall median {_hours(quantile(every, 0.5))}"
    key = (("l-time", "median"), ("l-care", "90th percentile"))
    return _plot("Waiting time in hours", caption, weeks, top, dots=dots, lines=lines, key=key)


def _missed(weeks: Sequence[Week]) -> Plot:
    return _single(
        "Missed windows", "scheduled again after their window had passed", weeks, [w.missed for w in weeks], "s-care"
    )


def _stale(weeks: Sequence[Week]) -> Plot:
    return _single("Conflicts", "tickets that moved between plan and apply", weeks, [w.stale for w in weeks], "s-bad")


def _single(title: str, caption: str, weeks: Sequence[Week], counts: Sequence[int], tone: str) -> Plot:
    top = max(1, *counts)
    bars = tuple(
        _bar(number, len(weeks), (0, count), top, tone, f"{_week(week)}: {count:,}")
        for number, (week, count) in enumerate(zip(weeks, counts, strict=True))
        if count
    )
    return _plot(title, f"{caption}: {sum(counts):,}", weeks, top, bars=bars)


def _plot(  # noqa: PLR0913 - the parts of a plot
    title: str,
    caption: str,
    weeks: Sequence[Week],
    top: float,
    *,
    bars: tuple[Rectangle, ...] = (),
    dots: tuple[Dot, ...] = (),
    lines: tuple[tuple[str, str], ...] = (),
    key: tuple[tuple[str, str], ...] = (),
) -> Plot:
    first, last = weeks[0].start.date(), weeks[-1].start.date()
    return Plot(title, caption, first, last, f"{top:,.0f}", bars, dots, lines, key)


def _bar(number: int, of: int, values: tuple[float, float], top: float, tone: str, title: str) -> Rectangle:
    slot = (_PLOT_WIDTH - _LEFT) / max(of, _FEWEST)
    low, high = (_exact_y(value, top) for value in values)
    left, height = _LEFT + number * slot + slot * 0.12, max(low - high, 1.0)
    return Rectangle(tone, round(left, 1), round(high, 1), round(slot * 0.76, 1), round(height, 1), title)


def _x(number: int, of: int) -> float:
    return round(_LEFT + (number + 0.5) * (_PLOT_WIDTH - _LEFT) / max(of, _FEWEST), 1)


def _y(value: float, top: float) -> float:
    return round(_exact_y(value, top), 1)


def _exact_y(value: float, top: float) -> float:
    return _BASE - (_BASE - _PLOT_TOP) * value / top


def _week(week: Week) -> str:
    return f"week of {week.start:%Y-%m-%d}"


def _hours(hours: float) -> str:
    return f"{hours:,.1f} h" if hours < 48 else f"{hours / 24:,.1f} d"
