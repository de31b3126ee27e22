"""One ticket explained: where it is declared, what is there, what we did, what follows, what to do."""

from collections.abc import Iterator
from typing import assert_never

from reconciler.model.findings import Explanation, Sighted
from reconciler.model.plan import Step
from reconciler.model.receipt import Receipt
from reconciler.model.record import Ended, Intent, Line, Opened, Sealed
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Unread
from reconciler.model.verdict import Group
from reconciler.rendering import change_records, times
from reconciler.rendering.certificates import certificate_fields
from reconciler.rendering.escape import log_lines, terminal
from reconciler.rendering.explanation import absence, age, to_do, unmanaged
from reconciler.rendering.text.layout import PLAIN, Ink, View, field, joined, painted
from reconciler.rendering.text.step import judged_fields
from reconciler.rendering.words import PROOFS, REASONS, found_words, override_words


def explain_text(found: Explanation, view: View = PLAIN) -> str:
    """Return everything that is known of one ticket as text, what to do at its end."""
    lines = [painted(f"Ticket {found.guid}", Ink.STRONG, view.colour), ""]
    lines.extend(_section("Declared", _declared(found), view))
    lines.extend(_section("Live", _live(found, view), view))
    lines.extend(_section("Certificate", _certificate(found), view))
    lines.extend(_section("Siblings", (_sibling(each) for each in found.siblings), view))
    lines.extend(_story(found, view))
    lines.extend(_verdict(found, view))
    return log_lines(joined(lines))


Row = tuple[str, str]


def _section(name: str, rows: Iterator[Row], view: View) -> Iterator[str]:
    listed = list(rows)
    if not listed:
        return
    yield painted(name, Ink.STRONG, view.colour)
    for label, value in listed:
        yield from field(label, value, width=view.width, indent=2) if label else (f"  {value}",)
    yield ""


def _declared(found: Explanation) -> Iterator[Row]:
    if found.step is None:
        yield "", "in no manifest: it is not managed, and is never touched"
    else:
        yield "place", terminal(str(found.step.source))
        if found.step.rule is not None:
            yield "by rule", terminal(found.step.rule)
    for place in found.archived:
        yield "archived", terminal(str(place))
    if found.declaration is None:
        return
    if found.declaration.commit is None:
        yield "commit", "none yet: this line is changed and not committed"
    else:
        at = f", {times.utc(found.declaration.at)}" if found.declaration.at else ""
        yield "commit", terminal(f"{found.declaration.commit[:12]} by {found.declaration.author}{at}")


def _live(found: Explanation, view: View) -> Iterator[Row]:
    match found.reading:
        case Found(ticket):
            yield from _ticket(found, ticket, view)
        case Gone() | Hidden() | Unread():
            yield "", terminal(absence(found.reading))
        case _:
            assert_never(found.reading)


def _ticket(found: Explanation, ticket: LiveTicket, view: View) -> Iterator[Row]:
    yield "status", terminal(ticket.state.status)
    if ticket.state.schedule is not None:
        yield "when", times.window(ticket.state.schedule)
        if view.zone is not None:
            yield "", " " * 10 + times.local_window(ticket.state.schedule, view.zone)
    yield "object", terminal(ticket.object)
    yield "workflow", terminal(ticket.workflow)
    yield from _people(found)
    rest = (("reason", ticket.reason), ("text", ticket.explanation))
    yield from ((name, terminal(text)) for name, text in rest if text)
    if ticket.created is not None:
        yield "created", f"{times.utc(ticket.created)}, {age(found.now - ticket.created)} ago"


def _people(found: Explanation) -> Iterator[Row]:
    """Name the approvers, each in a row, and what each of them has done as far as anybody knows."""
    if not found.approvers:
        yield "approvers", "not reported"
    for number, each in enumerate(found.approvers):
        who = f"{each.name} ({each.identity})" if each.name else each.identity
        state = "due" if each in found.due else ""
        if each.approved_at is not None:
            other = "" if each.listed else ", not among the approvers: for a group of them, or before the list changed"
            state = f"approved {times.utc(each.approved_at)} (ledger){other}"
        yield (" " if number else "approvers"), terminal(f"{who}: {state}" if state else who, 1_000)
    if found.updated_by:
        yield "updated", terminal(f"last by {found.updated_by}")


def _certificate(found: Explanation) -> Iterator[Row]:
    if found.certificate is not None:
        known = found.certificate.certificate
        for name, value in certificate_fields(found.certificate):
            if name != "names" or known is None or value != known.common_name:
                yield name, terminal(value, 1_000)


def _sibling(other: Sighted) -> Row:
    named = f"at {other.source}" if other.source is not None else "in no manifest"
    seen = f": {other.ticket.state.status}, from {other.ticket.workflow}" if other.ticket is not None else ""
    return "ticket", terminal(f"{other.guid}, {named}{seen}")


def _story(found: Explanation, view: View) -> Iterator[str]:
    yield painted("Ledger", Ink.STRONG, view.colour)
    if not found.history:
        yield "  has no entry for it"
    for line in found.history:
        when, what = _event(line)
        yield from field(when, what, width=view.width, indent=2, label=len(when))
    yield ""


def _event(line: Line) -> Row:
    place = f"run {line.run}, {terminal(str(line.source))}"
    match line.entry:
        case Intent(at=at) as intent:
            after = terminal(intent.after.status)
            if intent.after.schedule is not None:
                after = f"{after}, {times.window(intent.after.schedule)}"
            record = f"; {terminal(change_records.seen_before(intent), 1_000)}" if intent.change_record else ""
            by = "".join(f"; {terminal(override_words(use), 1_000)}" for use in intent.overrides)
            return times.utc(at), f"intent {intent.operation}, attempt {intent.attempt}: {after}{record}{by} ({place})"
        case Receipt() as receipt:
            detail = f"; {terminal(receipt.detail)}" if receipt.detail else ""
            by = f" by {terminal(line.provenance.identity)}" if line.provenance.identity else ""
            return times.utc(receipt.at), f"{receipt.outcome}{by}: {PROOFS[receipt.proof]}{detail} ({place})"
        case Opened(at=at) | Sealed(at=at) | Ended(at=at):
            return times.utc(at), place
        case found:
            return times.utc(found.at), f"{terminal(found_words(found))} ({place})"


def _judged(found: Explanation, step: Step, view: View) -> Iterator[Row]:
    """Return what a verdict adds to what stands above it: the ledger has what was done, and when, already."""
    listed = step.group is Group.FINE and found.history
    for name, value in judged_fields(step, view, seen=isinstance(found.reading, Found)):
        if name != "detail" or not listed:
            yield name, value


def _verdict(found: Explanation, view: View) -> Iterator[str]:
    yield painted("Verdict", Ink.STRONG, view.colour)
    if found.step is None:
        yield from field("none", unmanaged(found), width=view.width, indent=2)
    else:
        for name, value in _judged(found, found.step, view):
            if value:
                yield from field(name, value, width=view.width, indent=2)
        rule = f"{found.step.reason}: {REASONS[found.step.reason].cause}"
        yield from field("rule", rule, width=view.width, indent=2)
    yield from field("to do", to_do(found), width=view.width, indent=2)
    for note in found.notes:
        yield from field("note", terminal(note), width=view.width, indent=2)
