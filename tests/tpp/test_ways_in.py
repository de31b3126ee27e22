"""Every authentication method end to end over TLS with a private CA, directly and through a proxy."""

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.github.oidc import TOKEN, URL, fetch_id_token
from reconciler.model.settings import Auth, AuthMethod, Tls
from reconciler.model.status import approved
from reconciler.model.ticket import Accepted, Found
from reconciler.model.value import replace
from reconciler.ports import Update
from reconciler.sandbox.grants import JwtMapping
from reconciler.sandbox.running import Listening, Sandbox, running_sandbox
from reconciler.sandbox.seed import APPROVER
from reconciler.tpp.secrets import Secret, Secrets, read_secrets
from reconciler.tpp.session import ticket_reader
from reconciler.tpp.tls import tls_context
from reconciler.tpp.writer import ticket_writer
from tests.builders import guid
from tests.fakes import FakeClock
from tests.github.issuer import REQUEST_TOKEN, Issuer
from tests.tpp.answering import AnsweringServer, Heard, http
from tests.tpp.conftest import seed_of
from tests.tpp.opening import session_with
from tests.tpp.proxying import TunnelProxy

AUDIENCE = "https://tpp.example.com/vedauth"


@dataclass(frozen=True)
class World:
    """A sandbox over TLS, the CA that signed it, an OIDC issuer that it trusts, a client certificate, a folder."""

    sandbox: Sandbox
    issuer: Issuer
    tls: Tls
    folder: Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client = ca.issue_cert("svc-approver@example.com", common_name="svc-approver")
    client.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    issuer = Issuer()

    def answer(heard: Heard) -> bytes:
        given = issuer.answer(heard.path, heard.headers.get("authorization", "").removeprefix("Bearer "))
        return http(*given) if given else http(404, "")

    pages = ("token", "jwks", "openid-configuration")
    with ExitStack() as stack:
        server = stack.enter_context(AnsweringServer(default=dict.fromkeys(pages, answer)))
        issuer.url = server.url
        seed = seed_of()
        mapping = JwtMapping(server.url, APPROVER.universal, AUDIENCE, pattern="repo:acme/approvals:.*")
        seed = replace(seed, issuers=(mapping,))
        sandbox = stack.enter_context(running_sandbox(seed, listening=Listening(tls=context)))
        yield World(sandbox, issuer, Tls(ca_bundle=str(tmp_path / "ca.pem")), tmp_path)


Way = dict[str, Any]


def with_token(world: World) -> Way:
    return {"secrets": read_secrets({"TPP_TOKEN": world.sandbox.token + "\n"})}


def with_token_file(world: World) -> Way:
    path = world.folder / "given"
    path.touch(0o600)
    path.write_text(world.sandbox.token + "\n")
    return {"secrets": read_secrets({"TPP_TOKEN_FILE": str(path)})}


def with_standard_input(world: World) -> Way:
    return {"secrets": read_secrets({"TPP_TOKEN_FILE": "-"}, lambda: world.sandbox.token + "\n")}


def with_configured_file(world: World) -> Way:
    with_token_file(world)
    return {"auth": Auth(token_file=str(world.folder / "given")), "secrets": read_secrets({})}


def with_refresh_token(world: World) -> Way:
    granted = world.sandbox.tpp.grants.take(APPROVER.universal, "reconciler", "certificate:approve", seen=10**6)
    auth = Auth(AuthMethod.REFRESH, token_file=str(world.folder / "successor"))
    return {"auth": auth, "secrets": read_secrets({"TPP_REFRESH_TOKEN": granted.refresh_token})}


def with_password(world: World) -> Way:
    secrets = read_secrets({"TPP_USERNAME": "svc-approver", "TPP_PASSWORD": "correct horse battery staple"})
    return {"auth": Auth(AuthMethod.PASSWORD), "secrets": secrets}


def with_certificate(world: World) -> Way:
    tls = replace(world.tls, client_cert=str(world.folder / "client.pem"))
    return {"auth": Auth(AuthMethod.CERTIFICATE), "secrets": Secrets(), "tls": tls}


def with_github_oidc(world: World) -> Way:
    environ = {URL: world.issuer.request_url, TOKEN: REQUEST_TOKEN}
    return {
        "auth": Auth(AuthMethod.GITHUB_OIDC, audience=AUDIENCE),
        "secrets": Secrets(),
        "id_token": lambda: fetch_id_token(environ, AUDIENCE, FakeClock()).value,
    }


def with_jwt(world: World) -> Way:
    return {"auth": Auth(AuthMethod.JWT), "secrets": Secrets(), "id_token": lambda: world.issuer.sign(AUDIENCE)}


OWN = (with_password, with_certificate, with_github_oidc, with_jwt)
ALL = (with_token, with_token_file, with_configured_file, with_standard_input, with_refresh_token, *OWN)


@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxied"])
@pytest.mark.parametrize("way", ALL, ids=lambda way: way.__name__)
def test_a_ticket_is_read_and_approved_by_every_method(
    world: World, way: Callable[[World], Way], proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TunnelProxy() as proxy:
        if proxied:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with session_with(world.sandbox.url, **({"tls": world.tls} | way(world))) as session:
            assert isinstance(ticket_reader(session).read(guid(1)), Found)
            assert ticket_writer(session).update(Update(guid(1), approved())) == Accepted()
    host = world.sandbox.url.removeprefix("https://")
    asked = {lines[0].rpartition(" HTTP/")[0] for lines in proxy.asked}  # 1.0 or 1.1, as Python's version has it
    assert asked == ({f"CONNECT {host}"} if proxied else set())
    assert not [line for lines in proxy.asked for line in lines if line.lower().startswith("authorization")]


@pytest.mark.parametrize("way", OWN, ids=lambda way: way.__name__)
@pytest.mark.parametrize("fails", [False, True])
def test_a_grant_of_our_own_is_revoked_at_the_end_also_after_a_failure(
    world: World, way: Callable[[World], Way], fails: bool
) -> None:
    before = len(list(world.sandbox.grants))
    with ExitStack() as stack:
        if fails:
            stack.enter_context(pytest.raises(KeyboardInterrupt))
        stack.enter_context(session_with(world.sandbox.url, **({"tls": world.tls} | way(world))))
        assert len(list(world.sandbox.grants)) == before + 1
        if fails:
            raise KeyboardInterrupt
    assert len(list(world.sandbox.grants)) == before


def test_a_refresh_token_leaves_its_successor_in_a_private_file_for_the_next_run(world: World) -> None:
    way = with_refresh_token(world)
    path = Path(way["auth"].token_file)
    for _ in range(3):
        with session_with(world.sandbox.url, tls=world.tls, **way) as session:
            assert isinstance(ticket_reader(session).read(guid(1)), Found)
        assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in world.folder.iterdir() if "successor" in each.name) == [
        "successor",
        "successor.lock",
    ]
    assert path.read_text().strip() != way["secrets"].refresh_token.reveal()


def test_a_new_refresh_token_from_the_environment_mends_a_store_whose_token_is_void(world: World) -> None:
    way = with_refresh_token(world)
    path = Path(way["auth"].token_file)
    path.touch(0o600)
    path.write_text("void\n")
    with session_with(world.sandbox.url, tls=world.tls, **way) as session:
        assert isinstance(ticket_reader(session).read(guid(1)), Found)
    assert path.read_text() != "void\n"


def test_without_a_store_the_refresh_method_is_refused_before_the_token_is_used(world: World) -> None:
    way = with_refresh_token(world)
    with (
        pytest.raises(CredentialsRefused) as refusal,
        session_with(world.sandbox.url, tls=world.tls, auth=Auth(AuthMethod.REFRESH), secrets=way["secrets"]),
    ):
        pass
    assert refusal.value.message == (
        "the method refresh has nowhere to keep the successor of the refresh token, which is used once"
    )
    assert world.sandbox.log.entries == ()


def test_a_store_that_can_not_be_written_is_refused_before_the_token_is_used(world: World) -> None:
    way = with_refresh_token(world)
    auth = replace(way["auth"], token_file=str(world.folder / "missing" / "successor"))
    with (
        pytest.raises(CredentialsRefused) as refusal,
        session_with(world.sandbox.url, tls=world.tls, auth=auth, secrets=way["secrets"]),
    ):
        pass
    assert refusal.value.message.startswith("the refresh token can't be kept in ")
    assert world.sandbox.log.entries == ()


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        (Auth(), "there is no access token"),
        (Auth(AuthMethod.PASSWORD), "user name or password is missing"),
        (Auth(AuthMethod.CERTIFICATE), "the method certificate needs a client certificate"),
        (Auth(AuthMethod.JWT), "the method jwt has no source of a JWT"),
    ],
)
def test_a_method_without_what_it_needs_says_so_and_sends_nothing(world: World, auth: Auth, message: str) -> None:
    with (
        pytest.raises(CredentialsRefused) as refusal,
        session_with(world.sandbox.url, tls=world.tls, auth=auth, secrets=Secrets(username="joe")),
    ):
        pass
    assert refusal.value.message == message
    assert world.sandbox.log.entries == ()


def test_a_wrong_password_is_refused_with_what_the_server_says(world: World) -> None:
    secrets = Secrets(username="svc-approver", password=Secret("hunter2"))
    with (
        pytest.raises(CredentialsRefused) as refusal,
        session_with(world.sandbox.url, tls=world.tls, auth=Auth(AuthMethod.PASSWORD), secrets=secrets),
    ):
        pass
    assert refusal.value.message == (
        'authorize/oauth refuses (400): "invalid_grant: Username/password combination not valid"'
    )


def test_an_untrusted_server_gets_no_credentials(world: World) -> None:
    with pytest.raises(ServerFailure) as failure, session_with(world.sandbox.url, **with_password(world)):
        pass
    assert "is not trusted: " in failure.value.message
    assert world.sandbox.log.entries == ()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_bundle_of_the_environment_never_replaces_the_configured_one(
    world: World, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = world.folder / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv(variable, str(other))
    with session_with(world.sandbox.url, tls=world.tls, **with_token(world)) as session:
        assert isinstance(ticket_reader(session).read(guid(1)), Found)
    monkeypatch.setenv(variable, world.tls.ca_bundle)
    with session_with(world.sandbox.url, tls=Tls(ca_bundle=str(other)), **with_token(world)) as session:
        assert not isinstance(ticket_reader(session).read(guid(1)), Found)


def test_no_proxy_is_respected(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with TunnelProxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,example.com")
        with session_with(world.sandbox.url, tls=world.tls, **with_token(world)) as session:
            assert isinstance(ticket_reader(session).read(guid(1)), Found)
        assert proxy.asked == []


def test_a_proxy_that_refuses_proves_that_nothing_was_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with TunnelProxy(refuse="407 Proxy Authentication Required") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://joe:proxy-pass@"))
        with session_with(world.sandbox.url, tls=world.tls, **with_token(world)) as session:
            answer = ticket_writer(session).update(Update(guid(1), approved()))
    assert type(answer).__name__ == "NotSent"
    assert answer.why.endswith("Tunnel connection failed: 407 Proxy Authentication Required")
    assert "proxy-pass" not in repr(answer)
    assert world.sandbox.log.entries == ()


def test_tls_is_1_2_at_least_and_always_verified(world: World) -> None:
    assert tls_context(world.tls).minimum_version is ssl.TLSVersion.TLSv1_2
    assert tls_context(Tls()).verify_mode is ssl.CERT_REQUIRED
    assert tls_context(Tls()).check_hostname


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    path.write_text("secret")
    path.chmod(mode)
    secrets = read_secrets({"TPP_TOKEN_FILE": str(path)})
    with pytest.raises(CredentialsRefused) as refusal:
        secrets.access_token()
    assert refusal.value.message == f"{path} can be read by others than its owner (mode {mode:04o})"
    assert refusal.value.hint == f"run: chmod 600 {path}"


def test_a_token_file_may_be_a_pipe() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"secret\n")
    os.close(writing)
    token = read_secrets({"TPP_TOKEN_FILE": f"/dev/fd/{reading}"}).access_token()
    os.close(reading)
    assert token is not None
    assert token.reveal() == "secret"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "holds no UTF-8 text"),
        (b"x" * 70_000, "is too large for a credential"),
        (None, ": No such file or directory"),
    ],
)
def test_a_token_file_that_holds_no_token_is_refused(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.touch(0o600)
        path.write_bytes(content)
    with pytest.raises(CredentialsRefused) as refusal:
        read_secrets({"TPP_TOKEN_FILE": str(path)}).access_token()
    assert refusal.value.message == f"{path}{why}" if content is None else f"{path} {why}"


@pytest.mark.parametrize("token", ["two words", "a\nb", "a\x1b[2J", "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n"])
def test_a_token_that_can_be_none_is_refused_without_being_shown(world: World, token: str) -> None:
    with (
        pytest.raises(CredentialsRefused) as refusal,
        session_with(world.sandbox.url, tls=world.tls, secrets=read_secrets({"TPP_TOKEN": token})),
    ):
        pass
    assert token not in refusal.value.message + refusal.value.hint
    assert world.sandbox.log.entries == ()


@pytest.mark.parametrize("text", ["{}", "%s", "{!r}", "{!s}", "{:>40}"])
def test_a_secret_shows_itself_in_no_format(text: str) -> None:
    secret = Secret("4MyGeneratedBearerTknz")
    shown = text % secret if text == "%s" else text.format(secret)
    assert "4My" not in shown + repr(Secrets(token=secret)) + str([secret]) + f"{secret}"
