"""The report site: paths and the text of their files. One model, several pages, all self-contained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.plan import Control, Plan
from reconciler.model.record import Line
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.rendering.history import by_time, since, stories
from reconciler.rendering.html.controls import Checked, controls_page
from reconciler.rendering.html.ledger import ledger_page, ticket_page
from reconciler.rendering.html.open_page import open_page, timeline_page
from reconciler.rendering.html.page import Frame, page
from reconciler.rendering.html.plan import plan_page


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report shows.

    `chain` is what a check of the ledger found (None: it was not checked). `heartbeat` is when a reconcile last
    succeeded. `controls` are shown besides the plan's.
    """

    frame: Frame
    plan: Plan | None = None
    lines: Sequence[Line] = ()
    controls: tuple[Control, ...] = ()
    chain: Checked | None = None
    heartbeat: datetime | None = None


def site(report: Report) -> Mapping[str, str]:
    """Return the files of the site, path to text, in a fixed order."""
    lines = by_time(report.lines)
    told = stories(lines)
    plan, frame = report.plan, report.frame
    later = since(plan, lines) if plan else {}
    no_plan = page("no_plan.html", frame, "Plan", current="plan.html")
    files = {
        "index.html": open_page(frame, plan, later, report.heartbeat),
        "timeline.html": timeline_page(frame, plan, later),
        "ledger.html": ledger_page(frame, lines, told),
        "controls.html": controls_page(
            frame,
            plan,
            lines,
            controls=report.controls,
            chain=report.chain,
            heartbeat=report.heartbeat,
        ),
        "plan.html": plan_page(plan, frame, later) if plan else no_plan,
    }
    return files | _tickets(frame, plan, told)


def _tickets(frame: Frame, plan: Plan | None, told: Mapping[Guid, Sequence[Line]]) -> dict[str, str]:
    """A page for each ticket that the plan or the ledger knows."""
    below = replace(frame, home="../")
    steps = {step.guid: step for step in plan.steps} if plan else {}
    return {
        f"tickets/{guid}.html": ticket_page(below, guid, told.get(guid, ()), steps.get(guid), plan)
        for guid in dict.fromkeys((*told, *steps))
    }
