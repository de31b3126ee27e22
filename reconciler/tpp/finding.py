"""Finding tickets without knowing their GUIDs: by object, by user data, or those of the caller."""

from reconciler.errors import ServerFailure
from reconciler.model.ticket import Guid
from reconciler.tpp import wire
from reconciler.tpp.calls import ENUMERATE
from reconciler.tpp.client import Failure
from reconciler.tpp.results import Result, describe
from reconciler.tpp.session import Session


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
