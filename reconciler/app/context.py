"""What a use case works with: configuration, clock, backend, ledger. No writer: `apply` makes its own."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.manifests.config import load_settings
from reconciler.model.settings import Auth, LedgerBranch, Settings
from reconciler.model.value import replace
from reconciler.ports import Backend, Clock, Deadline, Observer, Probe, Progress, TicketWriter


class SystemClock:
    """Time as the machine tells it."""

    def now(self) -> datetime:
        """The current instant, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


WorkloadToken = Callable[[str], str]
"""Gets a JWT for an audience from the platform that the run works on."""


@dataclass(frozen=True, slots=True)
class Product:
    """How to work with one server product."""

    connect: Callable[[Settings, Mapping[str, str], Deadline, WorkloadToken], AbstractContextManager[Backend]]
    writer: Callable[[Backend], TicketWriter]
    probe: Callable[[Settings, Clock], Iterable[Probe]]


def _tpp() -> Product:
    from reconciler.tpp import backend
    from reconciler.tpp.checks import probe_way

    return Product(backend.connect, backend.writer, probe_way)


DEFAULT = "tpp"
BACKENDS: dict[str, Callable[[], Product]] = {DEFAULT: _tpp}
"""What loads each product's package: who only checks files waits for none of them."""


def ticket_writer(backend: Backend) -> TicketWriter:
    """Return a writer for a connected backend."""
    return BACKENDS[backend.product]().writer(backend)


def stored_secret(service: str, name: str) -> str | None:
    """Return a secret of the system's keyring, None when it has none. Raises CredentialsRefused."""
    from reconciler.tpp.token_store import from_keyring

    secret = from_keyring(service, name)
    return secret.reveal() if secret else None


class Silent:
    """An observer that shows nothing."""

    @contextmanager
    def progress(self, label: str, total: int, activity: Callable[[], str]) -> Iterator[Progress]:  # noqa: ARG002 - the port's signature
        """Show nothing."""
        yield lambda _done: None

    def notice(self, text: str) -> None:
        """Show nothing."""

    def is_new(self, what: str) -> bool:  # noqa: ARG002 - the port's signature
        """Remember nothing."""
        return True

    def run_named(self, run: str) -> None:
        """Keep nothing."""


class Context:
    """The ports of one invocation. The server is connected to when `backend` is first looked at."""

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[], Backend],
        *,
        clock: Clock,
        environ: Mapping[str, str],
        observer: Observer,
        connect_as: Callable[[str], AbstractContextManager[Backend]] | None = None,
    ) -> None:
        """Keep what is given; use `open_context`."""
        self.settings = settings
        self.clock = clock
        self.deadline = Deadline(clock)
        self.environ = environ
        self.observer = observer
        self._connect = connect
        self._connect_as = connect_as
        self._backend: Backend | None = None

    @property
    def ledger(self) -> Path:
        """Return the folder of the ledger."""
        return Path(self.settings.ledger)

    @property
    def ledger_branch(self) -> LedgerBranch | None:
        """Return the branch that keeps the ledger, None when it lives elsewhere."""
        return self.settings.ledger_branch

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the server that is talked to and the URLs that it had before: whose lines of the ledger count."""
        return (self.backend.target, *self.settings.former_servers)

    def identity_behind(self, token: str) -> str:
        """Return whose access token this is, over a connection of its own. Raises ServerFailure."""
        if self._connect_as is None:
            return ""
        with self._connect_as(token) as backend:
            return backend.caller().identity

    @property
    def backend(self) -> Backend:
        """Return the connection to the server, able to read. Raises ServerFailure."""
        if self._backend is None:
            self._backend = self._connect()
        return self._backend


@contextmanager
def open_context(
    settings: Settings | Path | str | None = None,
    *,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    observer: Observer | None = None,
    product: str = DEFAULT,
    applying: bool = False,
) -> Iterator[Context]:
    """Yield the context of a use case, and close its connection at the end.

    `settings` is the configuration or its file; None takes everything from the environment. `applying` logs in as
    `auth.apply` says, otherwise `auth.plan` holds. Raises InvalidInput.
    """
    environ, clock = os.environ if environ is None else environ, clock or SystemClock()
    if not isinstance(settings, Settings):
        settings = load_settings(None if settings is None else Path(settings), None, environ)
    settings = replace(settings, auth=settings.auth.used(applying=applying))
    known = settings
    with ExitStack() as closing:

        def connect() -> Backend:
            connected = BACKENDS[product]().connect(
                known, environ, context.deadline, lambda audience: _github(audience, clock)
            )
            return closing.enter_context(connected)

        def connect_as(token: str) -> AbstractContextManager[Backend]:
            asked = replace(known, auth=Auth())
            return BACKENDS[product]().connect(asked, {"TPP_TOKEN": token}, context.deadline, lambda _: "")

        context = Context(
            settings, connect, clock=clock, environ=environ, observer=observer or Silent(), connect_as=connect_as
        )
        yield context


def _github(audience: str, clock: Clock) -> str:
    """Get GitHub's JWT for this job, and have the runner mask it before anything can print it."""
    from reconciler.github.oidc import fetch_id_token

    token = fetch_id_token(os.environ, audience, clock).value
    if os.environ.get("GITHUB_ACTIONS") == "true":
        sys.stderr.write(f"::add-mask::{token}\n")  # standard output may go to a file
        sys.stderr.flush()
    return token
