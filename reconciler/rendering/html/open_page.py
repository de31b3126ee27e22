"""Two pages of the site that look ahead: every decision with its verdict, and the timeline of windows and freezes."""

from collections.abc import Set as Guids

from reconciler.model.plan import Plan
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group
from reconciler.rendering.certificates import expiries
from reconciler.rendering.html.page import Frame, page
from reconciler.rendering.html.picture import MOST_BARS, picture
from reconciler.rendering.html.plan import steps
from reconciler.rendering.summary import headline, in_group, total
from reconciler.rendering.timeline import bars


def open_page(frame: Frame, plan: Plan | None, told: Guids[Guid]) -> str:
    """Return the first page: every decision, those that act or need somebody first."""
    if plan is None or not (plan.steps or plan.sealed):
        return page("open.html", frame, "Open", current="index.html", plan=None)
    return page(
        "open.html",
        frame,
        "Open",
        current="index.html",
        styles=("table.css",),
        scripts=("table.js",),
        plan=plan,
        headline=headline(plan)[:1].upper() + headline(plan)[1:],
        attention=total(in_group(plan, Group.ATTENTION)),
        fine=total(in_group(plan, Group.FINE)),
        table=steps(plan, told),
    )


def timeline_page(frame: Frame, plan: Plan | None) -> str:
    """Return the timeline: a picture, and the same as a table."""
    found = bars(plan.steps) if plan else []
    if plan is None or not found:
        return page("timeline.html", frame, "Timeline", current="timeline.html", bars=())
    ends = expiries(plan)
    return page(
        "timeline.html",
        frame,
        "Timeline",
        current="timeline.html",
        styles=("picture.css", "table.css"),
        scripts=("timeline.js",),
        plan=plan,
        bars=found,
        decisions=sum(len(bar.steps) for bar in found),
        picture=picture(found, plan.freezes, plan.made_at, ends),
        ends=bool(ends),
        most_bars=MOST_BARS,
        freezes=sorted(plan.freezes, key=lambda freeze: (freeze.start, freeze.name)),
    )
