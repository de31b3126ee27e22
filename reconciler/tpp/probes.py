"""One look at each thing that a run needs from the server, as values: what was found, and what to do about it."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import urllib3
from requests.utils import get_environ_proxies, select_proxy

from reconciler.errors import ServerFailure
from reconciler.model.instant import format_instant
from reconciler.model.settings import Settings
from reconciler.ports import Clock
from reconciler.tpp import wire
from reconciler.tpp.address import Address, parse_address
from reconciler.tpp.asking import Failure
from reconciler.tpp.bearer import PLAIN_HEADERS
from reconciler.tpp.calls import EXISTS, VERIFY
from reconciler.tpp.connection import last_peer
from reconciler.tpp.excerpt import neutral
from reconciler.tpp.exchange import Breach, Broken, Exchange
from reconciler.tpp.preflight import LARGEST_SKEW, scope_objection, server_version, skew_of, verify
from reconciler.tpp.results import Result, describe
from reconciler.tpp.session import Session
from reconciler.tpp.usual_http import Reply

_NOBODY = "00000000-0000-0000-0000-000000000000"
_SOON = timedelta(days=30)
_SMALL_SKEW = timedelta(seconds=30)
_SHORT = 3600


class Health(StrEnum):
    """How a probe went."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that was looked at."""

    name: str
    health: Health
    says: str
    remedy: str = ""


def probe_way(settings: Settings, clock: Clock) -> Iterator[Probe]:
    """Look at the way to the server, without credentials: URL, name, reachability, TLS, clock. Stops at what fails."""
    try:
        if not settings.server:
            raise ServerFailure("no server is configured", "set `server:` in reconciler.yaml, or TPP_URL")
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


def _name(address: Address) -> Probe:
    if address.scheme == "https" and select_proxy(address.origin, get_environ_proxies(address.origin)):
        return Probe("name", Health.SKIP, "a proxy looks the name up")
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        why = neutral(error.strerror or type(error).__name__)
        return Probe("name", Health.FAIL, f"{address.host}: {why}", "check the URL and this machine's DNS")
    return Probe("name", Health.OK, ", ".join(sorted({str(each[4][0]) for each in found})))


def _connection(address: Address, settings: Settings, clock: Clock) -> Iterator[Probe]:
    limits = settings.requests
    timeout = urllib3.Timeout(connect=limits.connect_timeout, read=limits.read_timeout)
    try:
        with Exchange(address, settings.tls, 1) as exchange:
            outcome = exchange.send(VERIFY.method, VERIFY.path, PLAIN_HEADERS, None, timeout)
    except ServerFailure as failure:
        yield _failed("tls", failure)
        return
    match outcome:
        case Broken(why, Breach.TRUST, _):
            yield Probe("reachable", Health.OK, "yes")
            yield Probe("tls", Health.FAIL, why, "name the CA of the server in tls.ca_bundle or TPP_CA_BUNDLE")
        case Broken(why, _, _):
            yield Probe("reachable", Health.FAIL, why, "check the URL, the network, and HTTPS_PROXY and NO_PROXY")
        case Reply():
            yield Probe("reachable", Health.OK, f"answers HTTP {outcome.status}")
            yield _tls(address, clock)
            yield _clock(outcome, clock)


def _tls(address: Address, clock: Clock) -> Probe:
    peer = last_peer()
    if address.scheme == "http" or peer is None:
        return Probe("tls", Health.SKIP, "plain HTTP on this machine")
    left = peer.expires_at - clock.now()
    says = f"{peer.version}, certificate of {neutral(peer.issuer)} valid until {format_instant(peer.expires_at)}"
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


def probe_session(session: Session) -> Iterator[Probe]:
    """Look at what the token is good for: whose it is, its scope, and calls that change nothing."""
    yield _token(session)
    yield _guarded("scope", lambda: _scope(session))
    yield _guarded("version", lambda: Probe("version", Health.OK, neutral(server_version(session)) or "not told"))
    failure = session.permissions.refresh()
    if failure is not None:
        yield Probe("permissions", Health.FAIL, failure.why, failure.hint)
    else:
        yield Probe("permissions", Health.OK, "refreshed")
    yield _read(session)


def _token(session: Session) -> Probe:
    def look() -> Probe:
        grant = verify(session)
        until = f" until {format_instant(grant.expires_at)}" if grant.expires_at else ""
        says = f"{neutral(grant.identity)}{until}"
        if grant.valid_for is not None and grant.valid_for < _SHORT and not session.line.bearer.renewable:
            return Probe("token", Health.WARN, f"{says}: {grant.valid_for} s left", "get a new token before a long run")
        return Probe("token", Health.OK, says)

    return _guarded("token", look)


def _scope(session: Session) -> Probe:
    grant = verify(session)
    objection = scope_objection(grant)
    if objection is None:
        return Probe("scope", Health.OK, f"{neutral(grant.scope)}: may plan and apply")
    return Probe("scope", Health.WARN, f"{neutral(grant.scope) or 'empty'}: may plan, not apply", objection.hint)


def _read(session: Session) -> Probe:
    """Ask for a ticket that can't be there: the one call that every run makes, without touching anything."""
    match session.asker.ask(EXISTS, {"GUID": _NOBODY}, wire.result_of):
        case Failure(why, hint, _, _, _):
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
