"""Ports and adapters brought together: the configuration, the clock, the session, the ledger."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.clock import SystemClock
from reconciler.cli.options import Invocation
from reconciler.errors import LedgerBroken
from reconciler.ledger.index import read_seals
from reconciler.model.decision import Desired, Seal
from reconciler.model.settings import AuthMethod, Settings

if TYPE_CHECKING:
    from reconciler.tpp.session import Session


class Seals(Enum):
    """What seals of manifests mean to a command."""

    IGNORED = auto()
    """Every manifest is read."""
    RESPECTED = auto()
    """Sealed manifests stay unread."""
    RESPECTED_AND_SOUGHT = auto()
    """The same, and manifests that can be sealed are noted."""


@dataclass(frozen=True, slots=True)
class House:
    """What a command that talks to the server works with. There is no writer in it: `apply` makes its own.

    `desired` is what the manifests declare, nothing where a command does not read them.
    """

    settings: Settings
    clock: SystemClock
    session: "Session"
    desired: Desired = field(default_factory=Desired)


@contextmanager
def open_house(
    invocation: Invocation, manifests: tuple[str, ...] | None = None, seals: Seals = Seals.IGNORED
) -> Iterator[House]:
    """Load the configuration and the manifests at these paths, and open a session with the server.

    No paths are those of the configuration, None is no manifests at all. A fault in any of them is told before the
    network is used. Raises InvalidInput, ServerFailure.
    """
    from reconciler.tpp.secrets import read_secrets
    from reconciler.tpp.session import open_session

    settings, clock = invocation.settings(), SystemClock()
    desired = Desired() if manifests is None else _declared(settings, clock, manifests, seals)
    secrets = read_secrets(os.environ, sys.stdin.read)
    with open_session(settings, secrets, clock, id_token=id_token_source(settings, clock)) as session:
        yield House(settings, clock, session, desired)


def _declared(settings: Settings, clock: SystemClock, paths: tuple[str, ...], seals: Seals) -> Desired:
    from reconciler.manifests.load import load_desired
    from reconciler.manifests.text import repository_of

    known = {} if seals is Seals.IGNORED else _known_seals(Path(settings.ledger))
    return load_desired(
        paths or settings.tickets,
        windows=settings.windows,
        now=clock.now(),
        sealed=known,
        sealing=seals is Seals.RESPECTED_AND_SOUGHT,
        root=repository_of(settings.path),
    )


def _known_seals(ledger: Path) -> Mapping[str, Seal]:
    """Return the seals that can be read. What is wrong with a ledger is told by those who can't go on without it."""
    try:
        return read_seals(ledger)
    except LedgerBroken:
        return {}


def id_token_source(settings: Settings, clock: SystemClock) -> Callable[[], str] | None:
    """Return how to get a JWT for the configured method; None when the method needs none."""
    auth = settings.auth
    if auth.method is AuthMethod.GITHUB_OIDC:
        from reconciler.github.oidc import fetch_id_token

        audience = auth.audience or settings.server or ""
        return lambda: _masked(fetch_id_token(os.environ, audience, clock).value)
    if auth.method is AuthMethod.JWT and auth.jwt_file is not None:
        from reconciler.tpp.secrets import read_issued

        path = Path(auth.jwt_file)
        return lambda: read_issued(path).reveal()
    if auth.method is AuthMethod.JWT and auth.jwt_command:
        return lambda: _output_of(auth.jwt_command)
    return None


def _masked(token: str) -> str:
    """Tell the runner to mask the token before anything can print it; standard output may go to a file."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        sys.stderr.write(f"::add-mask::{token}\n")
        sys.stderr.flush()
    return token


def _output_of(command: tuple[str, ...]) -> str:
    import subprocess

    from reconciler.errors import CredentialsRefused

    try:
        done = subprocess.run(  # noqa: S603 - a program that the configuration names, as a list, no shell
            command, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CredentialsRefused(
            f"auth.jwt_command {command[0]} could not be run: {type(error).__name__}", "run it by hand to see why"
        ) from None
    if done.returncode != 0 or not done.stdout.strip():
        raise CredentialsRefused(
            f"auth.jwt_command {command[0]} ended with {done.returncode} and printed no JWT",
            "run it by hand to see why",
        )
    return done.stdout.strip()
