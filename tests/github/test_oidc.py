"""The identity token of a job."""

import jwt
import pytest

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.github.oidc import TOKEN, URL, fetch_id_token
from tests.fakes import FakeClock
from tests.github.fake_github import FakeGitHub, Fault
from tests.github.issuer import REQUEST_TOKEN

AUDIENCE = "https://tpp.example.com/vedauth?a=b&c"


def _environ(server: FakeGitHub, token: str = REQUEST_TOKEN) -> dict[str, str]:
    return {URL: server.issuer.request_url, TOKEN: token}


def test_the_token_is_for_the_audience_that_was_asked_for(server: FakeGitHub, clock: FakeClock) -> None:
    token = fetch_id_token(_environ(server), AUDIENCE, clock)
    said = jwt.decode(token.value, options={"verify_signature": False})
    assert (said["iss"], said["aud"]) == (server.url, AUDIENCE)
    assert token.value not in repr(token)


def test_a_service_with_a_fault_is_asked_again(server: FakeGitHub, clock: FakeClock) -> None:
    server.faults = [Fault(503), Fault(0)]
    assert fetch_id_token(_environ(server), AUDIENCE, clock).value
    assert clock.slept == [1.0, 2.0]


def test_a_job_without_the_permission_is_told_which_one(clock: FakeClock) -> None:
    with pytest.raises(CredentialsRefused) as refused:
        fetch_id_token({}, AUDIENCE, clock)
    assert "id-token: write" in refused.value.hint


def test_a_wrong_request_token_is_refused_and_never_shown(server: FakeGitHub, clock: FakeClock) -> None:
    with pytest.raises(CredentialsRefused, match="401") as refused:
        fetch_id_token(_environ(server, "wrong-token-0123456789"), AUDIENCE, clock)
    assert "wrong-token" not in f"{refused.value!r}{refused.value.hint}"


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"value": "not a jwt"}', b'{"value": 7}'])
def test_an_answer_without_a_token_is_a_failure(server: FakeGitHub, clock: FakeClock, body: bytes) -> None:
    server.faults = [Fault(200, {}, body)]
    with pytest.raises(ServerFailure, match="without a token"):
        fetch_id_token(_environ(server), AUDIENCE, clock)


def test_a_service_that_stays_away_is_a_failure(server: FakeGitHub, clock: FakeClock) -> None:
    server.faults = [Fault(0)] * 9
    with pytest.raises(ServerFailure, match="can't be reached"):
        fetch_id_token(_environ(server), AUDIENCE, clock)


def test_the_request_token_is_sent_over_https_only(clock: FakeClock) -> None:
    with pytest.raises(CredentialsRefused, match="https"):
        fetch_id_token({URL: "http://token.example.com/?a=b", TOKEN: "secret"}, AUDIENCE, clock)


def test_it_does_not_follow_to_another_host(server: FakeGitHub, clock: FakeClock) -> None:
    server.faults = [Fault(302, {"Location": "http://127.0.0.1:9/steal"})]
    with pytest.raises(ServerFailure):
        fetch_id_token(_environ(server), AUDIENCE, clock)
