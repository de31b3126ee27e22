"""Steps of a plan as rows of a long table."""

from collections.abc import Iterable, Set

from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome
from reconciler.model.status import State
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering import change_records
from reconciler.rendering.certificates import SOON, certificate_line, certificate_of, ends_soon
from reconciler.rendering.escape import shorten, visible
from reconciler.rendering.html.table import Cell, Column, Dated, Table, When, linked, seconds
from reconciler.rendering.summary import by_risk, name_of, parameters_of, short, to_merge, undoable
from reconciler.rendering.text.step import siblings
from reconciler.rendering.words import REASONS

TONES: dict[Verdict, str] = {
    Verdict.APPROVE: "good",
    Verdict.REJECT: "bad",
    Verdict.SCHEDULE: "time",
    Verdict.RESCHEDULE: "care",
    Verdict.REOPEN: "back",
}
_OUTCOMES = {
    Outcome.APPLIED: "good",
    Outcome.AWAITING_OTHERS: "time",
    Outcome.STALE: "care",
    Outcome.NOT_ATTEMPTED: "calm",
}
COLUMNS = (
    Column("Verdict", "badge"),
    Column("Ticket", "ticket"),
    Column("Now → wanted", "move"),
    Column("When", "when"),
    Column("Why", "lines"),
    Column("Decided by", "lines"),
)
CERTIFICATE = Column("Certificate", "dated")
"""This one stands there when a certificate is known."""
_SORTS = {"time, earliest first": (3, 1), "time, latest first": (3, -1), "name": (1, 1)}


def tone(verdict: Verdict) -> str:
    """The class of the style sheet for a verdict."""
    return TONES.get(verdict, "care" if verdict.group is Group.ATTENTION else "calm")


def tone_of(outcome: Outcome) -> str:
    """The class of the style sheet for an outcome."""
    return _OUTCOMES.get(outcome, "bad")


def plan_table(steps: Iterable[Step], caption: str, told: Set[Guid] = frozenset()) -> Table:
    """Return the table of steps, by risk. `told` are the tickets that have a page of their own."""
    listed = by_risk(steps)
    hint = "Search name, DN, GUID, change, reason, file"
    if not any(certificate_of(step) for step in listed):
        return Table(caption, COLUMNS, [_row(step, told) for step in listed], sorts=_SORTS, hint=hint)
    sorts = {**_SORTS, "certificate, first to end": (len(COLUMNS), 1)}
    rows = [(*_row(step, told), _certificate(step)) for step in listed]
    return Table(caption, (*COLUMNS, CERTIFICATE), rows, sorts=sorts, hint=f"{hint}, “ends within 7 days”")


def _row(step: Step, told: Set[Guid]) -> tuple[Cell, ...]:
    place = visible(shorten(f"{step.source.path}:{step.source.line}", 60))
    href = f"tickets/{step.guid}.html" if step.guid in told else ""
    return (
        (step.verdict.value, tone(step.verdict)),
        (visible(name_of(step), 120), visible(step.object or step.expect.object or ""), short(step.guid), href),
        (_status(step.before), visible(step.after.status, 60), undoable(step.verdict)),
        _when(step),
        (*_why(step), siblings(step, visible) if step.siblings else ""),
        (
            visible(step.change or "") or place,
            linked(change_records.summary(step.change_record), step.change_record.url) if step.change_record else "",
            visible(step.explanation or ""),
            *(f"sends {name}: {visible(value, 1_000)}" for name, value in parameters_of(step)),
            place if step.change else "",
        ),
    )


def _certificate(step: Step) -> Dated:
    """When the certificate ends, and what is known of it, with words to search for."""
    found = certificate_of(step)
    if found is None:
        return (None, "")
    lines = [visible(certificate_line(found), 400), f"ends within {SOON} days" if ends_soon(found) else ""]
    lines += [visible(note.text, 400) for note in step.context.notes] if step.context else []
    return (seconds(found.valid_to), *lines)


def _why(step: Step) -> tuple[str, str]:
    """Why somebody has to act, and what to do; of changes only what the verdict does not say by itself."""
    if step.group is Group.CHANGE:
        return visible(step.detail), ""
    words = REASONS[step.reason]
    merge = f"; to merge: {visible(to_merge(step.edit))}" if step.edit is not None else ""
    return visible(step.detail) or words.cause, words.remedy + merge


def _status(state: State | None) -> str:
    return visible(state.status, 60) if state else "?"


def _when(step: Step) -> When:
    schedule = step.after.schedule
    old = step.before.schedule if step.before else None
    if old == schedule:
        old = None
    text = "at apply" if step.group is Group.CHANGE else ""
    return (
        seconds(schedule.start) if schedule else None,
        seconds(schedule.stop) if schedule else None,
        seconds(old.start) if old else None,
        seconds(old.stop) if old else None,
        text,
    )
