"""The report site: paths and the text of their files. One model, several pages, all self-contained."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.plan import Control, Plan
from reconciler.model.record import Line
from reconciler.model.value import replace
from reconciler.rendering.history import by_time, since, stories
from reconciler.rendering.html.controls import Checked, controls_page
from reconciler.rendering.html.ledger import Earlier, earlier_page, ledger_page, ticket_page
from reconciler.rendering.html.open_page import open_page, timeline_page
from reconciler.rendering.html.page import Frame, page
from reconciler.rendering.html.plan import plan_page


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report shows.

    `chain` is what a check of the ledger found (None: it was not checked). `heartbeat` is when a reconcile last
    succeeded. `controls` are shown besides the plan's. `left_out` receipts are not among `lines`.
    """

    frame: Frame
    plan: Plan | None = None
    lines: Sequence[Line] = ()
    controls: tuple[Control, ...] = ()
    chain: Checked | None = None
    heartbeat: datetime | None = None
    left_out: int = 0


def site(report: Report) -> Mapping[str, str]:
    """Return the files of the site, path to text, in a fixed order."""
    return dict(pages(report))


def pages(report: Report, earlier: Iterable[Sequence[Line]] = ()) -> Iterator[tuple[str, str]]:
    """Yield the files of the site one by one, path and text. `earlier` are lines that have a table alone, by pages."""
    lines = by_time(report.lines)
    histories = stories(lines)
    plan, frame = report.plan, report.frame
    later = since(plan, lines) if plan else {}
    yield "index.html", open_page(frame, plan, later, report.heartbeat)
    yield "timeline.html", timeline_page(frame, plan, later)
    before: list[Earlier] = []
    for number, some in enumerate(earlier, start=1):
        ordered = by_time(some)
        before.append(Earlier(f"ledger-{number}.html", ordered[0].entry.at, ordered[-1].entry.at))
        yield before[-1].name, earlier_page(frame, ordered)
    yield "ledger.html", ledger_page(frame, lines, histories, left_out=report.left_out, earlier=before[::-1])
    yield (
        "controls.html",
        controls_page(frame, plan, lines, controls=report.controls, chain=report.chain, heartbeat=report.heartbeat),
    )
    yield (
        "plan.html",
        plan_page(plan, frame, later) if plan else page("no_plan.html", frame, "Plan", current="plan.html"),
    )
    below = replace(frame, home="../")
    steps = {step.guid: step for step in plan.steps} if plan else {}
    for guid in dict.fromkeys((*histories, *steps)):  # each ticket that the plan or these lines know
        yield f"tickets/{guid}.html", ticket_page(below, guid, histories.get(guid, ()), steps.get(guid), plan)
