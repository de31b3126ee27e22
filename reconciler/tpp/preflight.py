"""Before the first write: who are we, may we, and for how long."""

from reconciler.errors import CredentialsRefused
from reconciler.model.settings import Requests
from reconciler.tpp import grant_wire, wire
from reconciler.tpp.asking import SCOPE_HINT, Failure
from reconciler.tpp.calls import VERIFY, VERSION
from reconciler.tpp.grant_wire import Grant
from reconciler.tpp.session import Session

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


def check_before_writing(session: Session, changes: int) -> Grant:
    """Refuse a run that would be refused half-way. Raises CredentialsRefused with what is missing and who mends it."""
    grant = verify(session)
    objection = scope_objection(grant)
    if objection is None and not session.line.bearer.renewable:
        objection = time_objection(grant, changes, session.line.limits)
    if objection is not None:
        raise objection
    return grant


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
