"""The calls about the caller and the server: permissions, identities, version."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from reconciler.codec import Json
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.identities import Principal
from reconciler.sandbox.platform import Platform, ServerCall
from reconciler.sandbox.ticket import Ticket
from reconciler.sandbox.wire import BadBody, Response, ResultCode, answer, spell_guid, text, whole_number

_TICKETS = r"\ved\workflow tickets"
_NO_SUCH_OBJECT = 400
_ATTRIBUTE_TIME = "%m/%d/%Y %H:%M:%S"
_EVERY_TYPE = 1 | 2 | 8


async def refresh_permissions(tpp: Platform, call: ServerCall) -> Response:
    """Reload the caller's permissions, so that newer tickets become visible."""
    if call.grant:
        tpp.grants.renew_permissions(call.grant, tpp.world.serial)
    return answer({"Result": int(ResultCode.SUCCESS)})


async def identity_self(tpp: Platform, call: ServerCall) -> Response:
    """The caller first, then its groups."""
    universal = call.grant.identity if call.grant else ""
    caller = tpp.directory.find(universal) or Principal(universal, universal)
    groups = [group for name in caller.groups if (group := tpp.directory.find(name))]
    return answer({"Identities": [identity.on_the_wire() for identity in (caller, *groups)]})


async def browse_identities(tpp: Platform, call: ServerCall) -> Response:
    """Identities whose name begins with the filter."""
    pattern = text(call.body, "Filter") if call.body.get("Filter") is not None else ""
    types = whole_number(call.body, "IdentityType", _EVERY_TYPE)
    limit = max(0, min(whole_number(call.body, "Limit", 1000), 10_000))
    found = tpp.directory.browse(pattern, types, limit)
    return answer({"Identities": [identity.on_the_wire() for identity in found]})


async def validate_identity(tpp: Platform, call: ServerCall) -> Response:
    """The identity with its missing fields; an empty object when there is none."""
    asked = call.body.get("ID")
    if not isinstance(asked, Mapping):
        raise BadBody("ID is required and must be an identity")
    found = tpp.directory.resolve(asked)
    return answer({"ID": found.on_the_wire()} if found else {})


async def read_all(tpp: Platform, call: ServerCall) -> Response:
    r"""The attributes of a ticket's object, `\VED\Workflow Tickets\<GUID as answers spell it>`.

    Names of attributes are those of a client (pyVenafi, workflow_ticket.py) and of a page (Workflow Ticket object).
    Result 400 is an object that does not exist (contract, ConfigResult).
    """
    folder, _, name = text(call.body, "ObjectDN").rpartition("\\")
    ticket = next((each for each in tpp.world.tickets.values() if _object_name(tpp, each) == name.casefold()), None)
    if folder.casefold() != _TICKETS or ticket is None:
        return answer({"Result": _NO_SUCH_OBJECT, "Error": "The object does not exist"})
    schedule = ticket.schedule
    times = {
        "Creation Date": ticket.created,
        "Last Update": ticket.updated if ticket.updated_by else None,
        "Scheduled Start": schedule.start if schedule else None,
        "Scheduled Stop": schedule.stop if schedule else None,
    }
    attributes = {name: _time(tpp.behaviour, moment) for name, moment in times.items() if moment} | {
        "Approval Explanation": ticket.explanation,
        "Approval Reason": ticket.reason,
        "Owner Object": ticket.object,
        "Status": str(ticket.status),
        "Updated By": ticket.updated_by,
        "User Data": ticket.user_data,
        "Workflow": ticket.workflow,
    }
    values: list[Json] = [{"Name": name, "Values": [value]} for name, value in attributes.items() if value]
    return answer({"Result": int(ResultCode.SUCCESS), "NameValues": values})


def _time(behaviour: Behaviour, moment: datetime) -> str:
    match behaviour.attribute_times:
        case "universal":
            return moment.astimezone(UTC).strftime(_ATTRIBUTE_TIME)
        case "local":
            return moment.astimezone(ZoneInfo(behaviour.zone)).strftime(_ATTRIBUTE_TIME)
        case "iso":
            return moment.astimezone(UTC).isoformat()
        case "absent":
            return ""


def _object_name(tpp: Platform, ticket: Ticket) -> str:
    return spell_guid(ticket.guid, tpp.behaviour.guids).casefold()


async def version(tpp: Platform, call: ServerCall) -> Response:  # noqa: ARG001 - every handler takes the call
    """The version of the engine."""
    return answer({"Version": tpp.behaviour.version})
