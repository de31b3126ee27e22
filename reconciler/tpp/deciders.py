"""Who decided a ticket last: the attribute `Updated By` of its object, which the ticket calls do not tell."""

from collections.abc import Iterable, Mapping

from reconciler.model.ticket import Guid
from reconciler.tpp import wire
from reconciler.tpp.calls import CONFIG_READ_ALL
from reconciler.tpp.client import Failure
from reconciler.tpp.identities import name_of
from reconciler.tpp.session import Session

_FOLDER = "\\VED\\Workflow Tickets\\"
_SUCCESS = 1
_LONGEST = 200
"""Characters of a name that are kept."""


def who_decided(session: Session, guids: Iterable[Guid]) -> Mapping[Guid, str]:
    """Return who updated tickets last, by the names that people write; what can't be read is left out.

    Needs the scope `configuration`: without it nothing is known, and that is no fault.
    """
    found: dict[Guid, str] = {}
    names: dict[str, str] = {}
    for guid in guids:
        universal = _updated_by(session, guid)
        if isinstance(universal, Failure):
            break
        if universal:
            if universal not in names:
                names[universal] = name_of(session, universal)
            found[guid] = names[universal]
    return found


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
