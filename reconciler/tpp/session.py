"""A run's session with one server: opened from the configuration, able to read and nothing else."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from reconciler.model.server_url import ServerUrl
from reconciler.model.settings import Settings
from reconciler.ports import Clock, Deadline
from reconciler.tpp.absence import Absence
from reconciler.tpp.auth import AuthServer, Credentials, IdToken, acquired_token, method_of
from reconciler.tpp.client import READS, Client, ClientContext
from reconciler.tpp.limiter import AdaptiveLimiter, Reached
from reconciler.tpp.reader import HttpTicketReader, Permissions, TicketObjects
from reconciler.tpp.redaction import Redactor
from reconciler.tpp.retries import Jitter
from reconciler.tpp.secrets import Secrets
from reconciler.tpp.transport import Transport, parse_address

WITHOUT_OBJECTS = (
    "the objects of tickets can't be read, so nobody is named who moved a ticket, and an old server does not tell when "
    "somebody else scheduled it"
)


@dataclass(frozen=True, slots=True)
class Session:
    """What the questions of a run go through. `writes` limits the updates, should there be a writer."""

    address: ServerUrl
    client: Client
    permissions: Permissions
    objects: TicketObjects
    writes: AdaptiveLimiter
    refused: list[str] = field(default_factory=list)
    """What this token may not ask, with what that costs, besides Permissions/Refresh and the objects of tickets."""
    signed_in: str = ""
    """What to say of how the token was got, when that is not as configured."""

    @property
    def target(self) -> str:
        """Return the server, spelled as plans and ledgers name it."""
        return str(self.address)

    def reached(self) -> tuple[Reached, Reached]:
        """Return the concurrency that reads and writes reached."""
        return self.client.limiter.reached, self.writes.reached

    def notes(self) -> tuple[str, ...]:
        """Return what the report of a run should tell of the server: that it pushed back, or refused a refresh."""
        reads, writes = self.reached()
        slowed = [each.described(name) for name, each in (("reads", reads), ("writes", writes)) if each.pushed_back]
        refused = self.permissions.refused
        if refused is not None:
            slowed.append(
                f"permissions were not refreshed, so tickets newer than the token may look gone: {refused.why}"
            )
        if self.objects.refused is not None:
            slowed.append(f"{WITHOUT_OBJECTS}: {self.objects.refused.why}")
        return (*([self.signed_in] if self.signed_in else []), *slowed, *dict.fromkeys(self.refused))


@contextmanager
def open_session(
    settings: Settings,
    secrets: Secrets,
    clock: Clock,
    *,
    deadline: Deadline | None = None,
    id_token: IdToken | None = None,
    jitter: Jitter | None = None,
) -> Iterator[Session]:
    """Open the session of a run: get a token, and revoke the grant at the end if it was taken for this run.

    `deadline` is what a signal brings nearer, `id_token` gets the JWT of the methods github-oidc and jwt. Raises
    ServerFailure and CredentialsRefused.
    """
    address, limits, redactor = parse_address(settings.server), settings.requests, Redactor()
    told, absence = deadline or Deadline(clock), Absence()
    with ExitStack() as closing:
        transport = closing.enter_context(Transport(address, settings.tls, limits.reads))
        context = ClientContext(transport, None, clock, limits, redactor, told, jitter, absence)
        credentials = Credentials(
            AuthServer(context, settings.auth),
            settings.auth,
            secrets,
            redactor,
            id_token,
            has_certificate=settings.tls.client_cert is not None,
        )
        token = closing.enter_context(acquired_token(credentials))
        within = told.part(limits.deadline)
        authorised = ClientContext(transport, token, clock, limits, redactor, within, jitter, absence)
        client = Client(authorised, AdaptiveLimiter(limits.reads, clock), READS)
        method, own = method_of(settings.auth, secrets), settings.auth.method
        signed_in = "" if method is own else f"TPP_TOKEN is set, so auth.method {own} was not used"
        writes = AdaptiveLimiter(limits.writes, clock)
        yield Session(address, client, Permissions(client), TicketObjects(client), writes, signed_in=signed_in)


def ticket_reader(session: Session) -> HttpTicketReader:
    """Return the port that reads tickets."""
    return HttpTicketReader(session.client, session.permissions, session.objects, session.client.context.limits.reads)
