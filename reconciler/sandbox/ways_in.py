"""How one gets a grant from the sandbox: applications, passwords, certificates, trusted JWT issuers."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class JwtMapping:
    """A trusted issuer, as TPP's JWT mapping has it: which claim must say what, and who is let in.

    `keys` is where the issuer's keys are, empty to ask `<issuer>/.well-known/openid-configuration`. The claim
    `purpose_claim` must be (or hold) `purpose`, the whole of `identity_claim` must match the expression `pattern`.
    `ca` is a PEM file that signs the issuer's TLS certificate, empty for the system's.
    """

    issuer: str
    grantee: str
    purpose: str
    purpose_claim: str = "aud"
    identity_claim: str = "sub"
    pattern: str = ".*"
    keys: str = ""
    ca: str = ""


@dataclass(frozen=True, slots=True)
class WaysIn:
    """What the authorisation server accepts. Identities are prefixed universals.

    `applications` has the largest scope of each client_id, `passwords` and `users` are by user name,
    `certificates` has identities by the common name of a client certificate.
    """

    applications: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificates: Mapping[str, str] = field(default_factory=dict)
    issuers: tuple[JwtMapping, ...] = ()

    def user(self, name: str, password: str) -> str | None:
        """Return the identity of a user whose password is right, None otherwise."""
        expected = self.passwords.get(name)
        if expected is None:
            return None
        same = hmac.compare_digest(expected.encode(), password.encode("utf-8", "surrogatepass"))
        return self.users[name] if same else None
