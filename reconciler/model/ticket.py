"""What the server says of a ticket, and every way in which it can fail to say it."""

import re
from datetime import datetime
from typing import NewType

from msgspec import Struct

from reconciler.model.status import State

Guid = NewType("Guid", str)

_GUID = re.compile(r"\{?([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\}?")


def parse_guid(text: str) -> Guid:
    """Return the GUID in lower case without braces.

    TPP writes GUIDs with or without braces and in either case (websdk facts, "The ticket").
    Raises ValueError when the text is not a GUID or has only one brace.
    """
    match = _GUID.fullmatch(text.strip())
    if match is None or text.strip().startswith("{") != text.strip().endswith("}"):
        raise ValueError(f"{text!r} is not a GUID")
    return Guid(match.group(1).lower())


def identity_key(universal: str) -> str:
    """Return what spellings of one prefixed universal have in common: case and braces differ by provider and call."""
    return universal.casefold().replace("{", "").replace("}", "")


def dn_key(dn: str) -> str:
    r"""Return what two spellings of one DN have in common: simple upper case, one character for each.

    So `\VED\straße` is not `\VED\STRASSE`. What is not ASCII never becomes ASCII (.NET, ordinal comparison without
    case: the dotless i is not `I`).
    """
    return dn.upper() if dn.isascii() else "".join(map(_upper, dn))


def _upper(character: str) -> str:
    upper = character.upper()
    same = len(upper) != 1 or (upper.isascii() and not character.isascii())
    return character if same else upper


class LiveTicket(Struct, frozen=True):
    """A ticket as Workflow/Ticket/Details reports it.

    `object` is the DN of the stopped object (Blocking), `workflow` the DN of the workflow object
    (IssuedDueTo), `reason` the administrator's text (ApprovalReason), `approvers` prefixed universals.
    `state.schedule` is None when the server reported none: older servers never report it.
    """

    guid: Guid
    state: State
    object: str = ""
    workflow: str = ""
    reason: str = ""
    explanation: str = ""
    approvers: tuple[str, ...] = ()
    created: datetime | None = None
    updated: datetime | None = None


class Found(Struct, frozen=True):
    """The ticket is there and was read."""

    ticket: LiveTicket


class Gone(Struct, frozen=True):
    """The server knows no such ticket, also after Permissions/Refresh (Result 3): processed, deleted or never there."""


class Hidden(Struct, frozen=True):
    """The server denies us the ticket, also after Permissions/Refresh (Result 4, or it exists but has no details)."""


class Unread(Struct, frozen=True):
    """The ticket could not be read. `systemic` when no other ticket can be read either (credentials, network).

    `passing` when the same run may succeed later (server away, throttled), and nobody has to mend anything.
    """

    why: str
    systemic: bool = False
    passing: bool = False


Reading = Found | Gone | Hidden | Unread


class Accepted(Struct, frozen=True):
    """The server took the update (Result 1). Provisional until the ticket has been read again."""

    result: int = 1


class Declined(Struct, frozen=True):
    """The server refused the update and did not execute it (Result 4, 5, 6, 8, HTTP 400, 401, 403).

    `systemic` when every further write would be refused too (token, scope).
    """

    why: str
    result: int | None = None
    systemic: bool = False


class NotSent(Struct, frozen=True):
    """No byte of the update left this machine, so the server cannot have it. `passing` as in Unread."""

    why: str
    systemic: bool = False
    passing: bool = False


class Lost(Struct, frozen=True):
    """The update was sent and nothing proves either way whether the server executed it.

    The server may still be at work on it, so that nothing is proven by finding the ticket unchanged.
    `server_fault` when the fault speaks of a server in trouble (5xx, time-out, push-back).
    """

    why: str
    result: int | None = None
    server_fault: bool = False


Answer = Accepted | Declined | NotSent | Lost
