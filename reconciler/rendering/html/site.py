"""The report site: its pages on what is open, on windows and freezes, and on controls; paths and text of all files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.plan import Control, Plan
from reconciler.model.receipt import TOOK_EFFECT, Outcome, Receipt
from reconciler.model.record import Head, Intent, Line
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Group
from reconciler.rendering.history import by_time, since, stories
from reconciler.rendering.html.drawings import MOST_BARS, picture
from reconciler.rendering.html.ledger import Earlier, earlier_page, ledger_page, ticket_page
from reconciler.rendering.html.page import Frame, page
from reconciler.rendering.html.plan import STATES, later_words, plan_page, steps
from reconciler.rendering.summary import by_risk, headline, in_group, total, verb
from reconciler.rendering.timeline import timeline

_MOST_PEOPLE = 200


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of the ledger's hash chain found.

    `head` is the hash over the heads of all files, `faults` one sentence for each place where it is broken.
    `unanswered` are the updates in all of it that have no receipt, None when they were not counted.
    """

    files: int
    lines: int
    head: str
    heads: tuple[Head, ...] = ()
    faults: tuple[str, ...] = ()
    unanswered: int | None = None


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


def controls_page(
    frame: Frame,
    plan: Plan | None,
    lines: Sequence[Line],
    *,
    controls: tuple[Control, ...],
    chain: Checked | None,
    heartbeat: datetime | None,
) -> str:
    """Return the page for those who check."""
    decisions = [line for line in lines if isinstance(line.entry, Receipt) and line.entry.outcome in TOOK_EFFECT]
    return page(
        "controls.html",
        frame,
        "Controls",
        current="controls.html",
        chain=chain,
        heads=sorted(chain.heads, key=lambda head: head.path, reverse=True) if chain else (),
        heartbeat=heartbeat,
        unanswered=_unanswered(lines) if chain is None or chain.unanswered is None else chain.unanswered,
        decided=len(decisions),
        good=sum(_has_reviewer(line) for line in decisions),
        controls=(*(plan.controls if plan else ()), *controls),
        people=_people(decisions),
    )


def _unanswered(lines: Sequence[Line]) -> int:
    settled = {
        line.entry.operation
        for line in lines
        if isinstance(line.entry, Receipt) and line.entry.outcome is not Outcome.UNKNOWN
    }
    return len({line.entry.operation for line in lines if isinstance(line.entry, Intent)} - settled)


def _has_reviewer(line: Line) -> bool:
    """Whether somebody else than its author reviewed a decision."""
    review = line.provenance.review
    return review is not None and bool(set(review.reviewers) - {review.author})


def _people(decisions: Sequence[Line]) -> list[tuple[str, str, str]]:
    """Return who authored and reviewed how many decisions, those with most of them first."""
    wrote: Counter[str] = Counter()
    reviewed: Counter[str] = Counter()
    for line in decisions:
        review = line.provenance.review
        wrote[review.author if review else "unknown"] += 1
        reviewed.update(review.reviewers if review else ())
    listed = sorted(wrote | reviewed, key=lambda name: (-wrote[name] - reviewed[name], name))
    return [(name, f"{wrote[name]:,}", f"{reviewed[name]:,}") for name in listed[:_MOST_PEOPLE]]
