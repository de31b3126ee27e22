"""Where the successor of a refresh token is kept."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from reconciler.errors import CredentialsRefused
from reconciler.model.settings import Auth, AuthMethod
from reconciler.model.ticket import Found
from reconciler.sandbox.seed import APPROVER
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.session import ticket_reader
from reconciler.tpp.token_store import FileStore, KeyringStore, open_store
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


def test_no_store_is_refused_with_what_to_set() -> None:
    with pytest.raises(CredentialsRefused) as refusal:
        open_store(Auth(AuthMethod.REFRESH))
    assert refusal.value.hint == "set auth.token_file or auth.keyring, or choose another auth.method"
