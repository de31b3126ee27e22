"""The calls about the caller and the server: permissions, identities, version."""

from collections.abc import Mapping

from reconciler.sandbox.identities import Principal
from reconciler.sandbox.platform import Platform, ServerCall
from reconciler.sandbox.wire import Malformed, Reply, ResultCode, answer, text, whole_number

_EVERY_TYPE = 1 | 2 | 8


async def refresh_permissions(tpp: Platform, call: ServerCall) -> Reply:
    """Reload the caller's permissions, so that newer tickets become visible."""
    if call.grant:
        tpp.grants.renew_permissions(call.grant, tpp.world.serial)
    return answer({"Result": int(ResultCode.SUCCESS)})


async def identity_self(tpp: Platform, call: ServerCall) -> Reply:
    """The caller first, then its groups."""
    universal = call.grant.identity if call.grant else ""
    caller = tpp.directory.find(universal) or Principal(universal, universal)
    groups = [group for name in caller.groups if (group := tpp.directory.find(name))]
    return answer({"Identities": [identity.on_the_wire() for identity in (caller, *groups)]})


async def browse_identities(tpp: Platform, call: ServerCall) -> Reply:
    """Identities whose name begins with the filter."""
    pattern = text(call.body, "Filter") if call.body.get("Filter") is not None else ""
    types = whole_number(call.body, "IdentityType", _EVERY_TYPE)
    limit = max(0, min(whole_number(call.body, "Limit", 1000), 10_000))
    found = tpp.directory.browse(pattern, types, limit)
    return answer({"Identities": [identity.on_the_wire() for identity in found]})


async def validate_identity(tpp: Platform, call: ServerCall) -> Reply:
    """The identity with its missing fields; an empty object when there is none."""
    asked = call.body.get("ID")
    if not isinstance(asked, Mapping):
        raise Malformed("ID is required and must be an identity")
    found = tpp.directory.resolve(asked)
    return answer({"ID": found.on_the_wire()} if found else {})


async def version(tpp: Platform, call: ServerCall) -> Reply:  # noqa: ARG001 - every handler takes the call
    """The version of the engine."""
    return answer({"Version": tpp.behaviour.version})
