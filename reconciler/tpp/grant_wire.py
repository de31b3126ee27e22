"""JSON ↔ model for the authorisation server: grants and what Authorize/Verify says of a token."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.errors import CredentialsRefused
from reconciler.tpp import wire
from reconciler.tpp.secrets import Secret

APPROVE = "approve"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the authorisation server grants. `refresh` is used once: each use yields its successor."""

    access: Secret
    refresh: Secret | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What Authorize/Verify says of a token: who holds it, which scope, until when (UTC, None: not told)."""

    identity: str
    scope: str
    valid_for: int | None = None
    expires_at: datetime | None = None
    application: str = ""

    @property
    def privileges(self) -> Mapping[str, frozenset[str]]:
        """The scope by resource: semicolons between resources, commas between privileges."""
        parts = (part.partition(":") for part in self.scope.lower().split(";") if part.strip())
        return {
            resource.strip(): frozenset(filter(None, (each.strip() for each in listed.split(","))))
            for resource, _, listed in parts
        }

    @property
    def approves(self) -> bool:
        """Whether UpdateStatus is allowed: the approve privilege on any resource ("any:Approve")."""
        return any(APPROVE in privileges for privileges in self.privileges.values())


def tokens(members: wire.Members) -> Tokens:
    """Read a grant. Raises BadAnswer."""
    access, refresh = wire.text(members, "access_token"), wire.text(members, "refresh_token")
    if not access:
        raise wire.BadAnswer("the grant has no access_token")
    try:
        return Tokens(Secret(access), Secret(refresh) if refresh else None)
    except CredentialsRefused:
        raise wire.BadAnswer("a token of the grant holds control characters") from None


def grant(members: wire.Members) -> Grant:
    """Read the answer of Authorize/Verify. Raises BadAnswer."""
    identity = wire.text(members, "identity")
    if not identity:
        raise wire.BadAnswer("the answer names no identity")
    return Grant(
        identity=identity,
        scope=wire.text(members, "scope"),
        valid_for=wire.number(members, "valid_for"),
        expires_at=_expiry(members),
        application=wire.text(members, "application"),
    )


def _expiry(members: wire.Members) -> datetime | None:
    seconds = wire.number(members, "expires_unix_time")
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise wire.BadAnswer("expires_unix_time is not a time") from None
