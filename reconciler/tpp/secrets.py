"""Where secrets come from, and the type that keeps them out of every output."""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.errors import CredentialsRefused

_LARGEST = 65536
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Secret:
    """A text that only `reveal` shows: repr, str, format, comparison and pickling give nothing away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep the text. Raises CredentialsRefused when it is empty or holds control characters."""
        if not text or not text.isprintable():
            raise CredentialsRefused(
                "a credential is empty or holds control characters", "check the variable or the file that it comes from"
            )
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        """Show that there is one, and nothing else."""
        return "Secret(***)"

    def __str__(self) -> str:
        """Show that there is one, and nothing else."""
        return "***"

    def __format__(self, spec: str) -> str:
        """Show that there is one, and nothing else."""
        return "***"

    def __reduce__(self) -> tuple[type, tuple[str]]:
        """Refuse to be pickled or copied."""
        raise TypeError("a secret is not stored")


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets that a run was given. None means: not given. A token file is read only by who needs its token."""

    token: Secret | None = None
    refresh_token: Secret | None = None
    username: str | None = None
    password: Secret | None = None
    token_file: str | None = None
    stdin: Callable[[], str] | None = field(default=None, repr=False)

    def access_token(self, configured: str | None = None) -> Secret | None:
        """Return the access token: the given one, or that of the token file, "-" being standard input.

        `configured` names the file when the environment names none. Raises CredentialsRefused for a file that can't
        be read, or that others than its owner can read.
        """
        path = self.token_file or configured
        if self.token is not None or not path:
            return self.token
        if path != "-":
            return read_private(Path(path))
        if self.stdin is None:
            raise CredentialsRefused("TPP_TOKEN_FILE is - but there is no standard input", "name a file instead")
        return Secret(_bare(self.stdin()))


def read_secrets(environ: Mapping[str, str], stdin: Callable[[], str] | None = None) -> Secrets:
    """Take the secrets from the environment; the only place that does. `TPP_TOKEN` wins over `TPP_TOKEN_FILE`.

    Raises CredentialsRefused for what can't be a credential.
    """
    return Secrets(
        token=_given(environ, "TPP_TOKEN"),
        refresh_token=_given(environ, "TPP_REFRESH_TOKEN"),
        username=environ.get("TPP_USERNAME") or None,
        password=_given(environ, "TPP_PASSWORD", strip=False),
        token_file=environ.get("TPP_TOKEN_FILE") or None,
        stdin=stdin,
    )


def _given(environ: Mapping[str, str], name: str, *, strip: bool = True) -> Secret | None:
    text = environ.get(name, "")
    text = _bare(text) if strip else text
    return Secret(text) if text else None


def _bare(text: str) -> str:
    """Return a token without blanks and byte order marks around it, and without the `Bearer ` of headers before it."""
    text = text.strip().strip("\ufeff").strip()
    return text[7:].strip() if text[:7].lower() == "bearer " else text


def read_private(path: Path) -> Secret:
    """Read a secret from a file that only its owner can read.

    Raises CredentialsRefused when the file can't be read, is large, is empty, or when its group or others have rights.
    """
    return _read(path, _OTHERS)


def read_issued(path: Path) -> Secret:
    """Read a JWT that a platform put into a file for the job, such as a projected token of Kubernetes.

    Platforms write these with mode 0644 and renew them every few minutes, so others of the same pod may read it, and
    only a file that others can change is refused. Raises CredentialsRefused as `read_private` does.
    """
    return _read(path, stat.S_IWGRP | stat.S_IWOTH)


def _read(path: Path, forbidden: int) -> Secret:
    path = path.expanduser()
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and stat.S_ISREG(mode) and mode & forbidden:
                reach = "read" if forbidden == _OTHERS else "changed"
                raise CredentialsRefused(
                    f"{path} can be {reach} by others than its owner (mode {stat.S_IMODE(mode):04o})",
                    f"run: chmod 600 {path}",
                )
            data = file.read(_LARGEST + 1)
        text = _bare(data.decode("utf-8"))
    except OSError as error:
        raise CredentialsRefused(
            f"{path}: {error.strerror or type(error).__name__}", "check the path and its rights"
        ) from None
    except UnicodeDecodeError:
        raise CredentialsRefused(f"{path} holds no UTF-8 text", "save the credential alone, as UTF-8") from None
    if len(data) > _LARGEST:
        raise CredentialsRefused(f"{path} is too large for a credential", "put the credential alone into the file")
    if not text:
        raise CredentialsRefused(f"{path} is empty", "put the credential into the file")
    return Secret(text)
