"""Every fault a user can cause: the whole message, the exit code, and nothing written."""

import json
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from reconciler.sandbox.fault_injection import Say
from reconciler.sandbox.running import Listening, running_sandbox
from tests.builders import guid
from tests.cli.repo import FIRST, Repo, Said, steady

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: fine}}"


def _refused(repo: Repo, said: Said, code: int, message: str) -> None:
    assert (said.code, steady(said.err, repo)) == (code, message)
    assert "Traceback" not in said.err
    assert repo.writes() == []


def test_no_configuration_and_no_server(repo: Repo) -> None:
    (repo.folder / "reconciler.yaml").unlink()
    repo.decide(APPROVE)
    _refused(
        repo,
        repo.run("plan"),
        4,
        "warning: no reconciler.yaml was found, so no policy applies: nothing is limited\n"
        "error: no server is configured\n  help: set `server:` in reconciler.yaml, or TPP_URL\n",
    )


def test_a_configuration_that_is_named_and_not_there(repo: Repo) -> None:
    said = repo.run("plan", "--config", "absent.yaml")
    assert said.code == 1
    assert "absent.yaml: error: " in said.err


def test_an_empty_folder_of_manifests(repo: Repo) -> None:
    (repo.folder / "tickets").mkdir()
    said = repo.run("plan")
    assert said.code == 1
    assert "tickets: error: " in said.err


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["tidy"], ["explain", FIRST]])
def test_faults_of_manifests_are_told_before_the_network_is_used(repo: Repo, command: list[str]) -> None:
    repo.decide(APPROVE, APPROVE)
    said = repo.run(*command)
    assert said.code == 1
    assert "is decided twice" in said.err
    assert repo.sandbox.log.entries == ()


def test_nothing_reads_on_once_it_is_clear_that_nobody_knows_who_acts(repo: Repo) -> None:
    repo.decide(*(f"{{guid: {guid(number)}, status: Approved}}" for number in range(400)))
    repo.sandbox.faults.add(Say(401), operation="verifyToken")
    assert repo.run("plan").code == 4
    for thread in threading.enumerate():
        if thread.name.startswith("reader-"):
            thread.join(10)
            assert not thread.is_alive()


def test_a_server_that_is_not_there(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.environ("TPP_URL", "http://127.0.0.1:9")
    said = repo.run("plan")
    assert said.code == 4
    assert "127.0.0.1" in said.err
    assert "help: " in said.err


def test_a_url_that_would_send_the_token_without_tls(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.environ("TPP_URL", "http://tpp.example.com")
    said = repo.run("plan")
    assert said.code in (1, 4)
    assert "without TLS" in said.err or "https" in said.err


def test_a_certificate_that_nobody_trusts(repo: Repo) -> None:
    repo.decide(APPROVE)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with running_sandbox(listening=Listening(tls=context)) as stranger:
        repo.environ("TPP_URL", stranger.url)
        repo.environ("TPP_TOKEN", stranger.token)
        said = repo.run("plan")
    assert said.code == 4
    assert "certificate" in said.err
    assert "help: " in said.err
    assert stranger.log.entries == ()


def test_no_token(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.decide(APPROVE)
    monkeypatch.delenv("TPP_TOKEN")
    said = repo.run("plan")
    assert said.code == 4
    assert "TPP_TOKEN" in said.err


def test_html_in_place_of_json(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.sandbox.faults.add(Say(200, b"<html>sign in</html>"), operation="ticketDetails")
    said = repo.run("plan")
    assert said.code == 4
    assert "html" in said.out.lower()


def _saved(repo: Repo) -> Path:
    repo.decide(APPROVE)
    repo.run("plan", "--out", "plan.json")
    return repo.folder / "plan.json"


def test_a_plan_that_was_edited(repo: Repo) -> None:
    path = _saved(repo)
    path.write_text(path.read_text().replace('"Approved"', '"Rejected"'), encoding="utf-8")
    _refused(
        repo,
        repo.run("apply", "plan.json", "--yes"),
        3,
        "error: plan.json: the checksum does not fit: it was edited after it was made, or damaged\n"
        "  help: make a new plan, have it reviewed, and apply that one\n",
    )


def test_a_plan_that_was_cut_off(repo: Repo) -> None:
    path = _saved(repo)
    path.write_text(path.read_text()[:200], encoding="utf-8")
    said = repo.run("apply", "plan.json", "--yes")
    assert said.code == 1
    assert said.err.startswith("plan.json")
    assert repo.writes() == []


def test_a_plan_of_another_version(repo: Repo) -> None:
    path = _saved(repo)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}), encoding="utf-8")
    said = repo.run("apply", "plan.json", "--yes")
    assert said.code == 1
    assert "99" in said.err
    assert repo.writes() == []


def test_a_plan_for_another_server(repo: Repo) -> None:
    _saved(repo)
    with running_sandbox() as other:
        repo.environ("TPP_URL", other.url)
        repo.environ("TPP_TOKEN", other.token)
        said = repo.run("apply", "plan.json", "--yes")
        assert said.code == 3
        assert steady(said.err, repo).replace(other.url, "http://other") == (
            "error: the plan was made for http://server, this run talks to http://other\n"
            "  help: apply it with the configuration and --env that it was made with\n"
        )
        assert other.log.calls("ticketUpdateStatus") == ()


def test_a_plan_that_is_not_there(repo: Repo) -> None:
    said = repo.run("apply", "absent.json", "--yes")
    assert said.code == 1
    assert said.err.startswith("absent.json")


def test_an_unknown_option_is_told_as_usage(repo: Repo) -> None:
    assert repo.run("plan", "--force").code == 2


def test_a_bug_is_told_and_never_dumped(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.app import plan as planning

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("deep inside")

    repo.decide(APPROVE)
    monkeypatch.setattr(planning, "judge", broken)
    said = repo.run("plan")
    assert said.code == 70
    assert "this is a bug in the reconciler: ZeroDivisionError" in said.err
    assert "Traceback" not in said.err


def test_a_bug_in_one_step_leaves_the_others_their_receipts_and_ends_with_seventy(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reconciler.applying import engine

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("deep inside")

    repo.decide(APPROVE)
    monkeypatch.setattr(engine, "perform", broken)
    said = repo.run("apply", "--yes")
    assert said.code == 70
    assert "a bug in the reconciler (ZeroDivisionError: deep inside)" in " ".join(said.out.split())
    assert "Traceback" not in said.out + said.err
    assert repo.writes() == []
