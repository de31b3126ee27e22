"""The timeline as SVG: a bar for each window, bands for freezes, a line for now. Its script zooms; it reads without."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler.model.plan import Step
from reconciler.model.policy import Freeze
from reconciler.model.status import shifted
from reconciler.rendering import times
from reconciler.rendering.escape import html
from reconciler.rendering.summary import name_of
from reconciler.rendering.timeline import Bar, Timeline

MOST_BARS = 250
_HELP = "Timeline. Plus and minus zoom, arrows move, 0 fits all."
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


def picture(shown: Timeline) -> str:
    """Return the SVG of at most MOST_BARS bars, and below them a mark for each end of a certificate."""
    scale = _Scale(shown.start, shown.stop)
    bars, ending = shown.bars[:MOST_BARS], shown.ends[:MOST_BARS]
    top = _TOP + 18 * bool(shown.freezes)
    foot = top + _ROW * len(bars) + 6
    height = foot + _STRIP * bool(ending)
    body = "".join((*_bands(shown.freezes, scale, height), *_rows(bars, scale, top), *_ends(ending, scale, foot)))
    return (
        f'<div class="picture" tabindex="0" role="group" aria-label="{_HELP}">'
        f'<svg id="timeline" role="img" aria-label="{len(bars)} windows as bars; the table below says the same" '
        f'viewBox="0 0 {_WIDTH} {height}" data-start="{_seconds(shown.start)}" data-stop="{_seconds(shown.stop)}" '
        f'data-height="{height}" data-now="{_seconds(shown.now)}">\n'
        f'<g class="axis">{"".join(_axis(scale, height, shown.now))}</g>\n{body}</svg></div>\n'
    )


def _axis(scale: _Scale, height: int, now: datetime) -> Iterator[str]:
    days = max(1, -(-(scale.stop - scale.start).days // 9))
    midnight = scale.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    tick = shifted(midnight, timedelta(days=1))
    while tick < scale.stop:
        x = scale.x(tick)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="20" y2="{height}"/>'
        yield f'<text x="{x + 3}" y="14">{times.day(tick)[:3]} {tick:%m-%d}</text>'
        tick = shifted(tick, timedelta(days=days))
    if scale.start <= now <= scale.stop:
        x = scale.x(now)
        yield f'<line class="now" x1="{x}" x2="{x}" y1="4" y2="{height}"/>'


def _bands(bands: Sequence[tuple[Freeze, datetime, datetime]], scale: _Scale, height: int) -> Iterator[str]:
    for freeze, start, stop in bands:
        label = f"freeze {freeze.name}: {times.utc(freeze.start)} to {times.utc(freeze.stop)}"
        yield _rect("freeze", scale, start, stop, (20, height - 20), label)
        x = scale.x(start) + 4
        yield f'<text data-at="{_seconds(start)}" x="{x}" y="{_TOP + 6}">{html(freeze.name, 60)}</text>\n'


def _rows(bars: Sequence[Bar], scale: _Scale, top: int) -> Iterator[str]:
    for number, bar in enumerate(bars):
        y = top + number * _ROW
        yield f'<text class="label" x="8" y="{y + 14}">{html(bar_name(bar), 100)}</text>'
        label = f"{bar_name(bar)}: {times.window(bar.schedule)}"
        yield _rect(f"bar {bar.kind.value}", scale, bar.schedule.start, bar.end, (y + 19, 11), label)


def _ends(ends: Sequence[tuple[datetime, Step]], scale: _Scale, top: int) -> Iterator[str]:
    for end, step in ends:
        label = f"{name_of(step)}: the certificate ends {times.utc(end)}"
        yield _rect("expiry", scale, end, end, (top, _STRIP - 6), label)


def bar_name(bar: Bar) -> str:
    """Name a bar by its first ticket and count the others. Not neutral."""
    more = f" and {bar.more:,} more" if bar.more else ""
    return f"{bar.name}{more}{'' if bar.schedule.stop else ', no end'}"


def _rect(name: str, scale: _Scale, start: datetime, stop: datetime, place: tuple[int, int], label: str) -> str:
    x = scale.x(start)
    width = max(round(scale.x(stop) - x, 1), 2)
    return (
        f'<rect class="{name}" data-start="{_seconds(start)}" data-stop="{_seconds(stop)}" x="{x}" y="{place[0]}" '
        f'width="{width}" height="{place[1]}"><title>{html(label, 300)}</title></rect>\n'
    )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
