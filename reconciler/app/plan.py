"""Plan: manifests, live tickets and ledger to a plan. Nothing here can write."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from reconciler.app.acting import Acting, deciders, who_acts, with_folders
from reconciler.app.certificates import with_certificates
from reconciler.app.change_records import with_change_records
from reconciler.app.context import Context
from reconciler.app.orphans import orphans
from reconciler.app.pull_request import Judged, around
from reconciler.app.request import Narrowed, Request, Seals, narrowed
from reconciler.app.reviews import hold_to_reviews
from reconciler.app.version import tool
from reconciler.errors import LedgerBroken
from reconciler.ledger.index import Index, read_index, read_seals
from reconciler.manifests.load import load_desired
from reconciler.manifests.text import repository_of
from reconciler.model.decision import Decision, Desired, Seal
from reconciler.model.plan import Plan, Step
from reconciler.model.record import NO_HISTORY, TicketHistory
from reconciler.model.settings import Requests
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.certificates import plan_notes as certificate_notes
from reconciler.planning.judge import judge, judge_closed, needs_reading
from reconciler.planning.planner import assemble
from reconciler.ports import Readings

_MOVED = frozenset({Reason.CONFLICT_CONSOLE, Reason.CONFLICT_REOPENED, Reason.CONFLICT_SCHEDULE_UNKNOWN})
_CALLS_A_CHANGE = 3
"""Read, update, read again."""


def plan(context: Context, request: Request | None = None) -> Plan:
    """Return what an apply would do. A fault in a manifest is found before the network is used.

    Raises InvalidInput with every fault of every file, ServerFailure, LedgerBroken.
    """
    request = request or Request()
    made = plan_of(context, declared(context, request), request, lambda: who_acts(context, final=False))
    return hold_to_reviews(context, made, final=False, emergency=request.emergency)[0]


def declared(context: Context, request: Request) -> Desired:
    """Read the manifests. Raises InvalidInput with every fault of every file."""
    settings = context.settings
    return load_desired(
        request.paths or settings.tickets,
        windows=settings.windows,
        now=context.clock.now(),
        sealed={} if request.recheck or request.wanted or request.seals is Seals.IGNORED else _known_seals(context),
        sealing=request.seals is Seals.RESPECTED_AND_SOUGHT,
        root=repository_of(settings.path),
    )


def plan_of(context: Context, desired: Desired, request: Request, who: Callable[[], Acting]) -> Plan:
    """Read the tickets of these decisions, judge each, and run the guards.

    `who` says who acts; it is asked while the first tickets are being read.
    """
    settings, now = context.settings, context.clock.now()
    asked = narrowed(context, desired, request)
    index = read_index(context.ledger, (each.guid for each in asked.desired.decisions), context.targets)
    evaluated = _evaluated(context, asked.desired.decisions, index.histories, request, now, who)
    orphaned, unknown = orphans(context, index, asked.named, desired.selections, request)
    steps = _with_deciders(context, (*evaluated.steps, *orphaned))
    steps = with_certificates(context, steps, now, for_people=request.certificates)
    empty = _empty_plan(context, asked, index, request, now, evaluated.acting)
    seen = replace(evaluated.acting.seen, now=now, emergency=request.emergency)
    seen = with_folders(seen, settings, replace(empty, steps=steps))
    steps, seen = with_change_records(context, seen, steps, "plan")
    made = assemble(empty, steps, seen)
    judged = Judged(
        steps, seen, request.paths or settings.tickets, asked.named, request.shard, desired, made.without_step
    )
    beside = around(context, asked.desired, judged, made.steps)
    notes = (
        *made.notes,
        *unknown,
        *beside.not_known,
        *certificate_notes(made.steps),
        *context.backend.notes(),
        *length_note(len(made.changes), evaluated.seconds_a_call, settings.requests),
    )
    return replace(_marked(made, beside.own), notes=notes, pull_request=beside.context)


class _Evaluated(NamedTuple):
    """A step for each decision, who acts, and how long a call took."""

    steps: tuple[Step, ...]
    acting: Acting
    seconds_a_call: float


def _evaluated(
    context: Context,
    decisions: tuple[Decision, ...],
    histories: Mapping[Guid, TicketHistory],
    request: Request,
    now: datetime,
    who: Callable[[], Acting],
) -> _Evaluated:
    """Read the tickets that have to be read, and judge each decision."""
    limits, shard = context.settings.requests, request.shard
    to_read, closed = _divided(decisions, histories, request)
    calls = len(to_read)
    began = context.clock.monotonic()
    readings = context.backend.reader().read_many(tuple(to_read))
    acting = _asked_meanwhile(who, readings)
    steps = [judge_closed(decision, histories[decision.guid], now) for decision in closed]
    with context.observer.progress("Reading tickets", calls, context.backend.activity) as advance:
        for guid, reading in readings:
            decision = to_read.pop(guid)
            history = histories.get(guid, NO_HISTORY)
            step = judge(decision, reading, history, now, timedelta(seconds=limits.patience))
            if shard is None or decision.expect.object is not None or shard.owns(step.object or guid):
                steps.append(step)
            advance(1)
    took = context.clock.monotonic() - began
    return _Evaluated(tuple(steps), acting, took * min(calls, limits.reads) / max(calls, 1))


def _divided(
    decisions: tuple[Decision, ...], histories: Mapping[Guid, TicketHistory], request: Request
) -> tuple[dict[Guid, Decision], list[Decision]]:
    """Return the decisions of a shard whose tickets have to be read, and those whose tickets are gone for good."""
    shard = request.shard
    to_read: dict[Guid, Decision] = {}
    closed: list[Decision] = []
    for decision in decisions:
        stated = decision.expect.object
        if shard is not None and stated is not None and not shard.owns(stated):
            continue
        if request.recheck or needs_reading(histories.get(decision.guid, NO_HISTORY), decision):
            to_read[decision.guid] = decision
        elif shard is None or stated is not None or shard.owns(decision.guid):
            closed.append(decision)
    return to_read, closed


def _asked_meanwhile(who: Callable[[], Acting], readings: Readings) -> Acting:
    """Ask who acts while tickets are being read, and end the reading when there is no answer."""
    try:
        return who()
    except BaseException:
        next(readings, None)
        readings.close()
        raise


def _with_deciders(context: Context, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Name who moved the contested tickets."""
    contested = sorted(step.guid for step in steps if step.reason in _MOVED and step.before is not None)
    by = deciders(context, contested)
    return tuple(
        replace(step, detail=f"{step.detail}; last updated by {by[step.guid]}") if step.guid in by else step
        for step in steps
    )


def _empty_plan(
    context: Context, asked: Narrowed, index: Index, request: Request, now: datetime, acting: Acting
) -> Plan:
    """Return the plan with everything but its steps and what follows from them."""
    settings, shard, emergency = context.settings, request.shard, request.emergency
    notes = [*_part(request, asked.left_out)]
    if emergency is not None:
        notes.append(f"emergency {emergency.incident}: {emergency.people}")
    return Plan(
        tool=tool(),
        target=context.backend.target,
        made_at=now,
        expires_at=now + timedelta(seconds=settings.plan_ttl),
        digest="",
        steps=(),
        environment=settings.environment,
        timezone=settings.timezone,
        commit=acting.commit,
        shard=str(shard) if shard else None,
        ledger_head=index.chain.head,
        ledger_heads=index.chain.heads,
        identity=acting.identity,
        overrides=asked.desired.overrides,
        notes=(*notes, *acting.notes),
        part=request.part,
        left_out=asked.left_out,
        sealed=tuple(seal for seal in asked.desired.sealed if shard is None or shard.owns(seal.path)),
    )


def _part(request: Request, left_out: int) -> Iterator[str]:
    if request.part is not None:
        others = f"{left_out:,} other decision{'s are' if left_out != 1 else ' is'} not looked at"
        yield f"this plan is partial: {request.part}; {others}"


def _marked(plan: Plan, own: frozenset[Guid] | None) -> Plan:
    """Mark the steps that are as on the branch which a pull request is for."""
    if own is None:
        return plan
    steps = (step if step.guid in own else replace(step, own=False) for step in plan.steps)
    return replace(plan, steps=tuple(steps))


def _known_seals(context: Context) -> Mapping[str, Seal]:
    """Return the seals that can be read. What is wrong with a ledger is told by those who can't go on without it."""
    try:
        return read_seals(context.ledger, context.settings.targets)
    except LedgerBroken:
        return {}


def length_note(changes: int, a_call: float, limits: Requests) -> tuple[str, ...]:
    """Return how long an apply takes where that is a minute or more, `a_call` being the seconds of a call just now."""
    seconds = changes * _CALLS_A_CHANGE * a_call / limits.writes
    over = limits.deadline is not None and seconds > limits.deadline
    if seconds < 60 and not over:
        return ()
    note = f"an apply takes about {seconds / 60:,.0f} min: {changes:,} changes, {limits.writes} at a time"
    if over:
        note += f"; requests.deadline of {limits.deadline:g} s ends it before: raise it, or use --shard"
    return (note,)
