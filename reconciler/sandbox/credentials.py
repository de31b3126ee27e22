"""What the authorisation server accepts for a grant: applications, passwords, certificates, JWTs of trusted issuers."""

import hmac
import re
import ssl
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import aiohttp
import jwt
from msgspec import Struct

from reconciler.codec import Json


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
