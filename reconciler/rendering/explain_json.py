"""One ticket explained for programs: schema-less, each member as plans and the ledger spell it."""

from reconciler.codec import Json, json_text, plain
from reconciler.model.decision import Source
from reconciler.model.findings import Approver, Declaration, Explanation, Sighted
from reconciler.model.record import Line
from reconciler.model.status import format_instant
from reconciler.model.ticket import Found, LiveTicket, Reading
from reconciler.rendering.explanation import absence, to_do


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
