"""What a sandbox starts with, and reading it from the plain values of a file, whose members have the same names."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from msgspec import Struct, field, to_builtins

from reconciler.codec import Json
from reconciler.model.status import Schedule, Status
from reconciler.model.ticket import parse_guid
from reconciler.sandbox.behaviour import DEFAULT_PROFILE, PROFILES, Behaviour
from reconciler.sandbox.certificates import StoredCertificate
from reconciler.sandbox.conversion import Conversion
from reconciler.sandbox.grants import Accounts, JwtMapping, User
from reconciler.sandbox.identities import Principal, PrincipalType
from reconciler.sandbox.world import DEFAULT_WORKFLOW

READING_SCOPE = "certificate;configuration"
"""Of a token that can look at everything and decide nothing."""
FULL_SCOPE = "certificate:approve,manage;configuration:delete,manage"
OFFERED_SCOPE = "certificate:approve,delete,discover,manage,revoke;configuration:delete,manage;security;ssh:manage"
APPROVER = Principal("local:{b6e6a98b-6419-4497-9249-860d136dfba0}", "local:svc-approver", "Approval service")
JOE = Principal("AD+CORP:7d0b9c1e55aa4f40", "AD+CORP:jdoe", "Joe Doe", groups=("AD+CORP:0f9e3d7c21bb4a12",))
JANE = Principal("AD+CORP:3c5e8a6f77cd4e21", "AD+CORP:jane", "Jane Roe")
PKI_TEAM = Principal("AD+CORP:0f9e3d7c21bb4a12", "AD+CORP:pki-team", "PKI team", PrincipalType.GROUP)


def _has_offset(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ValueError("needs an offset", "write one such as 2026-11-28T22:00:00Z")


class TicketSeed(Struct, frozen=True):
    """A ticket to start with. Approvers and denied identities in any spelling; None means the approval service."""

    checks = MappingProxyType({"guid": parse_guid, "start": _has_offset, "stop": _has_offset})
    guid: str
    object: str
    workflow: str = DEFAULT_WORKFLOW
    approvers: tuple[str, ...] | None = None
    denied: tuple[str, ...] = ()
    reason: str = "An approval is needed"
    status: Status = Status.PENDING
    start: datetime | None = None
    stop: datetime | None = None
    explanation: str = ""
    user_data: str = ""
    stage: int = 0
    age: timedelta = timedelta(days=1)
    new: bool = False

    @property
    def schedule(self) -> Schedule | None:
        """When a scheduled ticket takes effect."""
        return Schedule(self.start, self.stop) if self.start else None


class TokenSeed(Struct, frozen=True):
    """A static access token. `identity` in any spelling; without `lifetime` it lives as long as any."""

    token: str
    identity: str = APPROVER.name
    scope: str = FULL_SCOPE
    application: str = "reconciler"
    lifetime: timedelta | None = None

    def __repr__(self) -> str:
        """Show everything but the token."""
        return f"TokenSeed(identity={self.identity!r}, scope={self.scope!r})"


class Seed(Accounts, frozen=True, kw_only=True):
    """Everything that is there when the sandbox starts for the first time."""

    behaviour: Behaviour = field(default=Behaviour(), name="server")
    identities: tuple[Principal, ...] = (APPROVER, JOE, JANE, PKI_TEAM)
    applications: dict[str, str] = field(
        default_factory=lambda: {"reconciler": OFFERED_SCOPE, "vcert-sdk": OFFERED_SCOPE}
    )
    users: dict[str, User] = field(
        default_factory=lambda: {
            "svc-approver": User(APPROVER.universal, "correct horse battery staple"),
            "jdoe": User(JOE.universal, "passw0rd-of-joe"),
        }
    )
    certificates: dict[str, str] = field(default_factory=lambda: {"svc-approver": APPROVER.universal})
    issuers: tuple[JwtMapping, ...] = ()
    tokens: tuple[TokenSeed, ...] = ()
    tickets: tuple[TicketSeed, ...] = ()
    objects: tuple[StoredCertificate, ...] = ()


def decode_seed(value: Json, path: str, profile: str | None = None) -> Seed:
    """Return the seed of a mapping with any of the members of Seed; durations are seconds.

    Behaviour that it does not state is that of `profile`, or else of the profile that it names. `path` is named in
    problems. Raises InvalidInput with all of them.
    """
    conversion = Conversion(path, "sandbox/seed")
    plain = dict(value) if isinstance(value, Mapping) else value
    if plain is None:
        plain = {}
    if isinstance(plain, dict):
        plain["server"] = _over_profile(conversion, plain.get("server"), profile)
    seed = conversion.read(plain, Seed, "")
    _no_ticket_twice(conversion, value)
    conversion.check()
    return seed if isinstance(seed, Seed) else Seed()


def _over_profile(conversion: Conversion, server: Json, profile: str | None) -> Json:
    if server is not None and not isinstance(server, Mapping):
        return server
    stated = dict(server or {})
    named = stated.pop("profile", None)
    if named is not None and named not in PROFILES:
        conversion.fault("server.profile", f"{named!r} is not known", f"known are: {', '.join(PROFILES)}")
        named = None
    base: dict[str, Json] = to_builtins(PROFILES[profile or str(named or DEFAULT_PROFILE)])
    return base | stated


def _no_ticket_twice(conversion: Conversion, value: Json) -> None:
    tickets = value.get("tickets") if isinstance(value, dict) else None
    seen: set[str] = set()
    for number, ticket in enumerate(tickets if isinstance(tickets, list) else ()):
        guid = ticket.get("guid") if isinstance(ticket, dict) else None
        if isinstance(guid, str):
            name = guid.strip("{} ").lower()
            if name in seen:
                conversion.fault(f"tickets[{number}].guid", f"{guid!r} is there twice")
            seen.add(name)
