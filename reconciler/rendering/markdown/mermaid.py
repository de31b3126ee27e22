"""Windows and freezes as a Mermaid gantt, in UTC.

Facts of Mermaid 11: a colon in a label shifts the fields, a line end kills the diagram, an offset or `Z` behind a time
makes the bar zero long, the today marker takes UTC dates for local ones, and over 50,000 characters nothing is drawn.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from reconciler.model.policy import Freeze
from reconciler.rendering.escape import mermaid as label
from reconciler.rendering.timeline import Bar, BarKind, Timeline

LONGEST = 50_000
"""Characters of one diagram."""
_MOST_BARS = 60
_TAGS = {BarKind.CHANGE: "active, ", BarKind.SET: "", BarKind.BLOCKED: "crit, ", BarKind.RECORD: "done, "}
_WORDS = {BarKind.SET: " - set already", BarKind.BLOCKED: " - blocked"}
_HEAD = """gantt
    title Windows in UTC
    dateFormat YYYY-MM-DDTHH:mm
    axisFormat %d %b %H:%M
    todayMarker off
"""


def gantt(shown: Timeline | None, longest: int = LONGEST) -> tuple[str, int]:
    """Return the diagram and how many bars did not fit into it; an empty text when there is nothing to draw."""
    if shown is None:
        return "", 0
    frozen = _freezes(shown.freezes[:_MOST_BARS])
    text = _HEAD + "    section Windows\n"
    room = min(longest, LONGEST) - len(text) - len(frozen)
    drawn = 0
    for bar in shown.bars[:_MOST_BARS]:
        line = _bar(bar, drawn + 1)
        room -= len(line)
        if room < 0:
            break
        text += line
        drawn += 1
    return (text + frozen if drawn else ""), len(shown.bars) - drawn


def _bar(bar: Bar, number: int) -> str:
    more = f" and {len(bar.steps) - 1} more" if len(bar.steps) > 1 else ""
    end = "" if bar.schedule.stop else " - no end"
    name = f"{label(bar.name)}{more}{end}{_WORDS.get(bar.kind, '')}"
    return f"    {name} :{_TAGS[bar.kind]}t{number}, {_moment(bar.schedule.start)}, {_moment(bar.end)}\n"


def _freezes(parts: Sequence[tuple[Freeze, datetime, datetime]]) -> str:
    if not parts:
        return ""
    lines = [
        f"    {label(freeze.name)} :done, f{number}, {_moment(start)}, {_moment(stop)}\n"
        for number, (freeze, start, stop) in enumerate(parts, 1)
    ]
    return "    section Freezes\n" + "".join(lines)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}"
