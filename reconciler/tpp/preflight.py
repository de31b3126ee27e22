"""Before the first write: who are we, may we, and for how long."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import urllib3

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.model.settings import Requests
from reconciler.tpp import grant_wire, wire
from reconciler.tpp.asking import SCOPE_HINT, Failure
from reconciler.tpp.bearer import PLAIN_HEADERS
from reconciler.tpp.calls import VERIFY, VERSION
from reconciler.tpp.grant_wire import Grant
from reconciler.tpp.session import Session
from reconciler.tpp.usual_http import Reply

LARGEST_SKEW = timedelta(minutes=5)
_SECONDS_A_CHANGE = 1.0
_CALLS_A_CHANGE = 4


def verify(session: Session) -> Grant:
    """Ask whose token this is, which scope it has and how long it is valid. Raises ServerFailure."""
    answer = session.asker.ask(VERIFY, None, grant_wire.grant)
    if isinstance(answer, Failure):
        raise answer.error()
    return answer


def server_version(session: Session) -> str:
    """Return the version of the server, such as 26.1.0.2000. Raises ServerFailure."""
    answer = session.asker.ask(VERSION, None, lambda members: wire.text(members, "version"))
    if isinstance(answer, Failure):
        raise answer.error()
    return answer


def check_before_writing(session: Session, changes: int, *, scheduled: bool = False) -> Grant:
    """Refuse a run that would be refused half-way, or, with `scheduled` times in it, go by a clock that is wrong.

    Raises CredentialsRefused with what is missing and who mends it, ServerFailure for the clock.
    """
    grant = verify(session)
    objection: ServerFailure | None = scope_objection(grant)
    if objection is None and not session.line.bearer.renewable:
        objection = time_objection(grant, changes, session.line.limits)
    if objection is None and scheduled:
        objection = clock_objection(clock_skew(session))
    if objection is not None:
        raise objection
    return grant


def clock_skew(session: Session) -> timedelta | None:
    """Return how far the server's clock is ahead of ours, from the Date header; None when it tells no time."""
    timeout = urllib3.Timeout(connect=session.line.limits.connect_timeout, read=session.line.limits.read_timeout)
    outcome = session.line.exchange.send(VERIFY.method, VERIFY.path, PLAIN_HEADERS, None, timeout)
    return skew_of(outcome, session.line.clock.now()) if isinstance(outcome, Reply) else None


def skew_of(reply: Reply, now: datetime) -> timedelta | None:
    """Return how far the Date header of an answer is ahead of `now`; it has no fractions of a second."""
    try:
        told = parsedate_to_datetime(reply.headers.get("Date", ""))
        return told.replace(tzinfo=told.tzinfo or UTC) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def clock_objection(skew: timedelta | None) -> ServerFailure | None:
    """Return why no scheduled approval may be sent: a window would be another one on the server's clock."""
    if skew is None or abs(skew) <= LARGEST_SKEW:
        return None
    return ServerFailure(
        f"the clocks of the server and of this machine differ by {abs(skew).total_seconds():.0f} s",
        "set the clock that is wrong (NTP); scheduled approvals need both to agree within 5 minutes",
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


def plan_notes(grant: Grant) -> tuple[str, ...]:
    """What a plan should tell about the token that it was given: least privilege."""
    if not grant.approves:
        return ()
    return (
        f"this plan was made with a token that can approve ({grant.scope}); planning needs no such scope: "
        "give it a token without the approve privilege",
    )
