"""Secrets are planted in every input, and every output is searched for them."""

import base64
import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from reconciler.sandbox.seed import APPROVER
from tests.cli.repo import FIRST, SECOND, Repo
from tests.tpp.answering import AnsweringServer, Heard, http

TOKEN = "canary-access/token+given=="
GRANTED = "canary-access/token+granted=="
REFRESH = "canary-refresh/token+given=="
SUCCESSOR = "canary-refresh/token+successor=="
PASSWORD = 'canary pass"word<&>'
JWT = "canary-head.canary-body.canary-signature"
CANARIES = (TOKEN, GRANTED, REFRESH, SUCCESSOR, PASSWORD, JWT)

STORE = "successor"
LOGS = ("text", "json")
COMMANDS = (
    ("validate",),
    ("validate", "--format", "json"),
    ("doctor",),
    ("doctor", "--format", "json"),
    ("auth", "login"),
    ("auth", "verify"),
    ("plan", "--out", "plan.json"),
    ("plan", "--format", "json"),
    ("plan", "--format", "markdown"),
    ("plan", "--format", "html"),
    ("apply", "plan.json", "--yes"),
    ("apply", "--yes", "--format", "json"),
    ("show", "plan.json"),
    ("explain", FIRST),
    ("ledger", "log"),
    ("ledger", "verify"),
    ("auth", "revoke"),
)


def spellings(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()}


def with_token(repo: Repo) -> None:
    repo.environ("TPP_TOKEN", TOKEN)
    repo.configure()


def with_token_file(repo: Repo) -> None:
    repo.environ("TPP_TOKEN", "")
    repo.write("given", TOKEN).chmod(0o600)
    repo.environ("TPP_TOKEN_FILE", str(repo.folder / "given"))
    repo.configure()


def with_refresh_token(repo: Repo) -> None:
    repo.environ("TPP_REFRESH_TOKEN", REFRESH)
    repo.configure(f"auth: {{method: refresh, token_file: {STORE}}}\n")


def with_login(repo: Repo) -> None:
    repo.environ("TPP_USERNAME", "svc-approver")
    repo.environ("TPP_PASSWORD", PASSWORD)
    repo.configure(f"auth: {{method: refresh, token_file: {STORE}}}\n")


def with_password(repo: Repo) -> None:
    repo.environ("TPP_USERNAME", "svc-approver")
    repo.environ("TPP_PASSWORD", PASSWORD)
    repo.configure("auth: {method: password}\n")


def with_jwt(repo: Repo) -> None:
    command = json.dumps([sys.executable, "-c", f"print({JWT!r})"])
    repo.configure(f"auth: {{method: jwt, jwt_command: {command}}}\n")


WAYS = (with_token, with_token_file, with_refresh_token, with_login, with_password, with_jwt)


def outputs(repo: Repo, log: str) -> str:
    """Everything that all commands print, and every file that they leave, except where secrets belong."""
    shown = []
    for command in COMMANDS:
        said = repo.run(*command, "--log-level", "debug", "--log-format", log)
        assert said.code != 70, said.err
        shown += [said.out, said.err]
    files = [path for path in repo.folder.rglob("*") if path.is_file() and path.name not in (STORE, "given")]
    configured = _text(repo.folder / "reconciler.yaml")  # its jwt_command spells the token, and a run keeps the file
    return "\n".join([*shown, *(text for path in files if (text := _text(path)) != configured)])


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")


def leaks(text: str) -> list[str]:
    return [secret for secret in CANARIES if any(spelled in text for spelled in spellings(secret))]


def two_decisions(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved, explanation: fine}}", f"{{guid: {SECOND}, status: Rejected}}")


def orderly(heard: Heard) -> bytes:
    """A server that grants canaries and knows two pending tickets."""
    match heard.call:
        case "oauth" | "token" | "jwt" | "certificate" if "/authorize/" in heard.path.lower():
            return http(200, {"access_token": GRANTED, "refresh_token": SUCCESSOR})
        case "verify":
            return http(200, {"identity": APPROVER.universal, "scope": "certificate:approve", "valid_for": 9999})
        case "details":
            return http(
                200, {"Result": 1, "Status": "Pending", "Blocking": r"\VED\Policy\Web", "GUID": heard.json["GUID"]}
            )
        case _:
            return http(200, {"Result": 1, "GUIDs": [], "Version": "26.1"})


def echo(status: int) -> Callable[[Heard], bytes]:
    """A server that repeats what it was sent, in several spellings, after letting us in."""

    def answer(heard: Heard) -> bytes:
        if "/authorize/" in heard.path.lower() and heard.call != "verify" and status != 400:
            return orderly(heard)
        body, token = heard.body.decode("utf-8", "replace"), heard.headers.get("authorization", "")
        secrets = [value for value in (heard.json.values() if body else ()) if value in CANARIES]
        given = " ".join([token, *secrets, *(quote(value, safe="") for value in (token, *secrets)), body])
        return http(status, {"error": "echo", "error_description": given} if status == 400 else given)

    return answer


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_output_of_an_orderly_run_shows_a_secret(repo: Repo, way: Callable[[Repo], None], log: str) -> None:
    with AnsweringServer(otherwise=orderly) as server:
        way(repo)
        two_decisions(repo)
        repo.environ("TPP_URL", server.url)
        text = outputs(repo, log)
    assert leaks(text) == []
    assert "details" in text
    assert FIRST in text


STATUSES = (200, 302, 400, 401, 403, 404, 500)
ECHOES = [(way, status) for way in WAYS for status in (STATUSES if way is WAYS[0] else (200, 401))]
"""Which secrets there are hangs on the way in, where an answer is shown on its status."""


@pytest.mark.parametrize(("way", "status"), ECHOES, ids=lambda one: getattr(one, "__name__", str(one)))
def test_no_output_shows_a_secret_that_the_server_repeats(repo: Repo, way: Callable[[Repo], None], status: int) -> None:
    with AnsweringServer(otherwise=echo(status)) as server:
        way(repo)
        two_decisions(repo)
        repo.environ("TPP_URL", server.url)
        text = outputs(repo, "text")
    assert leaks(text) == []
    assert "***" in text


def test_a_secret_in_the_configuration_is_refused_without_being_repeated(repo: Repo) -> None:
    repo.configure(f"auth: {{method: token, token: {TOKEN}}}\n")
    said = repo.run("plan")
    assert said.code == 1
    assert leaks(said.out + said.err) == []


def test_a_secret_in_the_url_is_refused_without_being_repeated(repo: Repo) -> None:
    repo.environ("TPP_URL", f"https://joe:{quote(TOKEN, safe='')}@tpp.example.com")
    two_decisions(repo)
    for command in (("plan",), ("doctor",), ("auth", "verify")):
        said = repo.run(*command)
        assert said.code in (1, 4)
        assert leaks(said.out + said.err) == []


def test_a_bug_is_told_without_the_values_that_were_in_play(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.environ("TPP_TOKEN", TOKEN)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"while holding {TOKEN}")

    monkeypatch.setattr("reconciler.tpp.client.Client.call", broken)
    two_decisions(repo)
    said = repo.run("plan", "--log-level", "debug")
    assert said.code == 70
    assert leaks(said.out + said.err) == []
