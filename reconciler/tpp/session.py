"""A run's session with one server: opened from the configuration, able to read and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from reconciler.errors import ServerFailure
from reconciler.model.settings import Settings
from reconciler.ports import Clock
from reconciler.tpp.address import Address, parse_address
from reconciler.tpp.asking import Asker
from reconciler.tpp.authorising import Granting
from reconciler.tpp.backoff import Jitter
from reconciler.tpp.bearer import Bearer
from reconciler.tpp.calls import READS
from reconciler.tpp.channel import Channel, Line
from reconciler.tpp.excerpt import Excerpts
from reconciler.tpp.exchange import Exchange
from reconciler.tpp.grants import take_grant
from reconciler.tpp.pressure import Pressure, Reached
from reconciler.tpp.reading import HttpTicketReader
from reconciler.tpp.refreshing import Permissions
from reconciler.tpp.secrets import Secrets

IdToken = Callable[[], str]
"""Gets a fresh JWT that says who we are. Raises ServerFailure."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the questions of a run go through. `writes` is the gate in front of writes, should there be a writer."""

    address: Address
    line: Line
    asker: Asker
    permissions: Permissions
    writes: Pressure

    @property
    def target(self) -> str:
        """The server, spelled as plans and ledgers name it."""
        return str(self.address)

    def reached(self) -> tuple[Reached, Reached]:
        """The concurrency that reads and writes reached."""
        return self.asker.channel.pressure.reached, self.writes.reached

    def notes(self) -> tuple[str, ...]:
        """What the report of a run should tell of the server: nothing when it never pushed back."""
        reads, writes = self.reached()
        return tuple(each.described(name) for name, each in (("reads", reads), ("writes", writes)) if each.pushed_back)


@contextmanager
def open_session(
    settings: Settings,
    secrets: Secrets,
    clock: Clock,
    *,
    id_token: IdToken | None = None,
    jitter: Jitter | None = None,
) -> Iterator[Session]:
    """Open the session of a run: get a token, and revoke the grant at the end if it was taken for this run.

    `id_token` gets the JWT of the methods github-oidc and jwt. Raises ServerFailure and CredentialsRefused.
    """
    if not settings.server:
        raise ServerFailure("no server is configured", "set `server:` in reconciler.yaml, or TPP_URL")
    address, limits, excerpts = parse_address(settings.server), settings.requests, Excerpts()
    ends_at = clock.monotonic() + (float("inf") if limits.deadline is None else limits.deadline)
    with ExitStack() as closing:
        exchange = closing.enter_context(Exchange(address, settings.tls, limits.reads + limits.writes + 1))
        certified = settings.tls.client_cert is not None
        granting = Granting(exchange, settings.auth, limits, secrets, clock, excerpts, id_token, certified)
        bearer: Bearer = closing.enter_context(take_grant(granting))
        line = Line(exchange, bearer, clock, limits, excerpts, ends_at)
        asker = Asker(Channel(line, Pressure(limits.reads, clock), READS, after_deadlock=None), jitter)
        yield Session(address, line, asker, Permissions(asker), Pressure(limits.writes, clock))


def ticket_reader(session: Session) -> HttpTicketReader:
    """Return the port that reads tickets."""
    return HttpTicketReader(session.asker, session.permissions, session.line.limits.reads)
