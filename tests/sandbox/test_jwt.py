"""Grants for JWTs of a trusted issuer."""

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from reconciler.model.value import replace
from reconciler.sandbox.grants import JwtMapping
from reconciler.sandbox.running import running_sandbox
from reconciler.sandbox.seed import APPROVER, Seed
from tests.builders import NOW
from tests.fakes import FakeClock
from tests.sandbox.client import Client
from tests.sandbox.issuer import OTHER_KEY, Issuer, running_issuer

AUDIENCE = "https://tpp.example.com/vedauth"
PRESENT = int(NOW.timestamp())


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


def login(issuer: Issuer, token: str, **mapping: Any) -> requests.Response:
    seed = Seed()
    trusted = JwtMapping(issuer.url, APPROVER.universal, AUDIENCE, **({"pattern": "repo:acme/.*"} | mapping))
    with (
        running_sandbox(replace(seed, issuers=(trusted,)), clock=FakeClock()) as sandbox,
        Client(sandbox.url, None) as client,
    ):
        return client.post("/vedauth/authorize/jwt", client_id="reconciler", jwt=token, scope="certificate:approve")


def test_a_jwt_of_a_trusted_issuer_gives_a_grant_of_the_grantee(issuer: Issuer) -> None:
    answer = login(issuer, issuer.sign())

    assert (answer.status_code, answer.json()["identity"]) == (200, APPROVER.universal)
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


def test_the_keys_may_be_named_and_the_audience_be_one_of_several(issuer: Issuer) -> None:
    token = issuer.sign(kid=None, aud=["somebody else", AUDIENCE])

    assert login(issuer, token, keys=f"{issuer.url}/keys").status_code == 200
    assert issuer.asked == ["/keys"]


@pytest.mark.parametrize(
    ("signing", "reason"),
    [
        ({"exp": PRESENT - 61}, "The JWT has expired"),
        ({"exp": None}, "The JWT has expired"),
        ({"nbf": PRESENT + 61}, "The JWT is not valid yet"),
        ({"aud": "https://elsewhere.example.com"}, "The claim aud is not what the JWT mapping requires"),
        ({"aud": None}, "The claim aud is not what the JWT mapping requires"),
        ({"sub": "repo:evil/approvals"}, "The claim sub does not match the JWT mapping"),
        ({"sub": "x repo:acme/approvals"}, "The claim sub does not match the JWT mapping"),
        ({"iss": "https://evil.example.com"}, "No JWT mapping trusts the issuer of the JWT"),
        ({"key": OTHER_KEY}, "The signature of the JWT is not valid"),
        ({"key": None, "algorithm": "none"}, "The signature of the JWT is not valid"),
        ({"key": "0" * 32, "algorithm": "HS256"}, "The signature of the JWT is not valid"),
        ({"kid": "k2"}, "The issuer publishes no key with the kid of the JWT"),
    ],
)
def test_a_jwt_that_is_not_in_order_is_refused_with_the_reason(
    issuer: Issuer, signing: dict[str, Any], reason: str
) -> None:
    answer = login(issuer, issuer.sign(**signing))

    assert (answer.status_code, answer.json()["error_description"]) == (400, reason)


@pytest.mark.parametrize("token", ["", "a.b.c", "...", "\ud800"])
def test_what_is_no_jwt_is_refused(issuer: Issuer, token: str) -> None:
    answer = login(issuer, token)

    assert (answer.status_code, answer.json()["error_description"]) == (400, "The JWT cannot be read")


def test_an_issuer_that_is_down_lets_nobody_in(issuer: Issuer) -> None:
    token = issuer.sign()
    issuer.broken = True

    assert login(issuer, token).json()["error_description"] == "The keys of the issuer could not be fetched"


def test_a_tampered_jwt_is_refused(issuer: Issuer) -> None:
    head, _, signature = issuer.sign(sub="repo:evil/approvals").split(".")
    _, body, _ = issuer.sign().split(".")

    assert jwt.decode(f"{head}.{body}.{signature}", options={"verify_signature": False})["sub"] == "repo:acme/approvals"
    assert login(issuer, f"{head}.{body}.{signature}").status_code == 400
