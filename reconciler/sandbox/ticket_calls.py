"""The seven Workflow/Ticket calls."""

from collections.abc import Mapping

from reconciler.model.canonical import Json
from reconciler.model.status import Status
from reconciler.model.value import replace
from reconciler.sandbox.grants import GrantRecord
from reconciler.sandbox.platform import Platform, ServerCall
from reconciler.sandbox.ticket import Ruling, Ticket
from reconciler.sandbox.wire import (
    Malformed,
    Reply,
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


async def details(tpp: Platform, call: ServerCall) -> Reply:
    """All that is known of one ticket."""
    ticket = _find(tpp, call)
    if isinstance(ticket, ResultCode):
        return failure(ticket, tpp.behaviour.failure_status, _DETAILS)
    style = tpp.behaviour.times
    payload: dict[str, Json] = {
        "ApprovalExplanation": ticket.explanation,
        "ApprovalFrom": "",
        "ApprovalReason": ticket.reason,
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


async def status(tpp: Platform, call: ServerCall) -> Reply:
    """The status string alone."""
    ticket = _find(tpp, call)
    if isinstance(ticket, ResultCode):
        return failure(ticket, tpp.behaviour.failure_status, ("Status",))
    return success({"Status": _status(tpp, ticket)})


async def exists(tpp: Platform, call: ServerCall) -> Reply:
    """Result 1 or 3. A ticket that the caller may not see exists all the same."""
    ticket = _find(tpp, call)
    if ticket is ResultCode.BAD_ARGUMENTS:
        return failure(ticket, tpp.behaviour.failure_status)
    known = isinstance(ticket, Ticket) or tpp.world.knows(text(call.body, "GUID"), _grant(call).seen)
    return success({}) if known else failure(ResultCode.TICKET_DOES_NOT_EXIST, tpp.behaviour.failure_status)


async def enumerate_tickets(tpp: Platform, call: ServerCall) -> Reply:
    """GUIDs of the tickets on an object and/or with matching user data; with neither, those of the caller."""
    object_dn, user_data = optional(call.body, "ObjectDN"), optional(call.body, "UserData")
    if object_dn and not object_dn.casefold().startswith(_ROOT.casefold()):
        return failure(ResultCode.OBJECT_DOES_NOT_EXIST, tpp.behaviour.failure_status, ("GUIDs",))
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


async def create(tpp: Platform, call: ServerCall) -> Reply:
    """Start a ticket on a policy object."""
    object_dn, workflow = text(call.body, "ObjectDN"), text(call.body, "WorkflowDN")
    approvers, reason = call.body.get("Approvers"), call.body.get("Reason", "")
    if reason is not None and (isinstance(reason, bool) or not isinstance(reason, int)):
        raise Malformed("Reason must be a number or null")
    user_data = optional(call.body, "UserData") or ""
    named = identities(tpp.directory, approvers)
    if not object_dn.casefold().startswith(_ROOT.casefold()):
        return failure(ResultCode.OBJECT_DOES_NOT_EXIST, tpp.behaviour.failure_status, ("GUID",))
    if not workflow.casefold().startswith(_ROOT.casefold()):
        return failure(ResultCode.WORKFLOW_OBJECT_DOES_NOT_EXIST, tpp.behaviour.failure_status, ("GUID",))
    if named is None:
        return failure(ResultCode.BAD_ARGUMENTS, tpp.behaviour.failure_status, ("GUID",))
    ticket = tpp.world.add_ticket(
        object=object_dn,
        workflow=workflow,
        approvers=named,
        reason="" if reason is None else str(reason),
        user_data=user_data,
        new=True,
    )
    return success({"GUID": spell_guid(ticket.guid, tpp.behaviour.guids)}, effect=True)


async def delete(tpp: Platform, call: ServerCall) -> Reply:
    """Remove a ticket for good."""
    ticket = _find(tpp, call)
    if isinstance(ticket, ResultCode):
        return failure(ticket, tpp.behaviour.failure_status)
    return success({}, effect=tpp.world.delete(ticket.guid))


async def update_status(tpp: Platform, call: ServerCall) -> Reply:
    """Set the status, and the schedule for the two scheduled statuses."""
    wanted = text(call.body, "Status")
    explanation = optional(call.body, "Explanation")
    start, stop = optional(call.body, "ScheduledStart"), optional(call.body, "ScheduledStop")
    ticket = _find(tpp, call)
    if isinstance(ticket, ResultCode):
        return failure(ticket, tpp.behaviour.failure_status)
    if wanted not in _STATUSES:
        return failure(ResultCode.BAD_ARGUMENTS, tpp.behaviour.failure_status)
    ruling = Ruling(_STATUSES[wanted], start, stop, explanation)
    if tpp.behaviour.accepts_extras:
        extended = _with_extras(tpp, call.body, ticket, ruling)
        if isinstance(extended, ResultCode):
            return failure(extended, tpp.behaviour.failure_status)
        ruling = extended
    result, changed = tpp.world.rule(ticket.guid, ruling, tpp.directory.voices(_grant(call).identity))
    if result is not ResultCode.SUCCESS:
        return failure(result, tpp.behaviour.failure_status)
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
