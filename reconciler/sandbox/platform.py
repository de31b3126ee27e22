"""The parts that make up the sandbox's TPP, and one call to it: token, scope, body, handler. Knows no sockets."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.codec import Json
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.certificates import Certificates
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.fault_injection import Faults
from reconciler.sandbox.grants import Accounts, GrantRecord, Grants, allows, digest
from reconciler.sandbox.identities import Directory
from reconciler.sandbox.log import Log
from reconciler.sandbox.wire import BadBody, Response, ResultCode, bad_request, failure, oauth_error, parse, parse_form
from reconciler.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Platform:
    """Everything that the handlers of calls work on."""

    clock: SandboxClock
    behaviour: Behaviour
    directory: Directory
    world: World
    grants: Grants
    credentials: Accounts
    certificates: Certificates = field(default_factory=Certificates)
    faults: Faults = field(default_factory=Faults)
    log: Log = field(default_factory=Log)
    unfinished: list[tuple[datetime, Callable[[], Awaitable[Response]]]] = field(default_factory=list)
    """Calls that were answered before they were executed, and when they will be."""

    async def finish_due(self) -> None:
        """Execute the calls that are due."""
        due = [(moment, run) for moment, run in self.unfinished if moment <= self.clock.now()]
        for entry in due:
            self.unfinished.remove(entry)
            await entry[1]()


@dataclass(frozen=True, slots=True)
class Incoming:
    """What arrived.

    `hashed` is the digest of the bearer token, None without one, `subject` the common name of the verified client
    certificate, `negotiate` what came with `Authorization: Negotiate`, `origin` the address that was asked, `rest` what
    stands in the path where a route has `{}`, `query` its parameters, and `form` tells a body of form fields from JSON.
    """

    hashed: str | None
    body: bytes
    subject: str | None = None
    negotiate: str | None = None
    origin: str = ""
    form: bool = False
    rest: str = ""
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ServerCall:
    """One call whose token and scope are in order."""

    body: Mapping[str, Json]
    grant: GrantRecord | None = None
    request: Incoming = Incoming(None, b"")


Handler = Callable[[Platform, ServerCall], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API description.

    `scope` is None when no token is needed at all, `members` are those of its request body.
    """

    operation: str
    method: str
    handler: Handler
    scope: str | None
    members: tuple[str, ...] = ()


async def execute(tpp: Platform, route: Route, request: Incoming) -> Response:
    """Execute one call, as far as token and scope allow."""
    grant = None if request.hashed is None else tpp.grants.of_token(request.hashed)
    if route.scope is not None:
        if grant is None:
            return oauth_error(401, "invalid_token", "Token is missing, expired or revoked")
        scope = tpp.behaviour.scope_of(route.operation, route.scope)
        if not allows(grant.scope, scope):
            status = tpp.behaviour.missing_scope_status
            return oauth_error(status, "insufficient_scope", f"The grant needs the scope {scope}")
    try:
        body = _known_members(tpp, route, request) if route.method == "POST" else {}
        return await route.handler(tpp, ServerCall(body, grant, request))
    except BadBody as fault:
        if route.operation.startswith("ticket") and tpp.behaviour.bad_request_body == "workflow":
            return failure(ResultCode.BAD_ARGUMENTS, 400)
        return bad_request(str(fault))


def _known_members(tpp: Platform, route: Route, request: Incoming) -> Mapping[str, Json]:
    members = tpp.behaviour.members_of(route.operation, route.members)
    body = parse_form(request.body) if request.form else parse(request.body)
    if tpp.behaviour.member_case == "any":
        names = {name.casefold(): name for name in members}
        body = {names.get(name.casefold(), name): value for name, value in body.items()}
    unknown = set(body) - set(members)
    if unknown and tpp.behaviour.unknown_members == "refused":
        raise BadBody(f"{min(unknown)} is not a member of this call")
    return body


def hashed_bearer(authorization: str) -> str | None:
    """Return the digest of the token of an Authorization header, None without one."""
    scheme, _, token = authorization.partition(" ")
    return digest(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
