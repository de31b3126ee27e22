"""Plots over weeks as plain SVG: stacked bars, lines, single bars. Each has its numbers in its titles."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from reconciler.model.verdict import Verdict
from reconciler.rendering.escape import html
from reconciler.rendering.history import Week, quantile
from reconciler.rendering.html.plan_rows import TONES

_WIDTH, _HEIGHT = 480, 170
_LEFT, _BOTTOM, _TOP = 40, 22, 8
_PLOT = _WIDTH - _LEFT


ENOUGH = 3
"""Weeks with a value that a plot needs: fewer make no line that says anything."""


def plots(weeks: Sequence[Week]) -> str:
    """Return the plots of the ledger that have enough data; "" when none has."""
    drawn = (
        _decided(weeks) if _enough(sum(week.decided.values()) for week in weeks) else "",
        _waited(weeks) if _enough(len(week.waited) for week in weeks) else "",
        _missed(weeks) if _enough(week.missed for week in weeks) else "",
        _stale(weeks) if _enough(week.stale for week in weeks) else "",
    )
    return f'<div class="plots">{"".join(drawn)}</div>\n' if any(drawn) else ""


def _enough(counts: Iterable[int]) -> bool:
    return sum(map(bool, counts)) >= ENOUGH


def _decided(weeks: Sequence[Week]) -> str:
    verdicts = [verdict for verdict in Verdict if any(week.decided[verdict] for week in weeks)]
    stacks = [[week.decided[verdict] for verdict in verdicts] for week in weeks]
    bars = "".join(
        _bar(number, len(weeks), (below, below + count), _most(map(sum, stacks)), f"s-{TONES.get(verdict, 'calm')}",
             f"{_week(week)}: {count:,} {verdict.value}")
        for number, (week, counts) in enumerate(zip(weeks, stacks, strict=True))
        for verdict, count, below in zip(verdicts, counts, accumulate(counts, initial=0), strict=False)
        if count
    )  # fmt: skip
    key = "".join(_key(f'<rect class="s-{TONES.get(v, "calm")}" width="14" height="10"/>', v.value) for v in verdicts)
    total = sum(map(sum, stacks))
    return _figure("Decisions by week", f"{total:,} took effect", weeks, bars, _most(map(sum, stacks)), key)


def _waited(weeks: Sequence[Week]) -> str:
    every = [hours for week in weeks for hours in week.waited]
    half = [(number, quantile(week.waited, 0.5)) for number, week in enumerate(weeks) if week.waited]
    most = [(number, quantile(week.waited, 0.9)) for number, week in enumerate(weeks) if week.waited]
    top = max(1.0, *(value for _, value in most))
    body = _line(half, len(weeks), top, "l-time") + _line(most, len(weeks), top, "l-care")
    body += "".join(
        _dot(number, len(weeks), value, top, f"{_week(weeks[number])}: {name} {_hours(value)}", tone)
        for points, name, tone in ((half, "median", "s-time"), (most, "90 % within", "s-care"))
        for number, value in points
    )
    key = _key('<line class="l-time" x1="0" x2="14" y1="5" y2="5"/>', "median") + _key(
        '<line class="l-care" x1="0" x2="14" y1="5" y2="5"/>', "90th percentile"
    )
    caption = f"from a ticket's creation to our decision; overall median {_hours(quantile(every, 0.5))}"
    return _figure("Waiting time in hours", caption, weeks, body, top, key)


def _missed(weeks: Sequence[Week]) -> str:
    return _single(
        "Missed windows", "scheduled again after their window had passed", weeks, [w.missed for w in weeks], "care"
    )


def _stale(weeks: Sequence[Week]) -> str:
    return _single("Conflicts", "tickets that moved between plan and apply", weeks, [w.stale for w in weeks], "bad")


def _single(title: str, caption: str, weeks: Sequence[Week], counts: Sequence[int], tone: str) -> str:
    top = _most(counts)
    bars = "".join(
        _bar(number, len(weeks), (0, count), top, f"s-{tone}", f"{_week(week)}: {count:,}")
        for number, (week, count) in enumerate(zip(weeks, counts, strict=True))
        if count
    )
    return _figure(title, f"{caption}: {sum(counts):,}", weeks, bars, top, "")


def _figure(title: str, caption: str, weeks: Sequence[Week], body: str, top: float, key: str) -> str:
    shown = f'<ul class="key">{key}</ul>' if key else ""
    base = _HEIGHT - _BOTTOM
    return (
        f'<figure class="plot"><figcaption>{html(title)}<span>{html(caption)}</span></figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html(title)}: {html(caption)}">'
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{base}" y2="{base}"/>'
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{_TOP}" y2="{_TOP}"/>'
        f'<text x="{_LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{top:,.0f}</text>'
        f'<text x="{_LEFT - 6}" y="{base}" text-anchor="end">0</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">{weeks[0].start:%Y-%m-%d}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 6}" text-anchor="end">{weeks[-1].start:%Y-%m-%d}</text>'
        f"{body}</svg>{shown}</figure>\n"
    )


def _bar(number: int, of: int, values: tuple[float, float], top: float, tone: str, caption: str) -> str:
    slot = _PLOT / max(of, 8)
    low, high = (_y(value, top) for value in values)
    return (
        f'<rect class="{tone}" x="{_LEFT + number * slot + slot * 0.12:.1f}" y="{high:.1f}" width="{slot * 0.76:.1f}" '
        f'height="{max(low - high, 1):.1f}"><title>{html(caption)}</title></rect>'
    )


def _line(points: Sequence[tuple[int, float]], of: int, top: float, tone: str) -> str:
    placed = " ".join(f"{_x(number, of):.1f},{_y(value, top):.1f}" for number, value in points)
    return f'<polyline class="{tone}" points="{placed}"/>'


def _dot(number: int, of: int, value: float, top: float, caption: str, tone: str) -> str:
    x, y = _x(number, of), _y(value, top)
    return f'<circle class="{tone}" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{html(caption)}</title></circle>'


def _x(number: int, of: int) -> float:
    return _LEFT + (number + 0.5) * _PLOT / max(of, 8)


def _y(value: float, top: float) -> float:
    base = _HEIGHT - _BOTTOM
    return base - (base - _TOP) * value / top


def _most(counts: "map[int] | Sequence[int]") -> int:
    return max(1, *counts)


def _week(week: Week) -> str:
    return f"week of {week.start:%Y-%m-%d}"


def _hours(hours: float) -> str:
    return f"{hours:,.1f} h" if hours < 48 else f"{hours / 24:,.1f} d"


def _key(sign: str, name: str) -> str:
    return f'<li><svg viewBox="0 0 14 10" aria-hidden="true">{sign}</svg>{html(name)}</li>'
