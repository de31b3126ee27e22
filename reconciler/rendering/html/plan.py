"""One plan as a page of its own: what it would do, what a reviewer must look at, before → after for each step."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from reconciler.model.plan import Plan, Step
from reconciler.model.receipt import Receipt
from reconciler.model.record import Ended, Intent, Line, Opened, Sealed
from reconciler.model.status import Schedule
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group
from reconciler.rendering import change_records, times
from reconciler.rendering.certificates import certificate_line, certificate_of, days_words, ends_soon, soon_words
from reconciler.rendering.escape import shorten, visible
from reconciler.rendering.groups import Urgent, in_order, urgent, urgent_names
from reconciler.rendering.html.page import Frame, page
from reconciler.rendering.html.table import (
    Cell,
    Column,
    Dated,
    Table,
    Text,
    Window,
    linked,
    long_table,
    seconds,
    status_of,
    tone,
)
from reconciler.rendering.summary import (
    beside,
    folder_name,
    headline,
    name_of,
    parameters_of,
    short,
    to_merge,
    totals,
    undoable,
    what_next,
)
from reconciler.rendering.text.step import siblings
from reconciler.rendering.words import REASONS, counted, found_words

Later = Mapping[Guid, Line]
"""What the ledger says of tickets since the plan was made."""
_NOTHING: Later = MappingProxyType({})
STATES = {Group.ATTENTION: "needs attention", Group.CHANGE: "will change", Group.FINE: "unchanged"}
"""What the tiles of the first page choose by."""
COLUMNS = (
    Column("Verdict", "badge"),
    Column("Ticket", "ticket"),
    Column("Now → wanted, when", "move"),
    Column("Why", "lines"),
    Column("Decided by", "lines"),
)
CERTIFICATE = Column("Certificate", "dated")
"""This one stands there when a certificate is known."""
ACTION = "Action"
"""What a page that is read for a review is grouped by."""
_NAMED = 3


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


def plan_table(
    named: Sequence[tuple[str, Step]],
    caption: str,
    now: datetime,
    later: Mapping[Guid, Line],
    urgent: Urgent,
    *,
    in_site: bool,
) -> Table:
    """Return the table of steps in their order, each with the name of its group.

    `later` is what the ledger says of tickets since the plan was made.

    In a site every ticket has a page that says what two lines leave out.
    """
    columns: tuple[Column, ...] = COLUMNS
    listed = [step for _, step in named]
    rows = [_row(step, later.get(step.guid), urgent.get(step.guid, ()), in_site=in_site) for step in listed]
    by = ACTION if named[0][0] else ""
    actions = {by: [visible(name, 400) for name, _ in named]} if by else {}
    if any(certificate_of(step) for step in listed):
        columns = (*COLUMNS[:_NAMED], CERTIFICATE, *COLUMNS[_NAMED:])
        certificates = map(_certificate, listed)
        rows = [(*row[:_NAMED], cell, *row[_NAMED:]) for row, cell in zip(rows, certificates, strict=True)]
    return Table(
        caption,
        columns,
        rows,
        groups={**actions, **_groups(listed)},
        by=by,
        menus=("Change",),
        now=now,
        whole=not in_site,
        hint="Search name, DN, GUID, change, reason, file",
    )


def _groups(listed: Sequence[Step]) -> Mapping[str, Sequence[str]]:
    return {
        "State": [STATES[step.group] for step in listed],
        "Change": [visible(step.change or "") or "no change" for step in listed],
        "Workflow": [visible(step.workflow) or "unknown" for step in listed],
        "Folder": [visible(folder_name(step.object or step.expect.object or "")) or "unknown" for step in listed],
        "Manifest": [visible(step.source.path) for step in listed],
    }


def _row(step: Step, later: Line | None, urgent: tuple[str, ...], *, in_site: bool) -> tuple[Cell, ...]:
    old = step.before.schedule if step.before and step.before.schedule != step.after.schedule else None
    when = "at apply" if step.group is Group.CHANGE and step.after.schedule is None else ""
    return (
        (step.verdict.value, tone(step.verdict)),
        (
            visible(name_of(step), 120),
            visible(step.object or step.expect.object or ""),
            short(step.guid),
            f"tickets/{step.guid}.html" if in_site else "",
        ),
        (
            status_of(step.before),
            visible(step.after.status, 60),
            when,
            undoable(step.verdict),
            _window(step.after.schedule),
            _window(old),
        ),
        _lines(
            *_since(later),
            *(f"urgent: {visible(each, 200)}" for each in urgent),
            *_why(step),
            siblings(step, visible) if step.siblings else "",
        ),
        _decided(step, in_site=in_site),
    )


def _decided(step: Step, *, in_site: bool) -> tuple[Text, ...]:
    record, place = step.change_record, visible(shorten(f"{step.source.path}:{step.source.line}", 60))
    return (
        visible(step.change or "") or place,
        linked(change_records.summary(record), record.url) if record else "",
        visible(step.explanation or ""),
        f"window {visible(step.window.name, 60)}" if step.window else "",
        f"valid until {times.utc(step.valid_until)}" if step.valid_until else "",
        *(f"sends {name}: {visible(value, 1_000)}" for name, value in parameters_of(step)),
        place if step.change and not in_site else "",
    )


def _certificate(step: Step) -> Dated:
    """When the certificate ends, and what is known of it."""
    found = certificate_of(step)
    if found is None:
        return (None, "")
    late = found.valid_to is not None and step.after.schedule is not None and found.valid_to < step.after.schedule.start
    lines = [visible(days_words(found)), visible(certificate_line(found, known_as=name_of(step), ends=False), 400)]
    lines += [visible(note.text, 400) for note in step.context.notes] if step.context else []
    return (seconds(found.valid_to), "bad" if late or ends_soon(found) else "", *lines)


def _lines(*lines: str) -> tuple[str, ...]:
    """Return the lines that say something, one at least."""
    return tuple(filter(None, lines)) or ("",)


def _since(later: Line | None) -> tuple[str, ...]:
    """What became of a ticket after the plan was made."""
    if later is None or isinstance(later.entry, Opened | Sealed | Ended | Intent):
        return ()
    outcome = later.entry.outcome.value if isinstance(later.entry, Receipt) else found_words(later.entry)
    return (f"since this plan: {visible(outcome)}, {times.utc(later.entry.at)}",)


def _why(step: Step) -> tuple[str, str]:
    """Why somebody has to act, and what to do; of changes only what the verdict does not say by itself."""
    if step.group is Group.CHANGE:
        return visible(step.detail), ""
    words = REASONS[step.reason]
    merge = f"; to merge: {visible(to_merge(step.edit))}" if step.edit is not None else ""
    return visible(step.detail) or words.cause, words.remedy + merge


def _window(schedule: Schedule | None) -> Window:
    return (seconds(schedule.start), seconds(schedule.stop)) if schedule else (None, None)
