"""`reconciler doctor`: one line for each thing that a run depends on."""

import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from reconciler.ledger.lock import hold_lock, this_process
from reconciler.model.value import replace
from reconciler.sandbox import wrong_answers
from reconciler.sandbox.running import Listening, running_sandbox
from reconciler.sandbox.seed import APPROVER
from tests.cli.repo import FIRST, Repo, steady
from tests.tpp.answering import AnsweringServer, http

APPROVE = f"{{guid: {FIRST}, status: Approved}}"


def said(text: str, repo: Repo) -> str:
    text = re.sub(r"20\d\d-\d\d-\d\dT[\d:]+Z", "TIME", steady(text, repo))
    return re.sub(r"the server is \d+ s \w+", "the server is N s behind", text)


def test_a_healthy_setup_is_ok_line_by_line(repo: Repo) -> None:
    repo.decide(APPROVE)
    result = repo.run("doctor")
    assert said(result.out, repo) == (
        "ok   configuration reconciler.yaml\n"
        "ok   manifests     1 decision in 1 file\n"
        "ok   ledger        ledger is made by the first apply\n"
        "ok   server        http://server\n"
        "ok   name          127.0.0.1\n"
        "ok   reachable     answers HTTP 401\n"
        "skip tls           plain HTTP on this machine\n"
        "ok   clock         the server is N s behind\n"
        f"ok   token         {APPROVER.universal}, valid until TIME, grant until TIME\n"
        "ok   scope         certificate:approve,manage;configuration:delete,manage: may plan and apply\n"
        "ok   version       Trust Protection Foundation (TPP) 26.1.0.2000\n"
        "ok   permissions   refreshed\n"
        "ok   read          tickets can be asked for\n"
    )
    assert (result.code, result.err) == (0, "")
    assert repo.writes() == []
    assert not (repo.folder / "ledger").exists()


def test_json_says_the_same(repo: Repo) -> None:
    repo.decide(APPROVE)
    document = json.loads(repo.run("doctor", "--format", "json").out)
    assert (document["version"], document["healthy"]) == (1, True)
    assert document["probes"][1] == {
        "name": "manifests",
        "health": "ok",
        "says": "1 decision in 1 file",
        "remedy": "",
    }


def lines(repo: Repo, name: str) -> list[str]:
    return [line for line in steady(repo.run("doctor").out, repo).splitlines() if line[5:].startswith(name)]


def test_without_a_token_the_way_is_looked_at_all_the_same(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.decide(APPROVE)
    monkeypatch.delenv("TPP_TOKEN")
    result = repo.run("doctor")
    assert "ok   reachable     answers HTTP 401\n" in result.out
    assert result.out.splitlines()[-1] == (
        "fail token         there is no access token — set TPP_TOKEN or TPP_TOKEN_FILE (`vcert getcred` gets one, or "
        "`reconciler auth login` with auth.method refresh), or choose another auth.method"
    )
    assert result.code == 4


def test_a_token_that_is_refused_is_told_once_and_how_to_get_another(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.environ("TPP_TOKEN", "void")
    result = repo.run("doctor")
    assert (result.code, result.out.count("(401)")) == (4, 1)
    assert result.out.splitlines()[-1].startswith("fail token         the server does not accept the token (401): ")
    assert "`vcert getcred` gets one" in result.out


def test_a_server_that_refuses_all_calls_alike_is_told_once(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.sandbox.faults.add(wrong_answers.gateway())
    result = repo.run("doctor")
    assert (result.code, result.out.count("fail ")) == (4, 1), result.out


def test_a_token_without_the_approve_privilege_may_plan(repo: Repo) -> None:
    repo.environ("TPP_TOKEN", repo.sandbox.issue("certificate:manage"))
    (line,) = lines(repo, "scope")
    assert line.startswith(
        "warn scope         certificate:manage: may plan, not apply — an administrator adds the scope"
    )


def test_a_token_that_ends_soon_is_a_warning(repo: Repo) -> None:
    repo.environ("TPP_TOKEN", repo.sandbox.issue(lifetime=timedelta(minutes=5)))
    (line,) = lines(repo, "token")
    assert line.startswith("warn token")
    assert line.endswith(" s left — get a new token before a long run")


def test_a_server_that_is_not_there_is_told_with_what_to_check(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.environ("TPP_URL", "http://127.0.0.1:1")
    result = repo.run("doctor")
    assert result.out.splitlines()[-2:] == [
        "fail reachable     could not connect to 127.0.0.1:1: Connection refused — check the URL, the network, "
        "and HTTPS_PROXY and NO_PROXY",
        "skip token         the server can't be asked",
    ]
    assert result.code == 4


def test_broken_manifests_are_invalid_input(repo: Repo) -> None:
    repo.decide("{guid: nonsense, status: Approved}")
    result = repo.run("doctor")
    assert result.out.splitlines()[1].startswith("fail manifests     tickets/web.yaml:4:")
    assert result.code == 1


def test_a_lock_that_somebody_holds_is_named(repo: Repo) -> None:
    now = datetime.now(UTC)
    with hold_lock(repo.folder / "ledger", this_process("20261123T120000Z-1", now)):
        (line,) = lines(repo, "lock")
    assert line.startswith("warn lock          the ledger is locked (")


def test_a_clock_that_is_wrong_is_a_failure(repo: Repo) -> None:
    repo.decide(APPROVE)
    with AnsweringServer(default={"verify": http(401, {}, Date="Mon, 23 Nov 2020 12:00:00 GMT")}) as server:
        repo.environ("TPP_URL", server.url)
        (line,) = lines(repo, "clock")
    assert re.fullmatch(
        r"fail clock         the server is \d+ s behind — set the clock that is wrong \(NTP\); windows depend on both",
        line,
    )


def test_calls_that_the_server_refuses_are_failures_with_their_words(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.sandbox.faults.add(wrong_answers.html("Maintenance"), operation="ticketExists")
    (line,) = lines(repo, "read")
    assert line.startswith('fail read          the answer is not JSON; what came begins with "<!DOCTYPE html>"')


@pytest.fixture
def certified(tmp_path: Path) -> tuple[trustme.CA, ssl.SSLContext]:
    ca, context = trustme.CA(organization_name="Acme"), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    soon = datetime.now(UTC) + timedelta(days=10)
    ca.issue_cert("127.0.0.1", not_after=soon).configure_cert(context)
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return ca, context


def test_the_chain_of_the_server_and_the_end_of_its_certificate_are_told(
    repo: Repo, certified: tuple[trustme.CA, ssl.SSLContext]
) -> None:
    with running_sandbox(listening=replace(Listening(), tls=certified[1])) as sandbox:
        repo.environ("TPP_URL", sandbox.url)
        repo.environ("TPP_TOKEN", sandbox.token)
        repo.environ("TPP_CA_BUNDLE", str(repo.folder / "ca.pem"))
        (trusted,) = lines(repo, "tls")
        repo.environ("TPP_CA_BUNDLE", "")
        (untrusted,) = lines(repo, "tls")
    assert re.fullmatch(
        r"warn tls           TLSv1.3, certificate of Acme valid until \S+Z: 9 days — "
        r"have the server's certificate renewed",
        trusted,
    )
    assert untrusted.startswith("fail tls           the certificate of 127.0.0.1:")
    assert untrusted.endswith("— name the CA of the server in tls.ca_bundle or TPP_CA_BUNDLE")
