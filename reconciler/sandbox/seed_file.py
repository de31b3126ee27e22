"""Reading a seed from the plain values of a file."""

from datetime import datetime, timedelta

from reconciler.model.canonical import Json
from reconciler.model.guid import parse_guid
from reconciler.model.instant import parse_instant
from reconciler.model.status import Schedule, Status
from reconciler.sandbox.identities import GROUP, USER, Identity
from reconciler.sandbox.plain import Reader
from reconciler.sandbox.seed import APPROVER, FULL_SCOPE, Seed, TicketSeed, TokenSeed
from reconciler.sandbox.seed_server import decode_behaviour, decode_ways_in
from reconciler.sandbox.world import DEFAULT_WORKFLOW

_SECTIONS = ("server", "identities", "applications", "users", "certificates", "issuers", "tokens", "tickets")
_TYPES = {"user": USER, "group": GROUP, "distribution group": 8}
_STATUSES = {str(status): status for status in Status}
_TICKET = (*(name for name in TicketSeed.__dataclass_fields__ if name != "schedule"), "start", "stop")


def decode_seed(value: Json, path: str) -> Seed:
    """Return the seed of a mapping with any of the sections; one that is absent is as in a seed without a file.

    `path` is named in problems. Raises InvalidInput with all of them.
    """
    reader = Reader(path, "sandbox/seed")
    top = reader.mapping(value, "seed", _SECTIONS)
    plain = Seed()
    seed = Seed(
        identities=_identities(reader, top["identities"]) if "identities" in top else plain.identities,
        ways_in=decode_ways_in(reader, top, plain.ways_in),
        tokens=tuple(_token(reader, item, place) for place, item in reader.items(top.get("tokens"), "tokens")),
        tickets=tuple(_ticket(reader, item, place) for place, item in reader.items(top.get("tickets"), "tickets")),
        behaviour=decode_behaviour(reader, top.get("server")),
    )
    _no_ticket_twice(reader, seed)
    reader.check()
    return seed


def _identities(reader: Reader, value: Json) -> tuple[Identity, ...]:
    return tuple(_identity(reader, item, place) for place, item in reader.items(value, "identities"))


def _identity(reader: Reader, item: Json, place: str) -> Identity:
    values = reader.mapping(item, place, ("universal", "name", "full_name", "type", "groups"))
    kind = reader.text(values, "type", place, "user")
    if kind not in _TYPES:
        reader.fault(f"{place}.type", f"{kind!r} is no type of identity", f"known are: {', '.join(_TYPES)}")
    return Identity(
        reader.text(values, "universal", place),
        reader.text(values, "name", place),
        reader.text(values, "full_name", place, ""),
        _TYPES.get(kind, USER),
        reader.texts(values, "groups", place) or (),
    )


def _token(reader: Reader, item: Json, place: str) -> TokenSeed:
    values = reader.mapping(item, place, ("token", "identity", "scope", "application", "lifetime"))
    return TokenSeed(
        reader.text(values, "token", place),
        reader.text(values, "identity", place, APPROVER.name),
        reader.text(values, "scope", place, FULL_SCOPE),
        reader.text(values, "application", place, "reconciler"),
        timedelta(seconds=reader.number(values, "lifetime", place)) if "lifetime" in values else None,
    )


def _ticket(reader: Reader, item: Json, place: str) -> TicketSeed:
    values = reader.mapping(item, place, _TICKET)
    guid = reader.text(values, "guid", place)
    try:
        parse_guid(guid)
    except ValueError as error:
        reader.fault(f"{place}.guid", str(error))
    status = reader.text(values, "status", place, Status.PENDING)
    if status not in _STATUSES:
        reader.fault(f"{place}.status", f"{status!r} is no status", f"known are: {', '.join(_STATUSES)}")
    start = _instant(reader, reader.text(values, "start", place, ""), f"{place}.start")
    stop = _instant(reader, reader.text(values, "stop", place, ""), f"{place}.stop")
    return TicketSeed(
        guid=guid,
        object=reader.text(values, "object", place),
        workflow=reader.text(values, "workflow", place, DEFAULT_WORKFLOW),
        approvers=reader.texts(values, "approvers", place),
        denied=reader.texts(values, "denied", place) or (),
        reason=reader.text(values, "reason", place, "An approval is needed"),
        status=_STATUSES.get(status, Status.PENDING),
        schedule=Schedule(start, stop) if start else None,
        explanation=reader.text(values, "explanation", place, ""),
        user_data=reader.text(values, "user_data", place, ""),
        stage=int(reader.number(values, "stage", place, 0)),
        age=timedelta(seconds=reader.number(values, "age", place, 86400)),
        new=reader.flag(values, "new", place),
    )


def _instant(reader: Reader, text: str, place: str) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ValueError as error:
        reader.fault(place, str(error))
        return None


def _no_ticket_twice(reader: Reader, seed: Seed) -> None:
    seen: set[str] = set()
    for number, ticket in enumerate(seed.tickets):
        guid = ticket.guid.strip("{} ").lower()
        if guid in seen:
            reader.fault(f"tickets[{number}].guid", f"{ticket.guid!r} is there twice")
        seen.add(guid)
