"""Looks at tickets beside their details: find them by object, user data or caller; name who decided them."""

from collections.abc import Iterable, Mapping

from reconciler.errors import ServerFailure
from reconciler.model.ticket import Guid
from reconciler.tpp import wire
from reconciler.tpp.client import CONFIG_READ_ALL, ENUMERATE, Failure
from reconciler.tpp.identities import names_of
from reconciler.tpp.session import Session
from reconciler.tpp.wire import Result, describe


def find_tickets(session: Session, *, object_dn: str | None = None, user_data: str | None = None) -> tuple[Guid, ...]:
    """Return the tickets on an object and/or with matching user data; with neither, those of the caller.

    The permissions are refreshed first, so that tickets newer than the session are among them
    (TPP reference, Workflow/Ticket/Enumerate and Permissions/Refresh). Raises ServerFailure.
    """
    failure = session.permissions.refresh()
    if failure is not None and failure is not session.permissions.refused:
        raise failure.error()
    members = {name: value for name, value in (("ObjectDN", object_dn), ("UserData", user_data)) if value is not None}
    match session.client.ask(ENUMERATE, members, _parse):
        case Failure() as failure:
            raise failure.error()
        case Result.TICKET_DOES_NOT_EXIST:
            return ()
        case Result() as result:
            where = f" on {object_dn}" if object_dn else ""
            raise ServerFailure(f"tickets{where} can't be listed: {describe(result)}", "check the name of the object")
        case found:
            return found


def _parse(members: wire.Members) -> tuple[Guid, ...] | Result:
    result = wire.result_of(members)
    return wire.guids(members) if result is Result.SUCCESS else result


_FOLDER = "\\VED\\Workflow Tickets\\"
_SUCCESS = 1
_LONGEST = 200
"""Characters of a name that are kept."""


def who_decided(session: Session, guids: Iterable[Guid]) -> Mapping[Guid, str]:
    """Return who updated tickets last, by the names that people write; what can't be read is left out.

    Needs the scope `configuration`: without it nothing is known, and that is no fault.
    """
    found: dict[Guid, str] = {}
    for guid in guids:
        universal = _updated_by(session, guid)
        if isinstance(universal, Failure):
            break
        if universal:
            found[guid] = universal
    names = names_of(session, found.values())
    return {guid: names.get(universal, universal) for guid, universal in found.items()}


def _updated_by(session: Session, guid: Guid) -> str | Failure:
    """Ask for the object; whether its name has braces is not established."""
    for name in (guid, "{" + guid + "}"):
        answer = session.client.ask(CONFIG_READ_ALL, {"ObjectDN": _FOLDER + name}, _attribute)
        if isinstance(answer, Failure) or answer is not None:
            return answer
    return ""


def _attribute(members: wire.Members) -> str | None:
    """Return the value, "" when the object has none, None when there is no such object."""
    if wire.number(members, "result") != _SUCCESS:
        return None
    for each in wire.sequence(members, "namevalues"):
        if isinstance(each, Mapping) and wire.text(each, "name").casefold() == "updated by":
            values = [value for value in wire.sequence(each, "values") if isinstance(value, str)]
            return values[0][:_LONGEST] if values else ""
    return ""
