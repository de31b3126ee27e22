"""Plans that may be applied: read from a file or made now, and held against every check and guard once more."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.app.acting import circumstances, who_acts
from reconciler.app.certificates import with_certificates_now
from reconciler.app.change_records import with_change_records
from reconciler.app.context import Context
from reconciler.app.plan import declared, plan_of
from reconciler.app.request import Request, Seals
from reconciler.app.reviews import Decided, hold_to_reviewed_plans, hold_to_reviews
from reconciler.codec import plan_json
from reconciler.errors import GuardRefused, NotAttempted, ServerAway
from reconciler.ledger.history import lines_since
from reconciler.ledger.index import read_index
from reconciler.ledger.plan_files import load_plan_with_bytes, save_plan
from reconciler.model.decision import Seal
from reconciler.model.plan import Plan
from reconciler.model.review import Emergency
from reconciler.model.status import format_instant
from reconciler.model.value import replace
from reconciler.planning.digest import check_digest
from reconciler.planning.merge import merge_plans
from reconciler.planning.planner import enforce_again
from reconciler.planning.reviewed import hold_against
from reconciler.planning.selections import since_plan

_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clock of the machine that made a plan may be ahead of ours."""

_MAKE_ANOTHER = "make a new plan and have it reviewed"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that every check and guard has seen just now, who decided, and the manifests that a run may seal.

    `saved` is the plan as it was handed in, byte for byte, None for one that was made now. `whole` says that it is of
    everything that the configuration names. `emergency` is what two people decide without a pull request.
    """

    plan: Plan
    decided: Decided
    sealable: tuple[Seal, ...] = ()
    saved: bytes | None = None
    whole: bool = False
    emergency: Emergency | None = None


def read_plan(path: Path) -> Plan:
    """Return a saved plan. Raises InvalidInput for what is none, GuardRefused for one that was edited."""
    return _read_plan(path)[0]


def _read_plan(path: Path) -> tuple[Plan, bytes]:
    plan, data = load_plan_with_bytes(path)
    check_digest(plan)
    return plan, data


def merge_files(files: tuple[Path, ...], out: Path) -> None:
    """Write the plan of the whole. Raises InvalidInput, GuardRefused."""
    save_plan(merge_plans([read_plan(path) for path in files]), out)


def prepared_file(context: Context, path: Path) -> Prepared:
    """Prepare a saved plan; no manifest is opened. Raises InvalidInput, GuardRefused, ServerFailure."""
    return prepared(context, *_read_plan(path))


def prepared(context: Context, plan: Plan, saved: bytes | None = None) -> Prepared:
    """Check that a plan is unedited, for this server and environment, and in time; run its guards again.

    `saved` is what it was read from. Raises GuardRefused, ServerFailure.
    """
    _check_version(plan)
    check_digest(plan)
    _check_target(plan, context)
    _check_time(plan, context.clock.now(), timedelta(seconds=context.settings.plan_ttl))
    plan = with_certificates_now(context, plan)
    with once_planned():
        seen = circumstances(context)
    _, seen = with_change_records(context, seen, plan.steps, "apply")
    held, decided = hold_to_reviews(context, enforce_again(plan, seen), final=True)
    held = hold_to_reviewed_plans(context, held, decided)
    return Prepared(replace(held, digest=plan.digest), decided, saved=saved or bytes_of(plan))


@contextmanager
def once_planned() -> Iterator[None]:
    """Turn the absence of the server into NotAttempted, where there is a plan already."""
    try:
        yield
    except ServerAway as away:
        raise NotAttempted(away.message, away.hint) from away


def prepared_now(context: Context, request: Request, reviewed: Path | None = None) -> Prepared:
    """Plan the manifests now, held against the reviews of their commits and against the plan that was reviewed.

    Raises InvalidInput, GuardRefused, ServerFailure, LedgerBroken.
    """
    request = replace(request, seals=Seals.RESPECTED_AND_SOUGHT)
    desired = declared(context, request)
    plan = plan_of(context, desired, request, lambda: who_acts(context, final=True))
    emergency = request.emergency
    plan, decided = hold_to_reviews(context, plan, final=True, emergency=emergency)
    plan = plan if emergency is not None else hold_to_reviewed_plans(context, plan, decided)
    if reviewed is not None:
        then, data = _read_plan(reviewed)
        _check_target(then, context)
        plan = hold_against(plan, then)
        decided.reviewed.append(data)
    return Prepared(plan, decided, desired.sealable, whole=request.is_whole, emergency=emergency)


def applied_before(context: Context, plan: Plan) -> int:
    """Return how many changes of a plan an earlier run of it has applied. Raises LedgerBroken."""
    guids = [step.guid for step in plan.changes]
    if not guids or not context.ledger.is_dir():
        return 0
    histories = read_index(context.ledger, guids, context.targets).histories
    later = lines_since(context.ledger, plan.ledger_heads, guids, context.targets)
    return sum(entry.done for entry in since_plan(plan.changes, later, histories).values())


def _check_target(plan: Plan, context: Context) -> None:
    if plan.target != context.backend.target:
        raise GuardRefused(
            f"the plan was made for {plan.target}, this run talks to {context.backend.target}",
            "apply it with the configuration and --env that it was made with",
        )
    if plan.environment != context.settings.environment:
        raise GuardRefused(
            f"the plan was made for environment {plan.environment or 'none'}, this run is for "
            f"{context.settings.environment or 'none'}",
            "apply it with the --env that it was made with",
        )


def _check_version(plan: Plan) -> None:
    if plan.version == 1:
        raise GuardRefused(
            "an earlier release made the plan: it has no checksum and does not name the state of the ledger",
            _MAKE_ANOTHER,
        )


def _check_time(plan: Plan, now: datetime, longest: timedelta) -> None:
    """Refuse a plan that is too old for itself or for this configuration, or that no clock near ours can have made."""
    made = format_instant(plan.made_at)
    expires = min(plan.expires_at, plan.made_at + longest)
    if expires <= now:
        raise GuardRefused(f"the plan expired at {format_instant(expires)}; it was made at {made}", _MAKE_ANOTHER)
    if plan.made_at - now > _CLOCKS_DIFFER:
        raise GuardRefused(
            f"the plan was made at {made}, which is in the future: here it is {format_instant(now)}",
            "set the clocks of both machines, make a new plan and have it reviewed",
        )


def bytes_of(plan: Plan) -> bytes:
    """Return the plan as a saved file has it."""
    return plan_json(plan).encode("ascii")
