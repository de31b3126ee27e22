"""One plan as a page of its own: what it would do, what a reviewer must look at, before → after for each ticket."""

from collections.abc import Mapping
from collections.abc import Set as Guids

from reconciler.model.plan import Plan
from reconciler.model.ticket import Guid
from reconciler.rendering.certificates import soon_words
from reconciler.rendering.groups import urgent_names
from reconciler.rendering.html.page import Frame, page
from reconciler.rendering.html.plan_rows import plan_table
from reconciler.rendering.html.table import long_table
from reconciler.rendering.summary import beside, headline, totals, what_next


def plan_page(plan: Plan, frame: Frame | None = None, told: Guids[Guid] = frozenset()) -> str:
    """Return the page of one plan: alone in the world, or within a site when a frame is given."""
    return page(
        "plan.html",
        frame or alone(plan),
        f"Plan: {headline(plan)}",
        current="plan.html",
        styles=("table.css",),
        scripts=("table.js",),
        plan=plan,
        headline=headline(plan),
        totals=totals(plan),
        what_next=what_next(plan),
        soon=soon_words(plan.changes),
        urgent="; ".join(urgent_names(plan)),
        beside=beside(plan),
        table=steps(plan, told),
    )


def alone(plan: Plan) -> Frame:
    """The frame of a page that belongs to no site."""
    return Frame("Approvals", plan.made_at, subtitle=plan.environment or plan.target, tool=plan.tool, alone=True)


def steps(plan: Plan, told: Guids[Guid]) -> Mapping[str, object] | None:
    """Return the table of all decisions that have a step; None when there are none."""
    which = "Every decision outside of sealed manifests" if plan.sealed else "Every decision"
    return long_table(plan_table(plan.steps, f"{which}, irreversible changes first", told)) if plan.steps else None
