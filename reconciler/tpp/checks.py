"""What a run needs from the server: who are we, may we, for how long, and one look at each thing on the way there."""

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from requests.utils import get_environ_proxies, select_proxy

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.model.server_url import ServerUrl
from reconciler.model.settings import Requests, Settings
from reconciler.model.status import format_instant
from reconciler.model.ticket import parse_guid
from reconciler.ports import Clock, Health, Probe
from reconciler.tpp import wire
from reconciler.tpp.certificates import why_no_certificates
from reconciler.tpp.client import EXISTS, IDENTITY_SELF, SCOPE_HINT, VERIFY, VERSION, Failure
from reconciler.tpp.redaction import one_line
from reconciler.tpp.session import WITHOUT_OBJECTS, Session
from reconciler.tpp.transport import (
    PLAIN_HEADERS,
    FailureKind,
    Reply,
    Timeouts,
    Transport,
    TransportFailure,
    parse_address,
)
from reconciler.tpp.wire import Result, describe

APPROVE = "approve"
LARGEST_SKEW = timedelta(minutes=5)
_SECONDS_A_CHANGE = 1.0
_CALLS_A_CHANGE = 4
_NOBODY = "00000000-0000-0000-0000-000000000000"
_SOON = timedelta(days=30)
_SMALL_SKEW = timedelta(seconds=30)
_SHORT = 3600


@dataclass(frozen=True, slots=True)
class Grant:
    """What Authorize/Verify says of a token: who holds it, which scope, and until when (None: not told).

    `valid_for` are the seconds of the token itself, `expires_at` is when its grant ends (UTC).
    """

    identity: str
    scope: str
    valid_for: int | None = None
    expires_at: datetime | None = None
    application: str = ""

    @property
    def privileges(self) -> Mapping[str, frozenset[str]]:
        """The scope by resource: semicolons between resources, commas between privileges."""
        parts = (part.partition(":") for part in self.scope.lower().split(";") if part.strip())
        return {
            resource.strip(): frozenset(filter(None, (each.strip() for each in listed.split(","))))
            for resource, _, listed in parts
        }

    @property
    def approves(self) -> bool:
        """Whether UpdateStatus is allowed: the approve privilege on any resource ("any:Approve")."""
        return any(APPROVE in privileges for privileges in self.privileges.values())


def read_grant(members: wire.Members) -> Grant:
    """Read the answer of Authorize/Verify. Raises BadAnswer."""
    identity = wire.text(members, "identity")
    if not identity:
        raise wire.BadAnswer("the answer names no identity")
    return Grant(
        identity=identity,
        scope=wire.text(members, "scope"),
        valid_for=wire.number(members, "valid_for"),
        expires_at=_expiry(members),
        application=wire.text(members, "application"),
    )


def _expiry(members: wire.Members) -> datetime | None:
    seconds = wire.number(members, "expires_unix_time")
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise wire.BadAnswer("expires_unix_time is not a time") from None


def verify(session: Session) -> Grant:
    """Ask whose token this is, which scope it has and how long it is valid. Raises ServerFailure."""
    answer = session.client.ask(VERIFY, None, read_grant)
    if isinstance(answer, Failure):
        raise answer.error()
    return answer


def server_version(session: Session) -> str:
    """Return the version of the server, such as 26.1.0.2000. Raises ServerFailure."""
    answer = session.client.ask(VERSION, None, lambda members: wire.text(members, "version"))
    if isinstance(answer, Failure):
        raise answer.error()
    return answer


def check_before_writing(session: Session, changes: int) -> Grant:
    """Refuse a run that would be refused half-way, or go by a clock that is wrong.

    Raises CredentialsRefused with what is missing and who mends it, ServerFailure for the clock.
    """
    grant = verify(session)
    objection: ServerFailure | None = scope_objection(grant)
    if objection is None and not _renewable(session):
        objection = time_objection(grant, changes, session.client.context.limits)
    if objection is None:
        objection = clock_objection(clock_skew(session))
    if objection is not None:
        raise objection
    return grant


def token_end(grant: Grant, now: datetime) -> datetime | None:
    """Return when the token ends, which is another time than when its grant does (contract 26.1, Authorize/Verify)."""
    if grant.valid_for is None:
        return None
    try:
        return (now + timedelta(seconds=grant.valid_for)).replace(microsecond=0)
    except OverflowError:
        return None


def _renewable(session: Session) -> bool:
    token = session.client.context.token
    return token is not None and token.renewable


def clock_skew(session: Session) -> timedelta | None:
    """Return how far the server's clock is ahead of ours, from the Date header; None when it tells no time."""
    timeout = Timeouts(session.client.context.limits.connect_timeout, session.client.context.limits.read_timeout)
    outcome = session.client.context.transport.send(VERIFY.method, VERIFY.path, PLAIN_HEADERS, None, timeout)
    return skew_of(outcome, session.client.context.clock.now()) if isinstance(outcome, Reply) else None


def skew_of(reply: Reply, now: datetime) -> timedelta | None:
    """Return how far the Date header of an answer is ahead of `now`; it has no fractions of a second."""
    try:
        reported = parsedate_to_datetime(reply.headers.get("Date", ""))
        return reported.replace(tzinfo=reported.tzinfo or UTC) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def clock_objection(skew: timedelta | None) -> ServerFailure | None:
    """Return why nothing may be sent by this machine's clock.

    A window would be another one on the server's clock, and patience with a lost answer would end too early.
    """
    if skew is None or abs(skew) <= LARGEST_SKEW:
        return None
    return ServerFailure(
        f"the clocks of the server and of this machine differ by {abs(skew).total_seconds():.0f} s",
        "set the clock that is wrong (NTP); windows and requests.patience need both to agree within 5 minutes",
    )


def scope_objection(grant: Grant) -> CredentialsRefused | None:
    """Return why this grant can't approve; any resource with the approve privilege will do."""
    if grant.approves:
        return None
    return CredentialsRefused(
        f"the token of {grant.identity} can't approve: its scope is {grant.scope or 'empty'}, "
        "and UpdateStatus needs the approve privilege on any resource, such as certificate:approve",
        f"{SCOPE_HINT}; then get a new grant that asks for it",
    )


def time_objection(grant: Grant, changes: int, limits: Requests) -> CredentialsRefused | None:
    """Return why this token would expire during the run, which can't renew it."""
    needed = estimated_seconds(changes, limits)
    if grant.valid_for is None or grant.valid_for >= needed:
        return None
    return CredentialsRefused(
        f"the token of {grant.identity} is valid for {grant.valid_for} s, "
        f"and {changes} changes take about {needed:.0f} s",
        "get a new token, apply fewer changes at once, or choose an auth.method that can renew its token",
    )


def estimated_seconds(changes: int, limits: Requests) -> float:
    """A cautious guess at the length of a run: a few calls a change, each a good while, `writes` at once."""
    return changes * _CALLS_A_CHANGE * _SECONDS_A_CHANGE / limits.writes + limits.settle


def probe_way(settings: Settings, clock: Clock) -> Iterator[Probe]:
    """Look at the way to the server, without credentials: URL, name, reachability, TLS, clock. Stops at what fails."""
    try:
        address = parse_address(settings.server)
    except ServerFailure as failure:
        yield _failed("server", failure)
        return
    yield Probe("server", Health.OK, str(address))
    name = _name(address)
    yield name
    if name.health is Health.FAIL:
        return
    yield from _connection(address, settings, clock)


def _name(address: ServerUrl) -> Probe:
    if address.scheme == "https" and select_proxy(address.origin, get_environ_proxies(address.origin)):
        return Probe("name", Health.SKIP, "a proxy looks the name up")
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        why = one_line(error.strerror or type(error).__name__)
        return Probe("name", Health.FAIL, f"{address.host}: {why}", "check the URL and this machine's DNS")
    return Probe("name", Health.OK, ", ".join(sorted({str(each[4][0]) for each in found})))


def _connection(address: ServerUrl, settings: Settings, clock: Clock) -> Iterator[Probe]:
    limits = settings.requests
    timeout = Timeouts(limits.connect_timeout, limits.read_timeout)
    try:
        with Transport(address, settings.tls, 1) as transport:
            outcome = transport.send(VERIFY.method, VERIFY.path, PLAIN_HEADERS, None, timeout)
    except ServerFailure as failure:
        yield _failed("tls", failure)
        return
    match outcome:
        case TransportFailure(why, FailureKind.TRUST):
            yield Probe("reachable", Health.OK, "yes")
            yield Probe("tls", Health.FAIL, why, outcome.hint)
        case TransportFailure(why):
            yield Probe("reachable", Health.FAIL, why, outcome.hint)
        case Reply():
            yield Probe("reachable", Health.OK, f"answers HTTP {outcome.status}")
            yield _tls(address, outcome, clock)
            yield _clock(outcome, clock)


def _tls(address: ServerUrl, reply: Reply, clock: Clock) -> Probe:
    peer = reply.peer
    if address.scheme == "http" or peer is None:
        return Probe("tls", Health.SKIP, "plain HTTP on this machine")
    left = peer.expires_at - clock.now()
    says = f"{peer.version}, certificate of {one_line(peer.issuer)} valid until {format_instant(peer.expires_at)}"
    if left < _SOON:
        return Probe("tls", Health.WARN, f"{says}: {max(left.days, 0)} days", "have the server's certificate renewed")
    return Probe("tls", Health.OK, says)


def _clock(reply: Reply, clock: Clock) -> Probe:
    skew = skew_of(reply, clock.now())
    if skew is None:
        return Probe("clock", Health.SKIP, "the server tells no time")
    says = f"the server is {abs(skew).total_seconds():.0f} s {'ahead' if skew > timedelta() else 'behind'}"
    if abs(skew) > LARGEST_SKEW:
        return Probe("clock", Health.FAIL, says, "set the clock that is wrong (NTP); windows depend on both")
    if abs(skew) > _SMALL_SKEW:
        return Probe("clock", Health.WARN, says, "set the clock that is wrong (NTP)")
    return Probe("clock", Health.OK, says)


def _version(session: Session) -> Probe:
    version = one_line(server_version(session)) or "of a version that it does not tell"
    return Probe("version", Health.OK, f"Trust Protection Foundation (TPP) {version}")


def probe_session(session: Session) -> Iterator[Probe]:
    """Look at what the token is good for: whose it is, its scope, and calls that change nothing.

    A token that is refused is told once; a cause that other calls have in common, too.
    """
    try:
        verify(session)
    except CredentialsRefused as refused:
        yield _failed("token", refused)
        return
    except ServerFailure:
        pass  # told below; other calls may work all the same
    reported: set[str] = set()
    for probe in _looks(session):
        if probe.health is not Health.FAIL or probe.says not in reported:
            yield probe
        reported.add(probe.says)


def _looks(session: Session) -> Iterator[Probe]:
    yield _token(session)
    yield _guarded("scope", lambda: _scope(session))
    yield _guarded("version", lambda: _version(session))
    failure = session.permissions.refresh()
    if failure is None:
        yield Probe("permissions", Health.OK, "refreshed")
    elif failure is session.permissions.refused:
        says = f"{failure.why}; without it tickets newer than the token may look gone"
        yield Probe("permissions", Health.WARN, says, failure.hint)
    else:
        yield Probe("permissions", Health.FAIL, failure.why, failure.hint)
    yield from _groups(session)
    yield from _objects(session)
    yield from _certificates(session)
    yield _read(session)


def _groups(session: Session) -> Iterator[Probe]:
    """Look at Identity/Self only for what a refusal of it costs."""
    answer = session.client.ask(IDENTITY_SELF, None, lambda members: wire.sequence(members, "identities"))
    if isinstance(answer, Failure) and answer.access and not answer.systemic:
        says = f"{answer.why}; without it nobody checks that the caller is an approver of a ticket"
        yield Probe("groups", Health.WARN, says, answer.hint)


def _objects(session: Session) -> Iterator[Probe]:
    """Look at the object of a ticket only for what a refusal of it costs."""
    refused = session.objects.read(parse_guid(_NOBODY))
    if isinstance(refused, Failure) and refused is session.objects.refused:
        says = f"{refused.why}; {WITHOUT_OBJECTS}"
        yield Probe("objects", Health.WARN, says, refused.hint)


def _certificates(session: Session) -> Iterator[Probe]:
    """Look at the search for certificates only for what a refusal of it costs."""
    refused = why_no_certificates(session)
    if refused is not None:
        says = f"{refused.why}; without it no plan says which certificate is behind a ticket"
        yield Probe("certificates", Health.WARN, says, refused.hint)


def _token(session: Session) -> Probe:
    def look() -> Probe:
        grant = verify(session)
        until = token_end(grant, session.client.context.clock.now())
        ends = (
            f"valid until {format_instant(until)}" if until else "",
            f"grant until {format_instant(grant.expires_at)}" if grant.expires_at else "",
        )
        says = ", ".join([one_line(grant.identity), *filter(None, ends)])
        if grant.valid_for is not None and grant.valid_for < _SHORT and not _renewable(session):
            return Probe("token", Health.WARN, f"{says}: {grant.valid_for} s left", "get a new token before a long run")
        return Probe("token", Health.OK, says)

    return _guarded("token", look)


def _scope(session: Session) -> Probe:
    grant = verify(session)
    objection = scope_objection(grant)
    if objection is None:
        return Probe("scope", Health.OK, f"{one_line(grant.scope)}: may plan and apply")
    return Probe("scope", Health.WARN, f"{one_line(grant.scope) or 'empty'}: may plan, not apply", objection.hint)


def _read(session: Session) -> Probe:
    """Ask for a ticket that can't be there: the one call that every run makes, without touching anything."""
    match session.client.ask(EXISTS, {"GUID": _NOBODY}, wire.result_of):
        case Failure(why, hint):
            return Probe("read", Health.FAIL, why, hint)
        case Result.TICKET_DOES_NOT_EXIST | Result.INSUFFICIENT_PRIVILEGES:
            return Probe("read", Health.OK, "tickets can be asked for")
        case Result() as result:
            return Probe("read", Health.WARN, describe(result))


def _guarded(name: str, look: Callable[[], Probe]) -> Probe:
    try:
        return look()
    except ServerFailure as failure:
        return _failed(name, failure)


def _failed(name: str, failure: ServerFailure) -> Probe:
    return Probe(name, Health.FAIL, failure.message, failure.hint)
