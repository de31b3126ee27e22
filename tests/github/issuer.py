"""GitHub's issuer of identity tokens: signs real JWTs, and publishes the keys."""

import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

REQUEST_TOKEN = "runtime-token-0123456789"
KEY = "key-1"


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Issuer:
    """`claims` are added to what GitHub says of a job of acme/approvals."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def request_url(self) -> str:
        return f"{self.url}/oidc/token?api-version=2.0"

    def answer(self, target: str, token: str) -> tuple[int, dict[str, Any]] | None:
        parts = urlsplit(target)
        if parts.path == "/.well-known/jwks":
            public = jwt.algorithms.RSAAlgorithm.to_jwk(_key().public_key(), as_dict=True)
            return 200, {"keys": [{**public, "kid": KEY, "use": "sig", "alg": "RS256"}]}
        if parts.path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "jwks_uri": f"{self.url}/.well-known/jwks"}
        if parts.path != "/oidc/token":
            return None
        if token != REQUEST_TOKEN:
            return 401, {"message": "Unauthorized"}
        audience = parse_qs(parts.query).get("audience", ["https://github.com/acme"])[0]
        return 200, {"count": 1, "value": self.sign(audience)}

    def sign(self, audience: str) -> str:
        now = int(time.time())
        said = {
            "iss": self.url,
            "aud": audience,
            "sub": "repo:acme/approvals:environment:venafi-apply",
            "repository": "acme/approvals",
            "repository_id": "4242",
            "job_workflow_ref": "acme/approvals/.github/workflows/apply.yml@refs/heads/main",
            "iat": now,
            "nbf": now - 5,
            "exp": now + 300,
            "jti": f"id-{now}",
            **self.claims,
        }
        return jwt.encode(said, _key(), algorithm="RS256", headers={"kid": KEY})
