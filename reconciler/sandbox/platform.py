"""The parts that make up the sandbox's TPP, and one call to it: token, scope, body, handler. Knows no sockets."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from reconciler.model.canonical import Json
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.credentials import Credentials
from reconciler.sandbox.fault_injection import Faults
from reconciler.sandbox.grants import GrantRecord, Grants, allows, digest
from reconciler.sandbox.identities import Directory
from reconciler.sandbox.log import Log
from reconciler.sandbox.wire import Malformed, Reply, bad_request, oauth_error, parse
from reconciler.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Platform:
    """Everything that the handlers of calls work on."""

    clock: SandboxClock
    behaviour: Behaviour
    directory: Directory
    world: World
    grants: Grants
    credentials: Credentials
    faults: Faults = field(default_factory=Faults)
    log: Log = field(default_factory=Log)


@dataclass(frozen=True, slots=True)
class ServerCall:
    """One call whose token and scope are in order. `subject` is the common name of the verified client certificate."""

    body: Mapping[str, Json]
    grant: GrantRecord | None = None
    subject: str | None = None


Handler = Callable[[Platform, ServerCall], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API description. `scope` is None when no token is needed at all."""

    operation: str
    method: str
    handler: Handler
    scope: str | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """What arrived: the digest of the bearer token, None without one, the body, and the certificate's common name."""

    hashed: str | None
    body: bytes
    subject: str | None = None


async def execute(tpp: Platform, route: Route, request: Incoming) -> Reply:
    """Execute one call, as far as token and scope allow."""
    grant = None if request.hashed is None else tpp.grants.of_token(request.hashed)
    if route.scope is not None:
        if grant is None:
            return oauth_error(401, "invalid_token", "Token is missing, expired or revoked")
        if not allows(grant.scope, route.scope):
            status = tpp.behaviour.missing_scope_status
            return oauth_error(status, "insufficient_scope", f"The grant needs the scope {route.scope}")
    try:
        body = parse(request.body) if route.method == "POST" else {}
        return await route.handler(tpp, ServerCall(body, grant, request.subject))
    except Malformed as fault:
        return bad_request(str(fault))


def hashed_bearer(authorization: str) -> str | None:
    """Return the digest of the token of an Authorization header, None without one."""
    scheme, _, token = authorization.partition(" ")
    return digest(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
