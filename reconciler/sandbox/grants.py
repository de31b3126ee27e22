"""What the authorisation server accepts for a grant (passwords, certificates, JWTs of trusted issuers), and remembers.

It remembers grants, their scopes and access tokens, and refresh tokens that rotate.
"""

import base64
import hashlib
import hmac
import re
import secrets
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock
from types import MappingProxyType

import aiohttp
import jwt
import msgspec
from msgspec import Struct

from reconciler.codec import Json
from reconciler.model.value import replace
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.store import NoStore, StateStore


def _is_expression(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None


class JwtMapping(Struct, frozen=True):
    """A trusted issuer, as TPP's JWT mapping has it: which claim must say what, and who is let in.

    `keys` is where the issuer's keys are, empty to ask `<issuer>/.well-known/openid-configuration`. The claim
    `purpose_claim` must be (or hold) `purpose`, the whole of `identity_claim` must match the expression `pattern`.
    `ca` is a PEM file that signs the issuer's TLS certificate, empty for the system's.
    """

    checks = MappingProxyType({"pattern": _is_expression})
    issuer: str
    grantee: str
    purpose: str
    purpose_claim: str = "aud"
    identity_claim: str = "sub"
    pattern: str = ".*"
    keys: str = ""
    ca: str = ""


class User(Struct, frozen=True):
    """A user of the authorisation server; `identity` is a prefixed universal."""

    identity: str
    password: str

    def __repr__(self) -> str:
        """Show everything but the password."""
        return f"User(identity={self.identity!r})"

    def knows(self, password: str) -> bool:
        """Whether a password is right."""
        return hmac.compare_digest(self.password.encode(), password.encode("utf-8", "surrogatepass"))


class Accounts(Struct, frozen=True):
    """What the authorisation server accepts. Identities are prefixed universals.

    `applications` has the largest scope of each client_id, `users` are by user name, `certificates` has identities by
    the common name of a client certificate.
    """

    applications: dict[str, str] = {}
    users: dict[str, User] = {}
    certificates: dict[str, str] = {}
    issuers: tuple[JwtMapping, ...] = ()


_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_LEEWAY = 60
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class JwtRefused(Exception):
    """The JWT lets nobody in; the text says why and never quotes the JWT."""


async def identity_of_jwt(token: str, mappings: Iterable[JwtMapping], now: datetime) -> str:
    """Return the grantee of the first mapping that the JWT satisfies. Raises JwtRefused.

    A JWT needs a signature of its issuer, the purpose and identity claims of the mapping, and exp in the future.
    """
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, ValueError):
        raise JwtRefused("The JWT cannot be read") from None
    reason = "No JWT mapping trusts the issuer of the JWT"
    for mapping in (mapping for mapping in mappings if mapping.issuer == issuer):
        claims = await _verified(token, mapping)
        reason = _objection(claims, mapping, now.timestamp())
        if not reason:
            return mapping.grantee
    raise JwtRefused(reason)


async def _verified(token: str, mapping: JwtMapping) -> Mapping[str, Json]:
    keys = await _fetch_keys(mapping)
    try:
        name = jwt.get_unverified_header(token).get("kid")
        fitting = [key for key in keys.keys if name is None or key.key_id == name]
        if not fitting:
            raise JwtRefused("The issuer publishes no key with the kid of the JWT")
        # Time is checked against the sandbox's clock, the audience against the mapping.
        options: jwt.types.Options = {
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "verify_aud": False,
        }
        claims: Mapping[str, Json] = jwt.decode(token, fitting[0], algorithms=_ALGORITHMS, options=options)
    except (jwt.PyJWTError, ValueError):
        raise JwtRefused("The signature of the JWT is not valid") from None
    return claims


async def _fetch_keys(mapping: JwtMapping) -> jwt.PyJWKSet:
    trust = ssl.create_default_context(cafile=str(Path(mapping.ca).expanduser())) if mapping.ca else True
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT, raise_for_status=True) as session:
            where = mapping.keys
            if not where:
                about = mapping.issuer.rstrip("/") + "/.well-known/openid-configuration"
                async with session.get(about, ssl=trust) as answer:
                    where = str((await answer.json(content_type=None))["jwks_uri"])
            async with session.get(where, ssl=trust) as answer:
                return jwt.PyJWKSet.from_dict(await answer.json(content_type=None))
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError):
        raise JwtRefused("The keys of the issuer could not be fetched") from None


def _objection(claims: Mapping[str, Json], mapping: JwtMapping, now: float) -> str:
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, int | float) or expires + _LEEWAY <= now:
        return "The JWT has expired"
    if not isinstance(begins, int | float) or begins - _LEEWAY > now:
        return "The JWT is not valid yet"
    purpose = claims.get(mapping.purpose_claim)
    if mapping.purpose not in (purpose if isinstance(purpose, list) else [purpose]):
        return f"The claim {mapping.purpose_claim} is not what the JWT mapping requires"
    if not re.fullmatch(mapping.pattern, str(claims.get(mapping.identity_claim, ""))):
        return f"The claim {mapping.identity_claim} does not match the JWT mapping"
    return ""


ANY = ""
"""The required scope of a call that takes every token."""


def parse_scope(text: str) -> Mapping[str, frozenset[str]]:
    """Return the privileges by resource. A resource without privileges has an empty set."""
    resources: dict[str, frozenset[str]] = {}
    for part in text.split(";"):
        resource, _, privileges = part.partition(":")
        if name := resource.strip().casefold():
            given = frozenset(p.strip().casefold() for p in privileges.split(",") if p.strip())
            resources[name] = resources.get(name, frozenset()) | given
    return resources


def allows(scope: str, required: str) -> bool:
    """Return whether a grant's scope satisfies a call: `any:approve`, `configuration:manage` or ANY."""
    if required == ANY:
        return True
    granted = parse_scope(scope)
    resource, _, privilege = required.partition(":")
    if resource == "any":
        return any(privilege in privileges for privileges in granted.values())
    return resource in granted and (not privilege or privilege in granted[resource])


def covers(offered: str, asked: str) -> bool:
    """Return whether everything in the scope `asked` is also in the scope `offered`."""
    available = parse_scope(offered)
    return all(
        resource in available and privileges <= available[resource]
        for resource, privileges in parse_scope(asked).items()
    )


DEVICE_LIFETIME = timedelta(minutes=15)
"""How long a device may wait."""
_USER_CODE = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters of a user code: no vowels, so no words (RFC 8628, 6.1)."""
_MOMENT = timedelta(microseconds=1)


class GrantRecord(Struct, frozen=True, kw_only=True):
    """One grant. Tokens are kept as SHA-256 only. `seen` is the serial of the newest ticket its permissions cover."""

    identity: str
    application: str
    scope: str
    issued: datetime
    access: str
    access_issued: datetime
    expires: datetime
    refresh: str
    refresh_until: datetime | None
    seen: int


@dataclass(slots=True)
class DeviceRequest:
    """A device that waits for somebody to let it in (RFC 8628); `identity` is who did, "" who refused."""

    application: str
    scope: str
    user_code: str
    expires: datetime
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A grant with its secrets, for the one answer that carries them."""

    grant: GrantRecord
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


def fingerprint(secret: str) -> str:
    """Return what may be logged of a secret: the beginning of its SHA-256."""
    return shortened(digest(secret))


def shortened(hashed: str) -> str:
    """Return what may be logged of a secret whose SHA-256 is known."""
    return "sha256:" + hashed[:12]


def new_secret() -> str:
    """Return a new token; it ends in `==`, as all example tokens of the vendor's pages do.

    Clients choose their header by that: pyVenafi and pytpp send what does not end so as an API key.
    """
    return base64.b64encode(secrets.token_bytes(16)).decode("ascii")


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret in hex, by which it is kept and found."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class Grants:
    """All grants that are not revoked. Thread-safe."""

    clock: SandboxClock = field(default_factory=SandboxClock)
    behaviour: Behaviour = Behaviour()
    store: StateStore = field(default_factory=NoStore)
    devices: dict[str, DeviceRequest] = field(default_factory=dict)
    _by_access: dict[str, GrantRecord] = field(default_factory=dict)
    _by_refresh: dict[str, GrantRecord] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def restore(self) -> None:
        """Take over what an earlier process left in the store."""
        for _, text in self.store.items("grants"):
            self._index(msgspec.json.decode(text, type=GrantRecord))

    def take(
        self,
        identity: str,
        application: str,
        scope: str,
        *,
        seen: int,
        token: str | None = None,
        lifetime: timedelta | None = None,
    ) -> Issued:
        """Give a new grant, with a token of the caller's choice or a random one."""
        access, refresh, now = token or new_secret(), new_secret(), self.clock.now()
        grant = GrantRecord(
            identity=identity,
            application=application,
            scope=scope,
            issued=now,
            access=digest(access),
            access_issued=now,
            expires=now + (self.behaviour.access_lifetime if lifetime is None else lifetime),
            refresh=digest(refresh),
            refresh_until=now + self.behaviour.grant_lifetime if self.behaviour.grant_lifetime else None,
            seen=seen,
        )
        self._keep(grant)
        return Issued(grant, access, refresh)

    def of_token(self, hashed: str) -> GrantRecord | None:
        """Return the grant of an access token (its `digest`), None when unknown, revoked or expired."""
        grant = self._by_access.get(hashed)
        return grant if grant and self.clock.now() < grant.expires else None

    def rotate(self, refresh_token: str, application: str, seen: int) -> Issued | None:
        """Exchange a refresh token for its successor. None when it was used, revoked, expired or is another's."""
        with self._lock:
            old = self._by_refresh.get(digest(refresh_token))
            now = self.clock.now()
            if old is None or old.application != application or (old.refresh_until or now + _MOMENT) <= now:
                return None
            access, refresh = new_secret(), new_secret()
            new = replace(
                old,
                access=digest(access),
                access_issued=now,
                expires=now + self.behaviour.access_lifetime,
                refresh=digest(refresh),
                seen=seen,
            )
            del self._by_refresh[old.refresh]
            if self.behaviour.refresh_voids_access:
                self._by_access.pop(old.access, None)
            self.store.remove("grants", old.access)
            self._keep(new)
            return Issued(new, access, refresh)

    def renew_permissions(self, grant: GrantRecord, seen: int) -> None:
        """Let the grant see all tickets up to the serial `seen`."""
        if grant.seen != seen and grant.access in self._by_access:
            self._keep(replace(grant, seen=seen))

    def await_approval(self, application: str, scope: str) -> tuple[str, DeviceRequest]:
        """Note a device that asks to be let in; return its device code and the request."""
        code = new_secret()
        user_code = "-".join("".join(secrets.choice(_USER_CODE) for _ in range(4)) for _ in range(2))
        waiting = DeviceRequest(application, scope, user_code, self.clock.now() + DEVICE_LIFETIME)
        self.devices[digest(code)] = waiting
        return code, waiting

    def answer_device(self, user_code: str, identity: str) -> None:
        """Let a device in as `identity`, or refuse it with "". Raises KeyError for an unknown user code."""
        for waiting in self.devices.values():
            if waiting.user_code == user_code:
                waiting.identity = identity
                return
        raise KeyError(user_code)

    def revoke(self, grant: GrantRecord) -> None:
        """End a grant: neither of its tokens works any more."""
        with self._lock:
            self._by_access.pop(grant.access, None)
            self._by_refresh.pop(grant.refresh, None)
            self.store.remove("grants", grant.access)

    def __iter__(self) -> Iterator[GrantRecord]:
        """Go through all grants, oldest first."""
        return iter(list(self._by_access.values()))

    def _keep(self, grant: GrantRecord) -> None:
        with self._lock:
            self._index(grant)
            self.store.put("grants", grant.access, msgspec.json.encode(grant).decode())

    def _index(self, grant: GrantRecord) -> None:
        self._by_access[grant.access] = grant
        self._by_refresh[grant.refresh] = grant
