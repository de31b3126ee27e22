"""The authorisation server under /vedauth."""

import base64
from datetime import datetime
from typing import cast

from reconciler.codec import Json
from reconciler.model.status import format_instant
from reconciler.model.value import replace
from reconciler.sandbox.grants import DEVICE_LIFETIME, Issued, JwtRefused, covers, digest, identity_of_jwt
from reconciler.sandbox.platform import Platform, ServerCall
from reconciler.sandbox.wire import Response, answer, oauth_error, optional, text

_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


async def by_password(tpp: Platform, call: ServerCall) -> Response:
    """Grant for a user name and password."""
    application, scope = text(call.body, "client_id"), text(call.body, "scope")
    optional(call.body, "state")
    user, password = tpp.credentials.users.get(text(call.body, "username")), text(call.body, "password")
    if user is None or not user.knows(password):
        return oauth_error(400, "invalid_grant", "Username/password combination not valid")
    return _grant(tpp, user.identity, application, scope)


async def by_certificate(tpp: Platform, call: ServerCall) -> Response:
    """Grant for the client certificate of the connection."""
    application, scope = text(call.body, "client_id"), text(call.body, "scope")
    if call.request.subject is None:
        return oauth_error(400, "invalid_grant", "No client certificate was presented")
    identity = tpp.credentials.certificates.get(call.request.subject)
    if identity is None:
        return oauth_error(400, "invalid_grant", "The client certificate belongs to no identity")
    return _grant(tpp, identity, application, scope)


async def by_jwt(tpp: Platform, call: ServerCall) -> Response:
    """Grant for a JWT of a trusted issuer."""
    application, scope = text(call.body, "client_id"), text(call.body, "scope")
    try:
        identity = await identity_of_jwt(text(call.body, "jwt"), tpp.credentials.issuers, tpp.clock.now())
    except JwtRefused as refusal:
        return oauth_error(400, "invalid_grant", str(refusal))
    return _grant(tpp, identity, application, scope)


async def integrated(tpp: Platform, call: ServerCall) -> Response:
    """Grant for who the client's machine says it is (contract: NTLM/Kerberos).

    There is no domain here: `Authorization: Negotiate` with the Base64 of a user name stands for that user's ticket.
    """
    application, scope = text(call.body, "client_id"), text(call.body, "scope")
    if call.request.negotiate is None:
        refusal = oauth_error(401, "invalid_grant", "Integrated authentication is required")
        return replace(refusal, headers={"WWW-Authenticate": "Negotiate"})
    try:
        name = base64.b64decode(call.request.negotiate, validate=True).decode("utf-8")
    except ValueError:
        name = ""
    user = tpp.credentials.users.get(name)
    if user is None:
        return oauth_error(400, "invalid_grant", "The ticket belongs to no identity")
    return _grant(tpp, user.identity, application, scope)


async def device(tpp: Platform, call: ServerCall) -> Response:
    """Let a device wait for somebody who lets it in (contract; RFC 8628, 3.1 and 3.2).

    Where the vendor has the page for people is open; here POST /sandbox/device does what it does.
    """
    application, scope = text(call.body, "client_id"), text(call.body, "scope")
    refusal = _application_refusal(tpp, application, scope)
    if refusal:
        return refusal
    code, waiting = tpp.grants.await_approval(application, scope)
    page = f"{call.request.origin}/sandbox/device"
    return answer(
        {
            "device_code": code,
            "expires_in": int(DEVICE_LIFETIME.total_seconds()),
            "interval": 5,
            "user_code": waiting.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={waiting.user_code}",
        }
    )


async def token(tpp: Platform, call: ServerCall) -> Response:
    """New tokens for a refresh token, which is void from then on, or for a device that was let in."""
    if optional(call.body, "device_code") is None:
        return _refresh(tpp, call)
    code, application = digest(text(call.body, "device_code")), text(call.body, "client_id")
    if optional(call.body, "grant_type") != _DEVICE_GRANT:
        return oauth_error(400, "unsupported_grant_type", f"grant_type must be {_DEVICE_GRANT}")
    waiting = tpp.grants.devices.get(code)
    if waiting is None or waiting.application != application:
        return oauth_error(400, "invalid_grant", "No such device code")
    if waiting.expires <= tpp.clock.now():
        return oauth_error(400, "expired_token", "The device code has expired")
    if waiting.identity is None:
        return oauth_error(400, "authorization_pending", "Nobody has decided about the device yet")
    del tpp.grants.devices[code]
    if not waiting.identity:
        return oauth_error(400, "access_denied", "The device was refused")
    return _grant(tpp, waiting.identity, application, waiting.scope)


async def is_auth_server(tpp: Platform, call: ServerCall) -> Response:  # noqa: ARG001 - every handler takes both
    """Say that there is an authorisation server here (contract)."""
    return Response(200, content_type="text/plain")


def _refresh(tpp: Platform, call: ServerCall) -> Response:
    optional(call.body, "grant_type")
    issued = tpp.grants.rotate(text(call.body, "refresh_token"), text(call.body, "client_id"), tpp.world.serial)
    if issued is None:
        return oauth_error(400, "invalid_grant", "Grant has been revoked, has expired, or the refresh token is invalid")
    return _answer(issued)


async def verify(tpp: Platform, call: ServerCall) -> Response:
    """Who holds the token and which scope; until when: `expires*` is the grant, `valid_for` the token (contract)."""
    grant = call.grant
    if grant is None:
        return oauth_error(401, "invalid_token", "Token is missing, expired or revoked")
    return answer(
        {
            **_spelled("access_issued_on", grant.access_issued),
            **_spelled("expires", grant.refresh_until),
            **_spelled("grant_issued_on", grant.issued),
            "application": grant.application,
            "identity": grant.identity,
            "scope": grant.scope,
            "valid_for": int((grant.expires - tpp.clock.now()).total_seconds()),
        }
    )


async def revoke(tpp: Platform, call: ServerCall) -> Response:
    """End the grant of the bearer token: 200, or 202 when there is none to end."""
    if call.grant is None:
        return Response(202, content_type="text/plain")
    tpp.grants.revoke(call.grant)
    return Response(200, content_type="text/plain")


def _grant(tpp: Platform, identity: str, application: str, scope: str) -> Response:
    refusal = _application_refusal(tpp, application, scope)
    return refusal or _answer(tpp.grants.take(identity, application, scope, seen=tpp.world.serial))


def _application_refusal(tpp: Platform, application: str, scope: str) -> Response | None:
    offered = tpp.credentials.applications.get(application)
    if offered is None:
        return oauth_error(400, "invalid_client", "No such application, or the identity may not use it")
    if not covers(offered, scope):
        return oauth_error(400, "invalid_scope", "The application does not offer the scope that was asked for")
    return None


def _answer(issued: Issued) -> Response:
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


def _spelled(name: str, moment: datetime | None) -> dict[str, Json]:
    """Spell an instant in the three ways of Verify; what never comes is null, and 0 as a number (contract)."""
    iso = None if moment is None else format_instant(moment)
    return {name: iso, f"{name}_ISO8601": iso, f"{name}_unix_time": _unix(moment)}


def _unix(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp())
