"""Windows and freezes drawn with characters: one row for each different window, days across, now as a line."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler.model.plan import Plan
from reconciler.model.status import shifted
from reconciler.rendering import times
from reconciler.rendering.escape import log_lines, terminal
from reconciler.rendering.text.layout import PLAIN, Ink, View, columns, fit, joined, padded, painted
from reconciler.rendering.timeline import Bar, BarKind, Timeline, timeline
from reconciler.rendering.words import counted

_STEPS = tuple(
    timedelta(minutes=minutes)
    for minutes in (15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 4_320, 10_080, 20_160, 40_320, 161_280, 645_120)
)
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 5, tzinfo=UTC)
_GLYPHS = {BarKind.CHANGE: "█", BarKind.SET: "▓", BarKind.BLOCKED: "▒", BarKind.RECORD: "─"}
_INKS = {BarKind.CHANGE: Ink.TIME, BarKind.SET: Ink.GOOD, BarKind.BLOCKED: Ink.BAD, BarKind.RECORD: Ink.DIM}
_FREEZE = "░"
_NOW = "┊"


@dataclass(frozen=True, slots=True)
class _Scale:
    """Maps instants to chart columns: `start` is the left edge, `step` one column, `width` their number."""

    start: datetime
    step: timedelta
    width: int

    def column(self, moment: datetime) -> int:
        return int((moment - self.start) // self.step)


def timeline_text(plan: Plan, view: View = PLAIN) -> str:
    """Return the timeline of a plan's windows and of the freezes that touch them, in UTC."""
    shown = timeline(plan)
    if shown is None:
        return "Timeline: the plan has no windows.\n"
    label = min(max(view.width // 3, 16), 36)
    scale = _scale(shown, max(view.width - label - 1, 20))
    lines = [f"Timeline in UTC, one column is {times.span(scale.step)}"]
    lines.extend(" " * (label + 1) + line for line in _axis(scale))
    lines.extend(_row(bar, scale, label, shown.now, view) for bar in shown.bars)
    for freeze, _, _ in shown.freezes:  # a chart has whole columns, and may go on behind the stretch
        chart = _chart(scale, freeze.start, freeze.stop, _FREEZE, shown.now, open_end=False)
        lines.append(_labelled(f"freeze {terminal(freeze.name, 80)}", chart, label, Ink.DIM, view))
    record = "  ─ change record" if shown.windows < len(shown.bars) else ""
    lines.append(f"{_NOW} now  █ to be set  ▓ set already  ▒ needs attention  ░ freeze{record}  > no end")
    lines.append(f"{counted(shown.windows, 'window')}; from {times.both(scale.start, view.zone)}")
    return log_lines(joined(line.rstrip() for line in lines))


def _scale(shown: Timeline, width: int) -> _Scale:
    """Fit the stretch into whole columns of a round length."""
    length = shown.stop - shown.start
    fitting = (step for step in _STEPS if length / step <= width - 1)
    step = next(fitting, length / (width - 1))
    whole = (shown.start - _EPOCH) // step
    return _Scale(_EPOCH + whole * step, step, width)


def _axis(scale: _Scale) -> Iterator[str]:
    """Two lines: dates where a day begins, and a mark under each."""
    days = [" "] * scale.width
    marks = ["─"] * scale.width
    free = 0
    stop = shifted(scale.start, scale.width * scale.step)
    moment = scale.start.replace(hour=0, minute=0, second=0, microsecond=0)
    while moment < stop:
        column = scale.column(moment)
        if moment >= scale.start and column < scale.width:
            text = times.day(moment)[:3] + moment.strftime(" %d %b")
            if column >= free and column + len(text) <= scale.width:
                days[column : column + len(text)] = text
                free = column + len(text) + 1
                marks[column] = "┬"
            elif scale.step < _DAY:
                marks[column] = "┬"
        moment = shifted(moment, max(_DAY, scale.step))
    yield "".join(days)
    yield "".join(marks)


def _row(bar: Bar, scale: _Scale, label: int, now: datetime, view: View) -> str:
    more = f" +{bar.more:,}" if bar.more else ""
    name = fit(terminal(bar.name), label - len(more) - 1) + more
    chart = _chart(scale, bar.schedule.start, bar.end, _GLYPHS[bar.kind], now, open_end=bar.schedule.stop is None)
    return _labelled(name, chart, label, _INKS[bar.kind], view)


def _chart(scale: _Scale, start: datetime, stop: datetime, glyph: str, now: datetime, *, open_end: bool) -> str:
    """Draw one bar, at least one column wide; the column of its last instant is part of it."""
    cells = [" "] * scale.width
    if 0 <= scale.column(now) < scale.width:
        cells[scale.column(now)] = _NOW
    first = max(scale.column(start), 0)
    last = min(max(scale.column(stop - timedelta(microseconds=1)), first), scale.width - 1)
    for column in range(first, last + 1):
        cells[column] = glyph
    if open_end:
        cells[last] = ">"
    return "".join(cells)


def _labelled(name: str, chart: str, label: int, ink: Ink, view: View) -> str:
    name = fit(name, label)
    return (
        padded(name, label) + " " * (1 + label - max(columns(name), label)) + painted(chart.rstrip(), ink, view.colour)
    )
