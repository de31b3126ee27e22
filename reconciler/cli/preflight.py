"""Who is acting and who decided, asked before anything else is, and what guards have to know of it."""

import os

from reconciler.cli.origin import origin_of, people_of
from reconciler.cli.planning import Request
from reconciler.cli.stopping import global_stop
from reconciler.cli.wiring import House
from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.github.provenance import Origin
from reconciler.model.plan import Plan
from reconciler.model.value import replace
from reconciler.planning.guards import Circumstances
from reconciler.tpp.checks import check_before_writing, plan_notes, verify


def introduce(house: House, request: Request, *, final: bool) -> Request:
    """Fill in who acts, who decided and where from. `final` when the plan is applied at once.

    Raises ServerFailure when the token can't be verified.
    """
    grant = verify(house.session)
    origin = origin_of(house.clock, ask=house.settings.policy.four_eyes is not None)
    notes = request.notes if final else request.notes + plan_notes(grant) + _review_notes(house, origin)
    return replace(
        request,
        people=people_of(origin, final=final),
        commit=origin.commit,
        identity=grant.identity or None,
        identities=_identities(house),
        stopped=_stopped(house),
        notes=notes + ((origin.why,) if origin.why and house.settings.policy.four_eyes else ()),
    )


def _review_notes(house: House, origin: Origin) -> tuple[str, ...]:
    """Warn while planning that an apply from here will be refused: nobody can vouch for a review."""
    rule = house.settings.policy.four_eyes
    if rule is None or rule.allow_direct_push or origin.repository is not None:
        return ()
    return (
        "four eyes need a reviewed pull request on GitHub, and this is no workflow run: an apply from here is refused, "
        "unless policy.four_eyes.allow_direct_push is set",
    )


def circumstances(house: House, plan: Plan) -> Circumstances:
    """Return what the guards of a saved plan look at now, just before it is applied. Raises ServerFailure."""
    from reconciler.cli.deciding import branch_commits

    verify(house.session)
    commits = (plan.commit,) if plan.commit else None
    ask = house.settings.policy.four_eyes is not None
    origin = origin_of(house.clock, commits, branch=branch_commits() if ask else frozenset(), ask=ask)
    return Circumstances(
        policy=house.settings.policy,
        now=house.clock.now(),
        people=people_of(origin, final=True),
        identities=_identities(house),
        stopped=_stopped(house),
    )


def may_write(house: House, plan: Plan) -> str | None:
    """Check scope and remaining time of the token, and the clocks when there are windows; return the acting identity.

    Raises CredentialsRefused, ServerFailure.
    """
    scheduled = any(step.after.schedule is not None for step in plan.changes)
    return check_before_writing(house.session, len(plan.changes), scheduled=scheduled).identity or None


def _identities(house: House) -> frozenset[str]:
    """Return the caller and its groups, where a rule asks for them; empty where the server does not tell."""
    if house.settings.policy.four_eyes is None:
        return frozenset()
    from reconciler.tpp.identities import own_identities

    try:
        return frozenset(identity.universal for identity in own_identities(house.session))
    except CredentialsRefused:
        raise
    except ServerFailure:
        return frozenset()


def _stopped(house: House) -> str | None:
    return global_stop(house.settings.stop_file, os.environ)
