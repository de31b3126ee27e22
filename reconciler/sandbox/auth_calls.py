"""The authorisation server under /vedauth."""

from datetime import datetime
from typing import cast

from reconciler.model.canonical import Json
from reconciler.model.instant import format_instant
from reconciler.sandbox.credentials import JwtRefused, identity_of_jwt
from reconciler.sandbox.grants import Issued, covers
from reconciler.sandbox.platform import Platform, ServerCall
from reconciler.sandbox.wire import Reply, answer, oauth_error, optional, text


async def by_password(tpp: Platform, call: ServerCall) -> Reply:
    """Grant for a user name and password."""
    application, scope = text(call.body, "client_id"), text(call.body, "scope")
    optional(call.body, "state")
    user, password = tpp.credentials.users.get(text(call.body, "username")), text(call.body, "password")
    if user is None or not user.knows(password):
        return oauth_error(400, "invalid_grant", "Username/password combination not valid")
    return _grant(tpp, user.identity, application, scope)


async def by_certificate(tpp: Platform, call: ServerCall) -> Reply:
    """Grant for the client certificate of the connection."""
    application, scope = text(call.body, "client_id"), text(call.body, "scope")
    if call.subject is None:
        return oauth_error(400, "invalid_grant", "No client certificate was presented")
    identity = tpp.credentials.certificates.get(call.subject)
    if identity is None:
        return oauth_error(400, "invalid_grant", "The client certificate belongs to no identity")
    return _grant(tpp, identity, application, scope)


async def by_jwt(tpp: Platform, call: ServerCall) -> Reply:
    """Grant for a JWT of a trusted issuer."""
    application, scope = text(call.body, "client_id"), text(call.body, "scope")
    try:
        identity = await identity_of_jwt(text(call.body, "jwt"), tpp.credentials.issuers, tpp.clock.now())
    except JwtRefused as refusal:
        return oauth_error(400, "invalid_grant", str(refusal))
    return _grant(tpp, identity, application, scope)


async def refresh(tpp: Platform, call: ServerCall) -> Reply:
    """New tokens for a refresh token, which is void from then on."""
    optional(call.body, "grant_type")
    issued = tpp.grants.rotate(text(call.body, "refresh_token"), text(call.body, "client_id"), tpp.world.serial)
    if issued is None:
        return oauth_error(400, "invalid_grant", "Grant has been revoked, has expired, or the refresh token is invalid")
    return _answer(issued)


async def verify(tpp: Platform, call: ServerCall) -> Reply:
    """Who holds the token, which scope, until when."""
    grant = call.grant
    if grant is None:
        return oauth_error(401, "invalid_token", "Token is missing, expired or revoked")
    return answer(
        {
            "access_issued_on_ISO8601": format_instant(grant.access_issued),
            "access_issued_on_unix_time": _unix(grant.access_issued),
            "application": grant.application,
            "expires_ISO8601": format_instant(grant.expires),
            "expires_unix_time": _unix(grant.expires),
            "grant_issued_on_ISO8601": format_instant(grant.issued),
            "grant_issued_on_unix_time": _unix(grant.issued),
            "identity": grant.identity,
            "scope": grant.scope,
            "valid_for": int((grant.expires - tpp.clock.now()).total_seconds()),
        }
    )


async def revoke(tpp: Platform, call: ServerCall) -> Reply:
    """End the grant of the bearer token: 200, or 202 when there is none to end."""
    if call.grant is None:
        return Reply(202, content_type="text/plain")
    tpp.grants.revoke(call.grant)
    return Reply(200, content_type="text/plain")


def _grant(tpp: Platform, identity: str, application: str, scope: str) -> Reply:
    offered = tpp.credentials.applications.get(application)
    if offered is None:
        return oauth_error(400, "invalid_client", "No such application, or the identity may not use it")
    if not covers(offered, scope):
        return oauth_error(400, "invalid_scope", "The application does not offer the scope that was asked for")
    return _answer(tpp.grants.take(identity, application, scope, seen=tpp.world.serial))


def _answer(issued: Issued) -> Reply:
    grant = issued.grant
    payload = {
        "access_token": issued.access_token,
        "expires": _unix(grant.expires),
        "expires_in": int((grant.expires - grant.access_issued).total_seconds()),
        "identity": grant.identity,
        "refresh_token": issued.refresh_token,
        "refresh_until": _unix(grant.refresh_until),
        "scope": grant.scope,
        "token_type": "Bearer",
    }
    return answer(cast("dict[str, Json]", payload))


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())
