"""From a request to a reply: token, scope, body, handler. Knows nothing of sockets."""

from dataclasses import dataclass

from reconciler.sandbox.body import Malformed, parse
from reconciler.sandbox.grants import digest
from reconciler.sandbox.platform import Call, Platform, Route
from reconciler.sandbox.reply import Reply, bad_request, oauth_error
from reconciler.sandbox.scope import allows


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived: the Authorization header, the body, and the common name of the client certificate."""

    authorization: str
    body: bytes
    subject: str | None = None


async def execute(tpp: Platform, route: Route, request: Request) -> Reply:
    """Execute one call, as far as token and scope allow."""
    hashed = digest(bearer(request.authorization) or "")
    grant = tpp.grants.of_token(hashed)
    if route.scope is not None:
        if grant is None:
            return oauth_error(401, "invalid_token", "Token is missing, expired or revoked")
        if not allows(grant.scope, route.scope):
            status = tpp.behaviour.missing_scope_status
            return oauth_error(status, "insufficient_scope", f"The grant needs the scope {route.scope}")
    try:
        body = parse(request.body) if route.method == "POST" else {}
        return await route.handler(tpp, Call(body, grant, request.subject))
    except Malformed as fault:
        return bad_request(str(fault))


def bearer(authorization: str) -> str | None:
    """Return the token of an Authorization header, None without one."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
