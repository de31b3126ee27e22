"""Looks at tickets beside their details: find them by object, user data or caller; name who decided them."""

from collections.abc import Iterable, Mapping

from reconciler.errors import ServerFailure
from reconciler.model.ticket import Guid
from reconciler.ports import LastUpdate
from reconciler.tpp import wire
from reconciler.tpp.client import ENUMERATE, Failure
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


_LONGEST = 200
"""Characters of a name that are kept."""


def who_decided(session: Session, guids: Iterable[Guid]) -> Mapping[Guid, LastUpdate]:
    """Return who updated tickets last, by the names that people write, and when; what can't be read is left out.

    Needs the scope `configuration`: without it nothing is known, and that is no fault.
    """
    found: dict[Guid, LastUpdate] = {}
    for guid in guids:
        known = session.objects.read(guid)
        if isinstance(known, Failure):
            break
        universal = known.get("updated by", "")[:_LONGEST]
        if universal:
            found[guid] = LastUpdate(universal, wire.attribute_time(known.get("last update", "")))
    names = names_of(session, (update.by for update in found.values()))
    return {guid: LastUpdate(names.get(update.by, update.by), update.at) for guid, update in found.items()}
