"""The plan that an apply carries out: a saved one, checked, or one that is made now."""

from datetime import datetime
from pathlib import Path

import click

from reconciler.cli.deciding import hold_to_reviews
from reconciler.cli.planning import Request, make_plan
from reconciler.cli.preflight import circumstances, introduce
from reconciler.cli.progress import progress_bar
from reconciler.cli.wiring import House
from reconciler.errors import GuardRefused
from reconciler.ledger.plan_files import load_plan
from reconciler.model.instant import format_instant
from reconciler.model.plan import Plan
from reconciler.model.shard import Shard
from reconciler.model.value import replace
from reconciler.planning.digest import check_digest
from reconciler.planning.guards import NotYetReviewed
from reconciler.planning.planner import enforce_again
from reconciler.planning.reviewed import hold_against
from reconciler.tpp.session import ticket_reader


def plan_to_apply(house: House, paths: tuple[str, ...], reviewed: Path | None, shard: Shard | None) -> Plan:
    """Return the plan with every guard run. A saved plan is used as it is: no manifest is opened.

    Raises InvalidInput, GuardRefused, ServerFailure, LedgerBroken.
    """
    if manifests_to_apply(paths) is None:
        if len(paths) > 1 or shard is not None or reviewed is not None:
            raise click.UsageError(
                "a saved plan is applied alone, as it is: without other paths, --shard or --reviewed"
            )
        plan = checked(load_plan(Path(paths[0])), house)
        return enforce_again(plan, circumstances(house, plan))
    request = Request(shard=shard)

    def introduced(asked: Request) -> Request:
        nonlocal request
        request = introduce(house, asked, final=True)
        return replace(request, people=NotYetReviewed())

    with progress_bar("Reading tickets") as progress:
        plan = make_plan(house, ticket_reader(house.session), replace(request, progress=progress), introduced)
    plan = hold_to_reviews(house, plan, request)
    if reviewed is not None:
        then = load_plan(reviewed)
        check_digest(then)
        _same_target(then, house)
        plan = hold_against(plan, then)
    return plan


def manifests_to_apply(paths: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the paths of manifests; None when a saved plan is to be applied, for which none is opened."""
    return None if any(path.endswith(".json") for path in paths) else paths


def checked(plan: Plan, house: House) -> Plan:
    """Return a saved plan that is unedited, for this server and environment, and not expired. Raises GuardRefused."""
    check_digest(plan)
    _same_target(plan, house)
    _not_expired(plan, house.clock.now())
    return plan


def _same_target(plan: Plan, house: House) -> None:
    if plan.target != house.session.target:
        raise GuardRefused(
            f"the plan was made for {plan.target}, this run talks to {house.session.target}",
            "apply it with the configuration and --env that it was made with",
        )
    if plan.environment != house.settings.environment:
        raise GuardRefused(
            f"the plan was made for environment {plan.environment or 'none'}, this run is for "
            f"{house.settings.environment or 'none'}",
            "apply it with the --env that it was made with",
        )


def _not_expired(plan: Plan, now: datetime) -> None:
    if plan.expires_at <= now:
        raise GuardRefused(
            f"the plan expired at {format_instant(plan.expires_at)}; it was made at {format_instant(plan.made_at)}",
            "make a new plan and have it reviewed",
        )
