"""`reconciler auth login|verify|revoke`."""

import io

import pytest

from reconciler.sandbox.seed import APPROVER
from tests.cli.repo import Repo, steady
from tests.cli.test_doctor import said

PASSWORD = "correct horse battery staple"
REFRESH = "auth: {method: refresh, token_file: token}\n"


def test_verify_says_whose_token_it_is_and_what_it_may(repo: Repo) -> None:
    result = repo.run("auth", "verify")
    assert said(result.out, repo) == (
        "server    http://server\n"
        f"identity  {APPROVER.universal}\n"
        "scope     certificate:approve,manage;configuration:delete,manage\n"
        "token     until TIME\n"
        "grant     until TIME\n"
        "may       plan and apply\n"
    )
    assert (result.code, result.err) == (0, "")


def test_a_token_that_is_void_leaves_with_4(repo: Repo) -> None:
    repo.environ("TPP_TOKEN", "void")
    result = repo.run("auth", "verify")
    assert (result.code, result.out) == (4, "")
    assert steady(result.err, repo) == (
        "error: the server does not accept the token (401): "
        '"invalid_token: Token is missing, expired or revoked"\n'
        "  help: it is expired, revoked or wrong: get a new one (`vcert getcred` gets one, or `reconciler auth login` "
        "with auth.method refresh)\n"
    )


@pytest.mark.parametrize("before", ["", "Bearer ", "bearer  ", "\ufeff", "\ufeffBearer "])
@pytest.mark.parametrize("way", ["variable", "file", "input"])
def test_a_token_is_understood_as_it_is_copied(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, before: str, way: str
) -> None:
    token = f"{before}{repo.sandbox.token}\r\n"
    if way == "variable":
        monkeypatch.setenv("TPP_TOKEN", token)
    else:
        monkeypatch.delenv("TPP_TOKEN")
        repo.write("token", token).chmod(0o600)
        monkeypatch.setenv("TPP_TOKEN_FILE", "token" if way == "file" else "-")
        monkeypatch.setattr("sys.stdin", io.StringIO(token))
    assert repo.run("auth", "verify").code == 0


def test_a_token_file_in_utf_16_is_told_as_what_it_is(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TPP_TOKEN")
    path = repo.folder / "token"
    path.write_bytes(repo.sandbox.token.encode("utf-16"))
    path.chmod(0o600)
    monkeypatch.setenv("TPP_TOKEN_FILE", "token")
    said = repo.run("auth", "verify")
    assert (said.code, said.err) == (
        4,
        "error: token holds no UTF-8 text\n  help: save the credential alone, as UTF-8\n",
    )


def test_login_stores_the_first_refresh_token_and_shows_nothing_secret(repo: Repo) -> None:
    repo.configure(REFRESH)
    repo.environ("TPP_USERNAME", "svc-approver")
    repo.environ("TPP_PASSWORD", PASSWORD)
    result = repo.run("auth", "login", "--log-level", "debug")
    stored = repo.folder / "token"
    assert result.code == 0
    assert stored.stat().st_mode & 0o777 == 0o600
    shown = result.out + result.err
    assert not [secret for secret in (PASSWORD, stored.read_text().strip()) if secret in shown]
    assert repo.run("auth", "verify").code == 0


def test_revoke_ends_the_grant_of_a_token(repo: Repo) -> None:
    result = repo.run("auth", "revoke")
    assert (result.code, result.out) == (0, "the grant of the access token is revoked\n")
    again = repo.run("auth", "revoke")
    assert (again.code, again.out) == (4, "")
    assert again.err == (
        "error: the grant could not be revoked: HTTP 202: nothing\n  help: it may be revoked or expired already\n"
    )


def test_revoke_empties_the_store_of_a_refresh_token(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TPP_TOKEN")
    repo.configure(REFRESH)
    repo.environ("TPP_USERNAME", "svc-approver")
    repo.environ("TPP_PASSWORD", PASSWORD)
    before = len(list(repo.sandbox.grants))
    assert repo.run("auth", "login").code == 0
    result = repo.run("auth", "revoke")
    assert result.out == "the grant of the refresh token is revoked, and the store is empty\n"
    assert not (repo.folder / "token").exists()
    assert len(list(repo.sandbox.grants)) == before


def test_a_method_that_leaves_no_grant_has_nothing_to_revoke(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TPP_TOKEN")
    repo.configure("auth: {method: password}\n")
    result = repo.run("auth", "revoke")
    assert (result.code, result.err) == (
        4,
        "error: the method password leaves no grant behind: each run takes its own and revokes it\n"
        "  help: nothing is left to revoke\n",
    )


@pytest.mark.parametrize("missing", ["TPP_USERNAME", "TPP_PASSWORD"])
def test_login_without_a_terminal_needs_user_name_and_password(
    repo: Repo, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.configure(REFRESH)
    repo.environ("TPP_USERNAME", "svc-approver")
    repo.environ("TPP_PASSWORD", PASSWORD)
    monkeypatch.delenv(missing)
    result = repo.run("auth", "login")
    assert (result.code, result.err) == (
        4,
        "error: user name or password is missing\n  help: set TPP_USERNAME and TPP_PASSWORD\n",
    )
