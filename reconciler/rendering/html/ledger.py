"""The ledger as a page: who decided what, when, by which commit and review; and one page for each ticket's story."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.plan import Plan, Step
from reconciler.model.receipt import Receipt
from reconciler.model.record import Intent, Line, guid_of
from reconciler.model.review import Provenance
from reconciler.model.ticket import Guid
from reconciler.rendering import change_records
from reconciler.rendering.certificates import certificate_fields
from reconciler.rendering.escape import visible
from reconciler.rendering.history import weeks
from reconciler.rendering.html.drawings import plots
from reconciler.rendering.html.page import Frame, page
from reconciler.rendering.html.table import (
    Cell,
    Column,
    Table,
    Text,
    linked,
    long_table,
    seconds,
    status_of,
    tone,
    tone_of,
)
from reconciler.rendering.summary import folder_name, last_name, short
from reconciler.rendering.words import PROOFS, REASONS

_COLUMNS = (
    Column("When", "time"),
    Column("Outcome", "badge"),
    Column("Ticket", "ticket"),
    Column("Before → wanted", "move"),
    Column("Proof", "lines"),
    Column("Who", "lines"),
    Column("Change, run", "lines"),
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A page of earlier receipts: its name, and the times between which they lie."""

    name: str
    start: datetime
    stop: datetime


def ledger_page(
    frame: Frame,
    lines: Sequence[Line],
    stories: Mapping[Guid, Sequence[Line]],
    *,
    left_out: int = 0,
    earlier: Sequence[Earlier] = (),
) -> str:
    """Return the page of all receipts, the newest first, with the plots over time. `lines` are by time."""
    content = _table("Every receipt, the newest first", lines, linked=True)
    spent = weeks(lines)
    return page(
        "ledger.html",
        frame,
        "Ledger",
        current="ledger.html",
        styles=("table.css", "picture.css"),
        scripts=("table.js",),
        receipts=len(content.rows),
        runs=len({line.run for line in lines}),
        tickets=len(stories),
        plots=plots(spent),
        missed=sum(week.missed for week in spent),
        stale=sum(week.stale for week in spent),
        left_out=left_out,
        earlier=earlier,
        table=long_table(content) if content.rows else None,
    )


def earlier_page(frame: Frame, lines: Sequence[Line]) -> str:
    """Return a page of earlier receipts, the newest first. Their tickets have no pages. `lines` are by time."""
    content = _table("Earlier receipts, the newest first", lines, linked=False)
    return page(
        "ledger.html",
        frame,
        "Ledger",
        current="ledger.html",
        styles=("table.css",),
        scripts=("table.js",),
        receipts=len(content.rows),
        runs=len({line.run for line in lines}),
        tickets=len({guid_of(line.entry) for line in lines}),
        plots=(),
        missed=0,
        stale=0,
        left_out=0,
        earlier=(),
        table=long_table(content),
    )


def _table(caption: str, lines: Sequence[Line], *, linked: bool) -> Table:
    asked = {line.entry.operation: line.entry for line in lines if isinstance(line.entry, Intent)}
    listed = [(line, line.entry) for line in reversed(lines) if isinstance(line.entry, Receipt)]
    intents = [asked.get(receipt.operation or "") for _, receipt in listed]
    rows = [_row(line, receipt, intent, linked) for (line, receipt), intent in zip(listed, intents, strict=True)]
    return Table(
        caption,
        _COLUMNS,
        rows,
        facet=1,
        groups={
            "Person": [
                visible(line.provenance.review.author) if line.provenance.review else "not known" for line, _ in listed
            ],
            "Change": [
                _change_of(each[1], intent) or "no change" for each, intent in zip(listed, intents, strict=True)
            ],
            "Workflow": [visible(receipt.workflow) or "unknown" for _, receipt in listed],
            "Folder": [visible(folder_name(receipt.object)) or "unknown" for _, receipt in listed],
            "Run": [visible(line.run, 80) for line, _ in listed],
        },
        menus=("Person", "Change"),
        hint="Search name, DN, person, change, commit, run",
    )


def _row(line: Line, receipt: Receipt, intent: Intent | None, linked: bool) -> tuple[Cell, ...]:
    return (
        seconds(receipt.at),
        (receipt.outcome.value, tone_of(receipt.outcome)),
        (
            visible(last_name(receipt.object) or "unknown object", 120),
            visible(receipt.object),
            short(receipt.guid),
            f"tickets/{receipt.guid}.html" if linked else "",
        ),
        (status_of(receipt.before), visible(receipt.after.status, 60), "", "", (None, None), (None, None)),
        (PROOFS[receipt.proof], visible(receipt.detail)),
        _who(line.provenance),
        (*_change(receipt, intent), visible(line.run, 80), visible(str(line.source), 120)),
    )


def _change(receipt: Receipt, intent: Intent | None) -> tuple[Text, ...]:
    """The change of a decision, and what the guard saw of its record."""
    record = intent.change_record if intent else None
    seen = (linked(change_records.summary(record), record.url),) if record else ()
    return (_change_of(receipt, intent), *seen)


def _change_of(receipt: Receipt, intent: Intent | None) -> str:
    return visible(receipt.change or (intent.change if intent else None) or "", 60)


def ticket_page(frame: Frame, guid: Guid, story: Sequence[Line], step: Step | None, plan: Plan | None = None) -> str:
    """Return the page of one ticket: what the plan says of it, then everything the ledger knows, in order."""
    dn, workflow = _names(story, step)
    name = last_name(dn) or "unknown object"
    return page(
        "ticket.html",
        frame,
        name,
        styles=("story.css",),
        guid=guid,
        name=name,
        dn=dn,
        workflow=workflow,
        step=step,
        plan=plan,
        words=REASONS[step.reason] if step else None,
        tone=tone(step.verdict) if step else "",
        certificate=certificate_fields(step.context) if step and step.context else (),
        lines=story,
    )


def _names(story: Sequence[Line], step: Step | None) -> tuple[str, str]:
    found = [
        (entry.object, entry.workflow)
        for entry in (line.entry for line in reversed(story))
        if isinstance(entry, Intent | Receipt)
    ]
    if step is not None:
        found.insert(0, (step.object, step.workflow))
    return next((dn for dn, _ in found if dn), ""), next((name for _, name in found if name), "")


def _author(provenance: Provenance) -> str:
    return visible(provenance.review.author) if provenance.review else "not known"


def _who(provenance: Provenance) -> tuple[str, str, str]:
    """Name who decided in three short lines of neutral text: people, pull request and commit, acting identity."""
    review = provenance.review
    people = ""
    place = []
    if review is not None:
        reviewed = f", reviewed by {', '.join(review.reviewers)}" if review.reviewers else ", no reviewer"
        people = f"{review.author}{reviewed}"
        place.append(f"PR #{review.pull_request}")
    if provenance.commit:
        place.append(f"commit {provenance.commit[:12]}")
    acting = f"as {provenance.identity}" if provenance.identity else ""
    return visible(people) or "author not known", visible(", ".join(place)), visible(acting)
