"""The seven Workflow/Ticket calls."""

from collections.abc import Mapping

from reconciler.codec import Json
from reconciler.model.status import Status
from reconciler.model.value import replace
from reconciler.sandbox.grants import GrantRecord
from reconciler.sandbox.platform import Platform, ServerCall
from reconciler.sandbox.ticket import Ruling, Ticket
from reconciler.sandbox.wire import (
    BadBody,
    Response,
    ResultCode,
    failure,
    identities,
    optional,
    spell_guid,
    spell_time,
    success,
    text,
)

_DETAILS = (
    "ApprovalExplanation",
    "ApprovalFrom",
    "ApprovalReason",
    "Approvers",
    "Blocking",
    "Created",
    "IssuedDueTo",
    "Status",
    "Updated",
)
_STATUSES = {str(status): status for status in Status}
_ROOT = "\\VED\\"
_PLAIN = {Status.APPROVED_AFTER: Status.APPROVED, Status.APPROVED_BETWEEN: Status.APPROVED}


async def details(tpp: Platform, call: ServerCall) -> Response:
    """All that is known of one ticket."""
    ticket = _find(tpp, call)
    if isinstance(ticket, ResultCode):
        return _failure(tpp, ticket, _DETAILS)
    style = tpp.behaviour.times
    payload: dict[str, Json] = {
        **_texts(tpp, ticket),
        "ApprovalFrom": "",
        "Approvers": ticket.approvers,
        "Blocking": ticket.object,
        "Created": spell_time(ticket.created, style),
        "IssuedDueTo": ticket.workflow,
        "Status": _status(tpp, ticket),
        "Updated": spell_time(ticket.updated, style),
    }
    if tpp.behaviour.schedules_in_details:
        payload["ScheduledStart"] = spell_time(ticket.schedule.start if ticket.schedule else None, style)
        payload["ScheduledStop"] = spell_time(ticket.schedule.stop if ticket.schedule else None, style)
    return success(payload)


async def status(tpp: Platform, call: ServerCall) -> Response:
    """The status string alone."""
    ticket = _find(tpp, call)
    if isinstance(ticket, ResultCode):
        return _failure(tpp, ticket, ("Status",))
    return success({"Status": _status(tpp, ticket)})


async def exists(tpp: Platform, call: ServerCall) -> Response:
    """Result 1 or 3. A ticket that the caller may not see exists all the same."""
    ticket = _find(tpp, call)
    if ticket is ResultCode.BAD_ARGUMENTS:
        return _failure(tpp, ticket)
    known = isinstance(ticket, Ticket) or tpp.world.knows(text(call.body, "GUID"), _grant(call).seen)
    return success({}) if known else _failure(tpp, ResultCode.TICKET_DOES_NOT_EXIST)


async def enumerate_tickets(tpp: Platform, call: ServerCall) -> Response:
    """GUIDs of the tickets on an object and/or with matching user data; with neither, those of the caller."""
    object_dn, user_data = optional(call.body, "ObjectDN"), optional(call.body, "UserData")
    if object_dn and not object_dn.casefold().startswith(_ROOT.casefold()):
        return _failure(tpp, ResultCode.OBJECT_DOES_NOT_EXIST, ("GUIDs",))
    grant = _grant(call)
    voices = tpp.directory.voices(grant.identity)
    found = [
        spell_guid(ticket.guid, tpp.behaviour.guids)
        for ticket in tpp.world.tickets.values()
        if ticket.serial <= grant.seen
        and voices.isdisjoint(ticket.denied)
        and (not object_dn or ticket.object.casefold() == object_dn.casefold())
        and (not user_data or _has(ticket.user_data, user_data))
        and (object_dn or user_data or not voices.isdisjoint(ticket.approvers))
    ]
    return success({"GUIDs": found})


async def create(tpp: Platform, call: ServerCall) -> Response:
    """Start a ticket on a policy object."""
    object_dn, workflow = text(call.body, "ObjectDN"), text(call.body, "WorkflowDN")
    approvers, reason = call.body.get("Approvers"), call.body.get("Reason", "")
    if reason is not None and (isinstance(reason, bool) or not isinstance(reason, int)):
        raise BadBody("Reason must be a number or null")
    required = tpp.behaviour.user_data_required
    user_data = text(call.body, "UserData") if required else optional(call.body, "UserData") or ""
    named = identities(tpp.directory, approvers)
    if not object_dn.casefold().startswith(_ROOT.casefold()):
        return _failure(tpp, ResultCode.OBJECT_DOES_NOT_EXIST, ("GUID",))
    if not workflow.casefold().startswith(_ROOT.casefold()):
        return _failure(tpp, ResultCode.WORKFLOW_OBJECT_DOES_NOT_EXIST, ("GUID",))
    if named is None:
        return _failure(tpp, ResultCode.BAD_ARGUMENTS, ("GUID",))
    ticket = tpp.world.add_ticket(
        object=object_dn,
        workflow=workflow,
        approvers=named,
        reason="" if reason is None else str(reason),
        user_data=user_data,
        new=True,
    )
    return success({"GUID": spell_guid(ticket.guid, tpp.behaviour.guids)}, effect=True)


async def delete(tpp: Platform, call: ServerCall) -> Response:
    """Remove a ticket for good."""
    ticket = _find(tpp, call)
    if isinstance(ticket, ResultCode):
        return _failure(tpp, ticket)
    return success({}, effect=tpp.world.delete(ticket.guid))


async def update_status(tpp: Platform, call: ServerCall) -> Response:
    """Set the status, and the schedule for the two scheduled statuses."""
    wanted = text(call.body, "Status")
    explanation = optional(call.body, "Explanation")
    start, stop = optional(call.body, "ScheduledStart"), optional(call.body, "ScheduledStop")
    ticket = _find(tpp, call)
    if isinstance(ticket, ResultCode):
        return _failure(tpp, ticket)
    if wanted not in _STATUSES:
        return _failure(tpp, ResultCode.BAD_ARGUMENTS)
    ruling = Ruling(_STATUSES[wanted], start, stop, explanation)
    if tpp.behaviour.accepts_extras:
        extended = _with_extras(tpp, call.body, ticket, ruling)
        if isinstance(extended, ResultCode):
            return _failure(tpp, extended)
        ruling = extended
    identity = _grant(call).identity
    result, changed = tpp.world.rule(ticket.guid, ruling, tpp.directory.voices(identity), identity)
    if result is not ResultCode.SUCCESS:
        return _failure(tpp, result)
    return success({}, effect=changed)


def _with_extras(tpp: Platform, body: Mapping[str, Json], ticket: Ticket, ruling: Ruling) -> Ruling | ResultCode:
    workflow, user_data = optional(body, "ObjectDN"), optional(body, "UserData")
    optional(body, "Reason")
    if workflow is not None and workflow.casefold() != ticket.workflow.casefold():
        return ResultCode.WORKFLOW_OBJECT_DOES_NOT_EXIST
    approvers = None
    if body.get("Approvers") is not None:
        approvers = identities(tpp.directory, body["Approvers"])
        if approvers is None:
            return ResultCode.BAD_ARGUMENTS
    return replace(ruling, approvers=approvers, user_data=user_data)


def _texts(tpp: Platform, ticket: Ticket) -> dict[str, Json]:
    """Have the approver's text and the administrator's in the members that this server has them in."""
    if tpp.behaviour.explanation_in == "ApprovalReason":
        return {"ApprovalExplanation": ticket.reason, "ApprovalReason": ticket.explanation}
    return {"ApprovalExplanation": ticket.explanation, "ApprovalReason": ticket.reason}


def _failure(tpp: Platform, result: ResultCode, yields: tuple[str, ...] = ()) -> Response:
    return failure(result, tpp.behaviour.status_of(result), yields)


def _find(tpp: Platform, call: ServerCall) -> Ticket | ResultCode:
    grant = _grant(call)
    return tpp.world.look_up(text(call.body, "GUID"), grant.identity, grant.seen)


def _grant(call: ServerCall) -> GrantRecord:
    if call.grant is None:
        raise LookupError("a ticket call without a grant")
    return call.grant


def _status(tpp: Platform, ticket: Ticket) -> str:
    return _PLAIN.get(ticket.status, ticket.status) if tpp.behaviour.plain_approved else ticket.status


def _has(user_data: str, wanted: str) -> bool:
    parts = {part.strip().casefold() for part in user_data.split(",")}
    return wanted.casefold() == user_data.casefold() or wanted.strip().casefold() in parts
