"""Storage for rotated refresh tokens: a private file, replaced in one step, or the system's keyring."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

from reconciler.atomic import atomic_write
from reconciler.errors import CredentialsRefused, ReconcilerError
from reconciler.model.settings import Auth
from reconciler.tpp.secrets import Secret, read_private
from reconciler.tpp.transport import PLAIN_HEADERS

_log = logging.getLogger("reconciler.tpp")

Renew = Callable[[], Secret]
"""Gets a new access token. Raises ServerFailure."""


@dataclass(frozen=True, slots=True)
class Token:
    """The headers that carry one token. `generation` counts the tokens of this run."""

    generation: int
    headers: Mapping[str, str] = field(repr=False)


class CurrentToken:
    """Holds the current access token. Without `renew` a token that is refused stays refused."""

    def __init__(self, token: Secret, renew: Renew | None = None) -> None:
        """Start with a token that was given or just granted. Raises CredentialsRefused for what can't be one."""
        self._lock = Lock()
        self._renew = renew
        self._token = _token(0, token)
        self._worked_until = -1
        self._refusal: str | None = None

    def current(self) -> Token:
        """Return the token to send now."""
        return self._token

    def worked(self, used: Token) -> None:
        """Note that the server took this token."""
        self._worked_until = max(self._worked_until, used.generation)

    def renewed(self, refused: Token) -> bool:
        """Return whether there is a token newer than the refused one, getting it when no other thread has.

        Each token is renewed at most once, a failed renewal is not tried again, and a token that never worked is
        not renewed: a server that refuses everything must not make us ask for grants without end.
        """
        with self._lock:
            if self._token.generation > refused.generation:
                return True
            if self._renew is None or self._refusal is not None:
                return False
            if self._worked_until < refused.generation > 0:
                self._refusal = "the server refused the token that it had just granted"
                return False
            try:
                self._token = _token(refused.generation + 1, self._renew())
            except ReconcilerError as error:
                self._refusal = error.message
                return False
            _log.info("the access token was renewed")
            return True

    @property
    def renewable(self) -> bool:
        """Whether the run can get a newer token by itself."""
        return self._renew is not None

    @property
    def refusal(self) -> str:
        """Why there is no newer token, "" when nobody tried to get one."""
        return self._refusal or ""


def _token(generation: int, secret: Secret) -> Token:
    text = secret.reveal()
    if not text.isascii() or " " in text:
        raise CredentialsRefused(
            "the access token holds characters that no token has", "check the variable or the file that it comes from"
        )
    return Token(generation, {**PLAIN_HEADERS, "Authorization": f"Bearer {text}"})


try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no advisory locks
    fcntl = None  # type: ignore[assignment]

_PRIVATE = 0o600


class TokenStore(Protocol):
    """Keeps one refresh token."""

    def load(self) -> Secret | None:
        """Return what is kept, None when nothing is. Raises CredentialsRefused."""
        ...

    def keep(self, token: Secret) -> None:
        """Keep a token in place of what was kept. Raises CredentialsRefused when it can't be written."""
        ...

    def forget(self) -> None:
        """Keep nothing any more."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep other runs on this machine from using the same token at the same time."""
        ...


def open_store(auth: Auth) -> TokenStore:
    """Return the configured store.

    Raises CredentialsRefused without one: a refresh token is used once, so that a run which can't keep the successor
    would lock out the next run (TPP reference, Authorize/Token).
    """
    if auth.keyring:
        return KeyringStore(auth.keyring, auth.client_id)
    if auth.token_file:
        return FileStore(Path(auth.token_file).expanduser())
    raise CredentialsRefused(
        "the method refresh has nowhere to keep the successor of the refresh token, which is used once",
        "set auth.token_file or auth.keyring, or choose another auth.method",
    )


@dataclass(frozen=True, slots=True)
class FileStore:
    """A file of mode 0600 that is replaced as a whole, so that a crash leaves the old token or the new one."""

    path: Path

    def load(self) -> Secret | None:
        """Read the token; a file that others can read is refused."""
        return read_private(self.path) if self.path.exists() and self.path.stat().st_size else None

    def keep(self, token: Secret) -> None:
        """Replace the file; where it is a link, the file that the link names, because the old token is used up."""
        try:
            atomic_write(self.path.resolve(), f"{token.reveal()}\n".encode(), mode=_PRIVATE)
        except OSError as error:
            raise _unwritable(f"{self.path}: {error.strerror}") from None

    def forget(self) -> None:
        """Remove the file."""
        with suppress(FileNotFoundError):
            self.path.unlink()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold an advisory lock on a file beside the store."""
        try:
            descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, _PRIVATE)
        except OSError as error:
            raise _unwritable(f"{self.path}.lock: {error.strerror}") from None
        with os.fdopen(descriptor) as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


@dataclass(frozen=True, slots=True)
class KeyringStore:
    """The keyring of the system, under a service name and the client id."""

    service: str
    client_id: str

    def load(self) -> Secret | None:
        """Ask the keyring. Raises CredentialsRefused."""
        return from_keyring(self.service, self.client_id)

    def keep(self, token: Secret) -> None:
        """Put the token into the keyring."""
        with _keyring_errors():
            import keyring

            keyring.set_password(self.service, self.client_id, token.reveal())

    def forget(self) -> None:
        """Delete the entry."""
        with _keyring_errors():
            import keyring

            keyring.delete_password(self.service, self.client_id)

    def locked(self) -> AbstractContextManager[None]:
        """A keyring has no lock that we could hold."""
        return nullcontext()


def from_keyring(service: str, name: str) -> Secret | None:
    """Return a secret of the system's keyring, None when it has none. Raises CredentialsRefused."""
    with _keyring_errors(reading=True):
        import keyring

        text = keyring.get_password(service, name)
    return Secret(text) if text else None


@contextmanager
def _keyring_errors(*, reading: bool = False) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise CredentialsRefused(
            "the system's keyring needs the package keyring", "run: pip install 'tpp-reconciler[keyring]'"
        ) from None
    except Exception as error:
        if isinstance(error, CredentialsRefused):
            raise
        if reading:
            message = f"the system's keyring can't be read: {type(error).__name__}"
            raise CredentialsRefused(message, "unlock it, or use a variable or a file") from None
        raise _unwritable(f"the keyring: {type(error).__name__}") from None


def _unwritable(where: str) -> CredentialsRefused:
    return CredentialsRefused(
        f"the refresh token can't be kept in {where}",
        "make the store readable and writable for this user; until then the token is not used",
    )
