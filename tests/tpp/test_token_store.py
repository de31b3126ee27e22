"""Where the successor of a refresh token is kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.model.settings import Auth, AuthMethod
from reconciler.model.ticket import Found
from reconciler.sandbox.seed import APPROVER
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.session import ticket_reader
from reconciler.tpp.token_store import CurrentToken, FileStore, KeyringStore, open_store
from tests.builders import guid
from tests.tpp.conftest import Tpp
from tests.tpp.opening import session_with


@dataclass
class DictKeyring(KeyringBackend):
    """A keyring in a dictionary."""

    priority = 1  # type: ignore[assignment]
    kept: dict[tuple[str, str], str] = field(default_factory=dict)

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def system_keyring() -> Iterator[DictKeyring]:
    before = keyring.get_keyring()
    backend = DictKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def test_the_keyring_keeps_the_successor_for_the_next_run(tpp: Tpp, system_keyring: DictKeyring) -> None:
    granted = tpp.sandbox.tpp.grants.take(APPROVER.universal, "reconciler", "certificate:approve", seen=10**6)
    auth = Auth(AuthMethod.REFRESH, keyring="tpp-reconciler")
    for secrets in (Secrets(refresh_token=Secret(granted.refresh_token)), Secrets(), Secrets()):
        with session_with(tpp.sandbox.url, auth=auth, secrets=secrets) as session:
            assert isinstance(ticket_reader(session).read(guid(1)), Found)
    assert list(system_keyring.kept) == [("tpp-reconciler", "reconciler")]
    assert len(tpp.sandbox.log.calls("refreshToken")) == 3


def test_without_a_keyring_the_token_is_not_used(tpp: Tpp, system_keyring: DictKeyring) -> None:
    keyring.set_keyring(NoKeyring())
    auth = Auth(AuthMethod.REFRESH, keyring="tpp-reconciler")
    with (
        pytest.raises(CredentialsRefused, match=r"the system's keyring can't be read: NoKeyringError"),
        session_with(tpp.sandbox.url, auth=auth, secrets=Secrets(refresh_token=Secret("r"))),
    ):
        pass
    assert tpp.sandbox.log.entries == ()


def test_a_keyring_forgets(system_keyring: DictKeyring) -> None:
    store = KeyringStore("service", "client")
    store.keep(Secret("r"))
    with store.locked():
        store.forget()
    assert store.load() is None


def test_a_file_is_replaced_in_one_step_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "token")
    assert store.load() is None
    for text in ("one", "two"):
        store.keep(Secret(text))
        assert store.path.read_text() == f"{text}\n"
        assert store.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
    store.forget()
    store.forget()
    assert store.load() is None


def test_a_store_that_others_can_read_is_refused(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "token")
    store.keep(Secret("one"))
    store.path.chmod(0o644)
    with pytest.raises(CredentialsRefused, match="can be read by others than its owner"):
        store.load()


def test_two_runs_do_not_use_one_token_at_the_same_time(tmp_path: Path) -> None:
    first, second, entered = FileStore(tmp_path / "token"), FileStore(tmp_path / "token"), Event()

    def enter() -> None:
        with second.locked():
            entered.set()

    with first.locked():
        waiting = Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.05)
    assert entered.wait(5)
    waiting.join(5)


MENDED = "make the store readable and writable for this user; until then the token is not used"


@pytest.mark.parametrize("use", [lambda store: store.keep(Secret("one")), lambda store: store.locked().__enter__()])
def test_a_store_that_can_not_be_written_is_named(tmp_path: Path, use: Callable[[FileStore], object]) -> None:
    (tmp_path / "file").touch()
    store = FileStore(tmp_path / "file/token")
    with pytest.raises(CredentialsRefused) as refusal:
        use(store)
    assert refusal.value.message in {
        f"the refresh token can't be kept in {store.path}{suffix}: Not a directory" for suffix in ("", ".lock")
    }
    assert refusal.value.hint == MENDED


def test_a_keyring_that_can_not_be_written_is_named(system_keyring: DictKeyring) -> None:
    keyring.set_keyring(NoKeyring())
    for use in (lambda store: store.keep(Secret("one")), KeyringStore.forget):
        with pytest.raises(CredentialsRefused) as refusal:
            use(KeyringStore("service", "client"))
        assert refusal.value.message == "the refresh token can't be kept in the keyring: NoKeyringError"
        assert refusal.value.hint == MENDED


# The token of a run.


def current(*granted: str | ServerFailure) -> tuple[CurrentToken, list[str | ServerFailure]]:
    """A token with those that the server grants after it, one after the other."""
    left = list(granted)

    def renew() -> Secret:
        text = left.pop(0)
        if isinstance(text, ServerFailure):
            raise text
        return Secret(text)

    return CurrentToken(Secret("first"), renew), left


def test_the_new_token_is_kept_and_got_once_however_many_calls_were_refused_with_the_old_one() -> None:
    token, left = current("second", "third")
    first = token.current()
    assert [token.renewed(first) for _ in range(3)] == [True] * 3
    assert (token.current().generation, token.current().headers["Authorization"]) == (1, "Bearer second")
    token.worked(token.current())
    token.worked(first)  # an answer to a call from before
    assert token.renewed(token.current())
    assert (token.current().generation, token.current().headers["Authorization"]) == (2, "Bearer third")
    assert (left, token.refusal) == ([], "")


def test_a_server_that_refuses_what_it_has_just_granted_is_not_asked_again() -> None:
    token, left = current("second", "third")
    assert token.renewed(token.current())
    assert [token.renewed(token.current()) for _ in range(2)] == [False, False]
    assert (left, token.refusal) == (["third"], "the server refused the token that it had just granted")


def test_a_renewal_that_failed_is_not_tried_again() -> None:
    token, left = current(ServerFailure("the grant was revoked", "log in"), "second")
    assert [token.renewed(token.current()) for _ in range(2)] == [False, False]
    assert (left, token.refusal) == (["second"], "the grant was revoked")


def test_a_token_that_can_not_be_renewed_stays_refused() -> None:
    token = CurrentToken(Secret("first"))
    assert (token.renewed(token.current()), token.renewable, token.refusal) == (False, False, "")
    assert current()[0].renewable


def test_the_home_of_a_user_can_be_named_as_in_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store(Auth(AuthMethod.REFRESH, token_file="~/token")) == FileStore(tmp_path / "token")


def test_no_store_is_refused_with_what_to_set() -> None:
    with pytest.raises(CredentialsRefused) as refusal:
        open_store(Auth(AuthMethod.REFRESH))
    assert refusal.value.message == (
        "the method refresh has nowhere to keep the successor of the refresh token, which is used once"
    )
    assert refusal.value.hint == "set auth.token_file or auth.keyring, or choose another auth.method"


@pytest.mark.parametrize("text", ["two words", "gen\u00fcgt"])
def test_what_can_not_be_a_token_is_refused_before_anything_is_sent(text: str) -> None:
    with pytest.raises(CredentialsRefused) as refusal:
        CurrentToken(Secret(text))
    assert refusal.value.message == "the access token holds characters that no token has"
    assert refusal.value.hint == "check the variable or the file that it comes from"
