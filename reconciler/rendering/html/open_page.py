"""Two pages of the site that look ahead: every decision with its verdict, and the timeline of windows and freezes."""

from collections.abc import Mapping
from datetime import datetime

from reconciler.model.plan import Plan
from reconciler.model.record import Line
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group
from reconciler.rendering.html.page import Frame, page
from reconciler.rendering.html.picture import MOST_BARS, picture
from reconciler.rendering.html.plan import later_words, steps
from reconciler.rendering.html.plan_rows import STATES
from reconciler.rendering.summary import by_risk, headline, in_group, total, verb
from reconciler.rendering.timeline import timeline


def open_page(frame: Frame, plan: Plan | None, later: Mapping[Guid, Line], heartbeat: datetime | None) -> str:
    """Return the first page: every decision, those that need attention first."""
    if plan is None or not (plan.steps or plan.sealed):
        return page("open.html", frame, "Open", current="index.html", plan=None, heartbeat=heartbeat)
    listed = sorted(by_risk(plan.steps), key=lambda step: step.group is not Group.ATTENTION)
    return page(
        "open.html",
        frame,
        "Open",
        current="index.html",
        styles=("table.css",),
        scripts=("table.js",),
        plan=plan,
        headline=headline(plan)[:1].upper() + headline(plan)[1:],
        tiles=_tiles(plan),
        later=later_words(plan, later),
        heartbeat=heartbeat,
        table=steps(plan, [("", step) for step in listed], "those that need attention first", later),
    )


def _tiles(plan: Plan) -> list[tuple[str, str, int, str]]:
    """What rows are chosen by, words, number and tone of each group of decisions."""
    tones = {Group.ATTENTION: "care", Group.CHANGE: "time", Group.FINE: ""}
    counts = {group: total(in_group(plan, group)) for group in STATES}
    words = STATES | {Group.ATTENTION: verb(counts[Group.ATTENTION], "needs attention", "need attention")}
    return [(STATES[group], words[group], counts[group], tones[group]) for group in STATES]


def timeline_page(frame: Frame, plan: Plan | None, later: Mapping[Guid, Line]) -> str:
    """Return the timeline: a picture, and the same as a table."""
    shown = timeline(plan) if plan else None
    if plan is None or shown is None:
        return page("timeline.html", frame, "Timeline", current="timeline.html", shown=None)
    return page(
        "timeline.html",
        frame,
        "Timeline",
        current="timeline.html",
        styles=("picture.css", "table.css"),
        scripts=("timeline.js",),
        plan=plan,
        later=later_words(plan, later),
        shown=shown,
        decisions=sum(len(bar.steps) for bar in shown.bars),
        picture=picture(shown),
        most_bars=MOST_BARS,
        freezes=sorted(plan.freezes, key=lambda freeze: (freeze.start, freeze.name)),
    )
