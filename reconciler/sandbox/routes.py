"""The operations of the API description: path, method, required scope, handler."""

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.sandbox import auth_calls, server_calls, ticket_calls
from reconciler.sandbox.grants import ANY
from reconciler.sandbox.platform import Route

_OPEN = None

ROUTES: Mapping[str, Route] = MappingProxyType(
    {
        "/vedsdk/workflow/ticket/create": Route("ticketCreate", "POST", ticket_calls.create, "configuration:manage"),
        "/vedsdk/workflow/ticket/delete": Route("ticketDelete", "POST", ticket_calls.delete, "configuration:delete"),
        "/vedsdk/workflow/ticket/details": Route("ticketDetails", "POST", ticket_calls.details, ANY),
        "/vedsdk/workflow/ticket/enumerate": Route("ticketEnumerate", "POST", ticket_calls.enumerate_tickets, ANY),
        "/vedsdk/workflow/ticket/exists": Route("ticketExists", "POST", ticket_calls.exists, ANY),
        "/vedsdk/workflow/ticket/status": Route("ticketStatus", "POST", ticket_calls.status, ANY),
        "/vedsdk/workflow/ticket/updatestatus": Route(
            "ticketUpdateStatus", "POST", ticket_calls.update_status, "any:approve"
        ),
        "/vedsdk/permissions/refresh": Route("permissionsRefresh", "GET", server_calls.refresh_permissions, ANY),
        "/vedsdk/identity/self": Route("identitySelf", "GET", server_calls.identity_self, ANY),
        "/vedsdk/identity/browse": Route("identityBrowse", "POST", server_calls.browse_identities, "configuration"),
        "/vedsdk/identity/validate": Route("identityValidate", "POST", server_calls.validate_identity, "configuration"),
        "/vedsdk/systemstatus/version": Route("systemVersion", "GET", server_calls.version, ANY),
        "/vedauth/authorize/oauth": Route("authorizePassword", "POST", auth_calls.by_password, _OPEN),
        "/vedauth/authorize/certificate": Route("authorizeCertificate", "POST", auth_calls.by_certificate, _OPEN),
        "/vedauth/authorize/jwt": Route("authorizeJwt", "POST", auth_calls.by_jwt, _OPEN),
        "/vedauth/authorize/token": Route("refreshToken", "POST", auth_calls.refresh, _OPEN),
        "/vedauth/authorize/verify": Route("verifyToken", "GET", auth_calls.verify, ANY),
        "/vedauth/revoke/token": Route("revokeToken", "GET", auth_calls.revoke, _OPEN),
    }
)
"""By path in lower case: method names in paths are case-insensitive (TPP reference)."""

OPERATIONS = frozenset(route.operation for route in ROUTES.values())
