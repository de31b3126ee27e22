"""From a request to a reply: token, scope, body, handler. Knows nothing of sockets."""

from dataclasses import dataclass

from reconciler.sandbox.body import Malformed, parse
from reconciler.sandbox.grants import digest
from reconciler.sandbox.platform import Call, Platform, Route
from reconciler.sandbox.reply import Reply, bad_request, oauth_error
from reconciler.sandbox.scope import allows


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived: the digest of the bearer token, None without one, the body, and the certificate's common name."""

    hashed: str | None
    body: bytes
    subject: str | None = None


async def execute(tpp: Platform, route: Route, request: Request) -> Reply:
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
        return await route.handler(tpp, Call(body, grant, request.subject))
    except Malformed as fault:
        return bad_request(str(fault))


def hashed_bearer(authorization: str) -> str | None:
    """Return the digest of the token of an Authorization header, None without one."""
    scheme, _, token = authorization.partition(" ")
    return digest(token.strip()) if scheme.lower() == "bearer" and token.strip() else None
