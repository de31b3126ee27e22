"""One plan as a page of its own: what it would do, what a reviewer must look at, before → after for each ticket."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from reconciler.model.plan import Plan, Step
from reconciler.model.record import Line
from reconciler.model.ticket import Guid
from reconciler.rendering.certificates import soon_words
from reconciler.rendering.groups import in_order, urgent, urgent_names
from reconciler.rendering.html.page import Frame, page
from reconciler.rendering.html.plan_rows import plan_table
from reconciler.rendering.html.table import long_table
from reconciler.rendering.summary import beside, headline, totals, what_next
from reconciler.rendering.words import counted

Later = Mapping[Guid, Line]
"""What the ledger says of tickets since the plan was made."""
_NOTHING: Later = MappingProxyType({})


def plan_page(plan: Plan, frame: Frame | None = None, later: Later = _NOTHING) -> str:
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
        later=later_words(plan, later),
        table=steps(plan, in_order(plan), "irreversible changes first", later, in_site=frame is not None),
    )


def alone(plan: Plan) -> Frame:
    """The frame of a page that belongs to no site."""
    return Frame("Approvals", plan.made_at, subtitle=plan.environment or plan.target, tool=plan.tool, alone=True)


def steps(
    plan: Plan, listed: Sequence[tuple[str, Step]], order: str, later: Later, *, in_site: bool = True
) -> Mapping[str, object] | None:
    """Return the table of all decisions that have a step, in their order; None when there are none.

    Each step comes with the name of its group; without names nothing is grouped at first.
    """
    which = "Every decision outside of sealed manifests" if plan.sealed else "Every decision"
    if not listed:
        return None
    return long_table(plan_table(listed, f"{which}, {order}", plan.made_at, later, urgent(plan), in_site=in_site))


def later_words(plan: Plan, later: Later) -> str:
    """Return that the ledger has gone on since the plan was made; "" when it has not."""
    if not later:
        return ""
    touched = sum(step.guid in later for step in plan.steps)
    tickets = f"{counted(len(later), 'ticket')}, {touched:,} of them in this plan"
    return f"The ledger is newer than this plan: it has entries about {tickets}. Make a new plan."
