"""One ticket explained: what is said of it in sentences, and all that is known of it for programs."""

from datetime import timedelta
from typing import assert_never

from reconciler.codec import Json, json_text, plain
from reconciler.model.decision import Source
from reconciler.model.findings import Approver, Declaration, Explanation, Sighted
from reconciler.model.plan import Step
from reconciler.model.record import Line
from reconciler.model.status import Status, format_instant
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Reading, Unread
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering.times import span
from reconciler.rendering.words import REASONS, counted


def absence(reading: Gone | Hidden | Unread) -> str:
    """Return why there is no ticket to show."""
    match reading:
        case Gone():
            return "there is no such ticket: it was processed, deleted, or never there"
        case Hidden():
            return "the ticket exists, and the server does not let us see it"
        case Unread(why):
            return f"it could not be read: {why}"
        case _:
            assert_never(reading)


def unmanaged(found: Explanation) -> str:
    """Return what a ticket is that no manifest names."""
    if found.archived:
        return "its decision is settled and archived"
    if found.history:
        return "no manifest names it any more; the ledger has its history"
    if isinstance(found.reading, Gone):
        return "this GUID is unknown to the manifests, the server and the ledger"
    return "no manifest names it, so no plan has a step for it"


def age(length: timedelta) -> str:
    """Spell how long ago something was, without seconds that nobody needs."""
    unit = timedelta(hours=1) if length >= timedelta(days=1) else timedelta(minutes=1)
    return span(length // unit * unit) if length >= timedelta(hours=1) else span(length)


def _of_step(found: Explanation, step: Step) -> str:
    if step.group is Group.CHANGE:
        return "have it reviewed, then apply: nothing has been sent for it yet"
    waiting = sum(other.ticket is not None and other.ticket.state.status == Status.PENDING for other in found.siblings)
    if waiting and step.after.status != Status.PENDING:
        pending = counted(waiting, "ticket")
        return f"nothing for this ticket; its object goes on once its siblings are decided too ({pending} pending)"
    return "nothing"


def to_do(found: Explanation) -> str:
    """What to do about the ticket."""
    if found.step is not None and found.step.verdict is Verdict.AWAITING_OTHERS and found.due:
        return f"nothing here; remind {', '.join(each.name or each.identity for each in found.due)}"
    if found.step is not None:
        return REASONS[found.step.reason].remedy or _of_step(found, found.step)
    match found.reading:
        case Gone() if found.archived or found.history:
            return "nothing"
        case Gone():
            return "check the GUID for a typing error, and --config and --env for the right server"
        case Found():
            return f"nothing, or decide on it in git: `reconciler decide {found.guid} --status STATUS`"
        case Hidden() | Unread():
            return "run `reconciler doctor`, which checks the grant and the permissions"
        case _:
            assert_never(found.reading)


def explain_json(found: Explanation) -> str:
    """Return what is known as one object; times are in UTC."""
    document: dict[str, Json] = {
        "version": 1,
        "guid": found.guid,
        "at": format_instant(found.now),
        "declared": None if found.step is None else _declared(found.step.source, found.declaration),
        "archived": [_place(source) for source in found.archived],
        "live": _live(found.reading),
        "approvers": [_approver(each) for each in found.approvers],
        "due": [each.identity for each in found.due],
        "updated_by": found.updated_by or None,
        "certificate": None if found.certificate is None else plain(found.certificate),
        "siblings": [_sibling(other) for other in found.siblings],
        "ledger": [_line(line) for line in found.history],
        "step": None if found.step is None else plain(found.step),
        "to_do": to_do(found),
        "notes": list(found.notes),
    }
    return json_text(document)


def _place(source: Source) -> Json:
    return {"path": source.path, "line": source.line}


def _declared(source: Source, declaration: Declaration | None) -> Json:
    place: dict[str, Json] = {"path": source.path, "line": source.line}
    if declaration is None or declaration.commit is None:
        return place
    at = None if declaration.at is None else format_instant(declaration.at)
    return place | _known({"commit": declaration.commit, "author": declaration.author, "at": at})


def _known(members: dict[str, Json]) -> dict[str, Json]:
    """Leave out the members that have nothing to say."""
    return {name: value for name, value in members.items() if value is not None}


def _live(reading: Reading) -> Json:
    if isinstance(reading, Found):
        return _ticket(reading.ticket)
    return {"status": None, "why": absence(reading)}


def _ticket(ticket: LiveTicket) -> dict[str, Json]:
    created = None if ticket.created is None else format_instant(ticket.created)
    members: dict[str, Json] = plain(ticket.state)
    return members | _known(
        {
            "object": ticket.object,
            "workflow": ticket.workflow,
            "approvers": list(ticket.approvers),
            "reason": ticket.reason,
            "explanation": ticket.explanation,
            "created": created,
        }
    )


def _approver(approver: Approver) -> Json:
    at = None if approver.approved_at is None else format_instant(approver.approved_at)
    return {"identity": approver.identity, "name": approver.name or None, "approved_at": at, "listed": approver.listed}


def _sibling(other: Sighted) -> Json:
    return {
        "guid": other.guid,
        "declared": None if other.source is None else _place(other.source),
        "live": None if other.ticket is None else _ticket(other.ticket),
    }


def _line(line: Line) -> Json:
    return {"run": line.run, "file": line.source.path, "line": line.source.line, **plain(line.entry)}
