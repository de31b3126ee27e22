"""The control endpoints under /sandbox/, for tests in another process. Loopback only."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec
from aiohttp import web

from reconciler.codec import Json
from reconciler.errors import ReconcilerError
from reconciler.model.status import Status, format_instant
from reconciler.sandbox.fault_rules import decode_rules
from reconciler.sandbox.platform import Platform
from reconciler.sandbox.ticket import Processed, Ticket
from reconciler.sandbox.wire import BadBody, Response, bad_request, oauth_error, optional, parse, text
from reconciler.sandbox.wire import answer as reply_with

Command = Callable[[Platform, Mapping[str, Json]], Json]


def answer(tpp: Platform, request: web.BaseRequest, path: str, body: bytes) -> Response:
    """Carry out one control request."""
    if not _is_local(request.remote or ""):
        return oauth_error(403, "forbidden", "The control endpoints answer on the loopback interface only")
    command = _COMMANDS.get(f"{request.method} {path}")
    if command is None:
        return oauth_error(404, "not_found", f"Control endpoints: {', '.join(sorted(_COMMANDS))}")
    try:
        members: Mapping[str, Json] = parse(body) if body else dict(request.query)
        return reply_with({"version": 1, "answer": command(tpp, members)})
    except (BadBody, ReconcilerError, ValueError) as fault:
        return bad_request(str(fault))


def _log(tpp: Platform, body: Mapping[str, Json]) -> Json:
    after, operation = int(optional(body, "after") or "0"), optional(body, "operation")
    return [
        entry.as_json() for entry in tpp.log.entries if entry.number > after and operation in (None, entry.operation)
    ]


def _clear_log(tpp: Platform, _: Mapping[str, Json]) -> Json:
    tpp.log.clear()
    return None


def _state(tpp: Platform, _: Mapping[str, Json]) -> Json:
    return {
        "now": format_instant(tpp.clock.now()),
        "processing": tpp.world.processing,
        "tickets": [_plain(ticket) for ticket in tpp.world.tickets.values()],
        "objects": dict(tpp.world.objects),
        "grants": sum(1 for _ in tpp.grants),
    }


def _add_ticket(tpp: Platform, body: Mapping[str, Json]) -> Json:
    approvers, denied = _names(body, "approvers"), _names(body, "denied")
    ticket = tpp.world.add_ticket(
        optional(body, "guid"),
        object=optional(body, "object"),
        workflow=optional(body, "workflow") or r"\VED\Policy\Workflows\Stage 0",
        approvers=approvers,
        denied=denied or (),
        reason=optional(body, "reason") or "An approval is needed",
        user_data=optional(body, "user_data") or "",
        new=body.get("new") is True,
    )
    return _plain(ticket)


def _delete_ticket(tpp: Platform, body: Mapping[str, Json]) -> Json:
    return tpp.world.delete(text(body, "guid"))


def _restore_ticket(tpp: Platform, body: Mapping[str, Json]) -> Json:
    try:
        return _plain(tpp.world.restore_ticket(text(body, "guid")))
    except KeyError:
        raise BadBody("there never was a ticket with this guid") from None


def _console(tpp: Platform, body: Mapping[str, Json]) -> Json:
    return int(
        tpp.world.console(
            text(body, "guid"),
            Status(text(body, "status")),
            by=optional(body, "by"),
            start=optional(body, "start"),
            stop=optional(body, "stop"),
            explanation=optional(body, "explanation"),
        )
    )


def _device(tpp: Platform, body: Mapping[str, Json]) -> Json:
    who = optional(body, "identity")
    identity = tpp.directory.find(who) if who else None
    if who and identity is None:
        raise BadBody("identity is nobody here; leave it out to refuse the device")
    try:
        tpp.grants.answer_device(text(body, "user_code"), identity.universal if identity else "")
    except KeyError:
        raise BadBody("no device waits with this user_code") from None
    return identity.universal if identity else None


def _advance(tpp: Platform, body: Mapping[str, Json]) -> Json:
    seconds = body.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise BadBody("seconds is required and must be a number")
    return format_instant(tpp.world.advance(seconds))


def _process(tpp: Platform, _: Mapping[str, Json]) -> Json:
    outcome: Processed = tpp.world.process()
    return {"changed": [ticket.guid for ticket in outcome.changed], "deleted": outcome.deleted}


def _processing(tpp: Platform, body: Mapping[str, Json]) -> Json:
    if body.get("paused") is True:
        tpp.world.pause()
    else:
        tpp.world.resume()
    return tpp.world.processing


def _faults(tpp: Platform, _: Mapping[str, Json]) -> Json:
    return [{"name": rule.name, "matched": rule.matched, "hits": rule.hits} for rule in tpp.faults.rules]


def _add_faults(tpp: Platform, body: Mapping[str, Json]) -> Json:
    tpp.faults.extend(list(decode_rules(body, "request")))
    return _faults(tpp, body)


def _clear_faults(tpp: Platform, _: Mapping[str, Json]) -> Json:
    tpp.faults.clear()
    return None


_COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "GET /sandbox/log": _log,
        "DELETE /sandbox/log": _clear_log,
        "GET /sandbox/state": _state,
        "POST /sandbox/tickets": _add_ticket,
        "POST /sandbox/tickets/delete": _delete_ticket,
        "POST /sandbox/tickets/restore": _restore_ticket,
        "POST /sandbox/tickets/console": _console,
        "POST /sandbox/device": _device,
        "POST /sandbox/clock": _advance,
        "POST /sandbox/process": _process,
        "POST /sandbox/processing": _processing,
        "GET /sandbox/faults": _faults,
        "POST /sandbox/faults": _add_faults,
        "DELETE /sandbox/faults": _clear_faults,
    }
)


def _plain(ticket: Ticket) -> Json:
    value: Json = msgspec.to_builtins(ticket)
    return value


def _names(body: Mapping[str, Json], name: str) -> tuple[str, ...] | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        raise BadBody(f"{name} must be a list of identities")
    return tuple(str(item) for item in value)


def _is_local(address: str) -> bool:
    return address == "::1" or address.removeprefix("::ffff:").startswith("127.")
