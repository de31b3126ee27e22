"""The operations of the API description: path, method, required scope, handler."""

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.sandbox import auth_calls, certificate_calls, server_calls, ticket_calls
from reconciler.sandbox.grants import ANY
from reconciler.sandbox.platform import Handler, Route

_OPEN = None

_TICKET = ("GUID",)
_UPDATE = ("GUID", "Status", "Explanation", "ScheduledStart", "ScheduledStop")
_CREATE = ("ObjectDN", "WorkflowDN", "Approvers", "Reason", "UserData")


def _ticket(operation: str, handler: Handler, scope: str = ANY, members: tuple[str, ...] = _TICKET) -> Route:
    return Route(operation, "POST", handler, scope, members)


def _grant(operation: str, handler: Handler, *members: str) -> Route:
    return Route(operation, "POST", handler, _OPEN, ("client_id", *members))


ROUTES: Mapping[str, Route] = MappingProxyType(
    {
        "/vedsdk/workflow/ticket/create": _ticket("ticketCreate", ticket_calls.create, "configuration:manage", _CREATE),
        "/vedsdk/workflow/ticket/delete": _ticket("ticketDelete", ticket_calls.delete, "configuration:delete"),
        "/vedsdk/workflow/ticket/details": _ticket("ticketDetails", ticket_calls.details),
        "/vedsdk/workflow/ticket/enumerate": _ticket(
            "ticketEnumerate", ticket_calls.enumerate_tickets, members=("ObjectDN", "UserData")
        ),
        "/vedsdk/workflow/ticket/exists": _ticket("ticketExists", ticket_calls.exists),
        "/vedsdk/workflow/ticket/status": _ticket("ticketStatus", ticket_calls.status),
        "/vedsdk/workflow/ticket/updatestatus": _ticket(
            "ticketUpdateStatus", ticket_calls.update_status, "any:approve", _UPDATE
        ),
        "/vedsdk/permissions/refresh": Route("permissionsRefresh", "GET", server_calls.refresh_permissions, ANY),
        "/vedsdk/identity/self": Route("identitySelf", "GET", server_calls.identity_self, ANY),
        "/vedsdk/identity/browse": Route(
            "identityBrowse",
            "POST",
            server_calls.browse_identities,
            "configuration",
            ("Filter", "Limit", "IdentityType"),
        ),
        "/vedsdk/identity/validate": Route(
            "identityValidate", "POST", server_calls.validate_identity, "configuration", ("ID",)
        ),
        "/vedsdk/config/readall": Route(
            "configReadAll", "POST", server_calls.read_all, "configuration", ("ObjectDN", "ObjectID")
        ),
        "/vedsdk/config/dntoguid": Route("resolveDn", "POST", certificate_calls.dn_to_guid, ANY, ("ObjectDN",)),
        "/vedsdk/certificates/": Route("searchCertificates", "GET", certificate_calls.search, "certificate"),
        "/vedsdk/certificates/{guid}": Route("readCertificate", "GET", certificate_calls.details, "certificate"),
        "/vedsdk/systemstatus/version": Route("systemVersion", "GET", server_calls.version, ANY),
        "/vedauth/authorize/oauth": _grant(
            "authorizePassword", auth_calls.by_password, "username", "password", "scope", "state"
        ),
        "/vedauth/authorize/certificate": _grant("authorizeCertificate", auth_calls.by_certificate, "scope"),
        "/vedauth/authorize/integrated": _grant("authorizeIntegrated", auth_calls.integrated, "scope"),
        "/vedauth/authorize/device": _grant("authorizeDevice", auth_calls.device, "scope"),
        "/vedauth/authorize/jwt": _grant("authorizeJwt", auth_calls.by_jwt, "jwt", "scope"),
        "/vedauth/authorize/token": _grant(
            "refreshToken", auth_calls.token, "refresh_token", "grant_type", "device_code"
        ),
        "/vedauth/authorize/verify": Route("verifyToken", "GET", auth_calls.verify, ANY),
        "/vedauth/authorize/isauthserver": Route("isAuthServer", "GET", auth_calls.is_auth_server, _OPEN),
        "/vedauth/revoke/token": Route("revokeToken", "GET", auth_calls.revoke, _OPEN),
    }
)
"""By path in lower case: method names in paths are case-insensitive (TPP reference)."""

_CERTIFICATES = "/vedsdk/certificates/"


def find_route(path: str) -> tuple[Route | None, str]:
    """Return the route of a path, and what stands in the path where the route leaves it open."""
    lower = path.lower()
    if lower.startswith(_CERTIFICATES):
        rest = path[len(_CERTIFICATES) :].rstrip("/")
        return ROUTES[_CERTIFICATES + ("{guid}" if rest else "")], rest
    return ROUTES.get(lower.rstrip("/")), ""


OPERATIONS = frozenset(route.operation for route in ROUTES.values())
