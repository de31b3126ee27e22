"""TPP as a backend: what use cases ask of a server, answered by a session.

Tickets are found by object, user data or caller, and named is who decided them: what is beside the details of a ticket.
"""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.model.settings import AuthMethod, ContextSettings, Settings
from reconciler.model.ticket import Guid
from reconciler.ports import (
    Backend,
    Caller,
    CertificateReader,
    Deadline,
    LastUpdate,
    Probe,
    Resolution,
    TicketReader,
    TicketWriter,
)
from reconciler.tpp import wire
from reconciler.tpp.certificates import certificate_reader
from reconciler.tpp.checks import Grant, check_before_writing, probe_session, token_end, verify
from reconciler.tpp.client import ENUMERATE, Failure
from reconciler.tpp.identities import names_of, own_identities, resolve_identities
from reconciler.tpp.secrets import read_issued, read_secrets
from reconciler.tpp.session import Session, open_session, ticket_reader
from reconciler.tpp.wire import Result, describe
from reconciler.tpp.writer import ticket_writer

PRODUCT = "tpp"


@dataclass(frozen=True, slots=True)
class TppBackend:
    """A session, seen through the port."""

    session: Session
    product: str = PRODUCT

    @property
    def target(self) -> str:
        """The server, spelled as plans and ledgers name it."""
        return self.session.target

    def reader(self) -> TicketReader:
        """Return what reads tickets."""
        return ticket_reader(self.session)

    def certificates(self, settings: ContextSettings) -> CertificateReader:
        """Return what reads certificates, within these bounds."""
        return certificate_reader(self.session, settings)

    def find(self, object_dn: str | None = None) -> Iterable[Guid]:
        """Return the tickets on an object, or without one those of the caller. Raises ServerFailure."""
        return find_tickets(self.session, object_dn=object_dn)

    def caller(self) -> Caller:
        """Ask whose token this is. Raises ServerFailure."""
        return self._caller(verify(self.session))

    def identities(self) -> frozenset[str]:
        """Return the caller and its groups as prefixed universals. Raises ServerFailure."""
        return frozenset(identity.universal for identity in own_identities(self.session))

    def resolve(self, names: Iterable[str]) -> Resolution:
        """Turn names of people into prefixed universals. Raises ServerFailure."""
        return resolve_identities(self.session, names)

    def check_before_writing(self, changes: int) -> Caller:
        """Check scope and remaining time of the token, and the clocks.

        Raises CredentialsRefused, ServerFailure.
        """
        return self._caller(check_before_writing(self.session, changes))

    def _caller(self, grant: Grant) -> Caller:
        valid_until = token_end(grant, self.session.client.context.clock.now())
        return Caller(grant.identity, grant.scope, grant.approves, grant.expires_at, valid_until)

    def names(self, identities: Iterable[str]) -> Mapping[str, str]:
        """Return the names that people write, as far as the token may know them."""
        return names_of(self.session, identities)

    def who_decided(self, guids: Iterable[Guid]) -> Mapping[Guid, LastUpdate]:
        """Return who updated tickets last and when, as far as the token may know it."""
        return who_decided(self.session, guids)

    def ends(self) -> Mapping[str, datetime]:
        """Return when the token, its grant and the server's certificate end. Raises ServerFailure."""
        caller, peer = self.caller(), self.session.client.context.transport.peer
        certificate = peer.expires_at if peer else None
        known = {"token": caller.valid_until, "grant": caller.expires_at, "certificate": certificate}
        return {name: moment for name, moment in known.items() if moment is not None}

    def activity(self) -> str:
        """Return what the session is waiting for."""
        (reads, pause), (writes, other) = self.session.client.limiter.activity(), self.session.writes.activity()
        paused = max(pause, other)
        asked = f", and none is begun for {paused:.0f} s, as the server asked" if paused else ""
        return f"{reads + writes} calls in flight{asked}"

    def notes(self) -> tuple[str, ...]:
        """Return what the report of a run should say of the server."""
        return self.session.notes()

    def probes(self) -> Iterable[Probe]:
        """Look at the token and at what it allows."""
        return probe_session(self.session)


@contextmanager
def connect(
    settings: Settings, environ: Mapping[str, str], deadline: Deadline, workload_token: Callable[[str], str]
) -> Iterator[Backend]:
    """Connect to the configured server, able to read and nothing else.

    No call goes on beyond the deadline, also when it comes nearer. `workload_token` gets a JWT for an audience from the
    platform that the run works on. Raises ServerFailure.
    """
    secrets = read_secrets(environ, sys.stdin.read)
    id_token = _id_token_source(settings, workload_token)
    with open_session(settings, secrets, deadline.clock, deadline=deadline, id_token=id_token) as session:
        yield TppBackend(session)


def writer(backend: Backend) -> TicketWriter:
    """Return what writes tickets over this connection."""
    if not isinstance(backend, TppBackend):
        raise TypeError(f"{backend.product} is another product")
    return ticket_writer(backend.session)


def _id_token_source(settings: Settings, workload_token: Callable[[str], str]) -> Callable[[], str] | None:
    """Return how to get a JWT for the configured method; None when the method needs none."""
    auth = settings.auth
    if auth.method is AuthMethod.GITHUB_OIDC:
        return lambda: workload_token(auth.audience or settings.server or "")
    if auth.method is AuthMethod.JWT and auth.jwt_file is not None:
        path = Path(auth.jwt_file)
        return lambda: read_issued(path).reveal()
    if auth.method is AuthMethod.JWT and auth.jwt_command:
        return lambda: _output_of(auth.jwt_command)
    return None


def _output_of(command: tuple[str, ...]) -> str:
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


def find_tickets(session: Session, *, object_dn: str | None = None, user_data: str | None = None) -> tuple[Guid, ...]:
    """Return the tickets on an object and/or with matching user data; with neither, those of the caller.

    The permissions are refreshed first, so that tickets newer than the session are among them
    (TPP reference, Workflow/Ticket/Enumerate and Permissions/Refresh). Raises ServerFailure.
    """
    failure = session.permissions.refresh()
    if failure is not None and failure is not session.permissions.refused:
        raise failure.error()
    members = {name: value for name, value in (("ObjectDN", object_dn), ("UserData", user_data)) if value is not None}
    match session.client.ask(ENUMERATE, members, _listed):
        case Failure() as failure:
            raise failure.error()
        case Result.TICKET_DOES_NOT_EXIST:
            return ()
        case Result() as result:
            where = f" on {object_dn}" if object_dn else ""
            raise ServerFailure(f"tickets{where} can't be listed: {describe(result)}", "check the name of the object")
        case found:
            return found


def _listed(members: wire.Members) -> tuple[Guid, ...] | Result:
    result = wire.result_of(members)
    return wire.guids(members) if result is Result.SUCCESS else result


_LONGEST_NAME = 200
"""Characters of a name that are kept."""


def who_decided(session: Session, guids: Iterable[Guid]) -> Mapping[Guid, LastUpdate]:
    """Return who updated tickets last, by the names that people write, and when; what can't be read is left out.

    Needs the scope `configuration`: without it nothing is known, and that is no fault.
    """
    found: dict[Guid, LastUpdate] = {}
    for guid in guids:
        known = session.objects.read(guid)
        if isinstance(known, Failure):
            break
        universal = known.get("updated by", "")[:_LONGEST_NAME]
        if universal:
            found[guid] = LastUpdate(universal, wire.attribute_time(known.get("last update", "")))
    names = names_of(session, (update.by for update in found.values()))
    return {guid: LastUpdate(names.get(update.by, update.by), update.at) for guid, update in found.items()}
