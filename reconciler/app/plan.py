"""Plan: manifests, live tickets and ledger to a plan. Nothing here can write."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from reconciler.app.acting import Acting, who_acts
from reconciler.app.certificates import with_certificates
from reconciler.app.change_records import with_change_records
from reconciler.app.context import Context
from reconciler.app.folders import with_folders
from reconciler.app.orphans import orphans
from reconciler.app.pull_request import Judged, around
from reconciler.app.reviews import hold_to_reviews
from reconciler.app.since import changed_since
from reconciler.app.tickets import Wanted, chosen
from reconciler.app.version import tool
from reconciler.errors import InvalidInput, LedgerBroken
from reconciler.ledger.index import Index, read_index, read_seals
from reconciler.manifests.load import load_desired
from reconciler.manifests.text import repository_of
from reconciler.model.decision import Decision, Desired, Problem, Seal, Selection
from reconciler.model.plan import Plan, Shard, Step
from reconciler.model.record import NO_HISTORY, TicketHistory
from reconciler.model.review import Emergency
from reconciler.model.settings import Requests
from reconciler.model.ticket import Found, Guid, Reading
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.certificates import plan_notes as certificate_notes
from reconciler.planning.judge import judge, judge_closed, needs_reading
from reconciler.planning.planner import assemble
from reconciler.planning.selections import expand, too_open
from reconciler.ports import Progress, Readings

_MOVED = frozenset({Reason.CONFLICT_CONSOLE, Reason.CONFLICT_REOPENED, Reason.CONFLICT_SCHEDULE_UNKNOWN})
_MOST_NAMED = 50
"""Each name costs a call or two, one after the other; thousands of conflicts have one cause."""


class Seals(Enum):
    """What seals of manifests mean to a plan."""

    IGNORED = auto()
    """Every manifest is read."""
    RESPECTED = auto()
    """Sealed manifests stay unread."""
    RESPECTED_AND_SOUGHT = auto()
    """The same, and manifests that can be sealed are noted."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which decisions to plan. No paths are those of the configuration; `only` is a single ticket, `wanted` are some.

    `emergency` is what two people decide of that ticket without a pull request. `recheck` reads tickets again that the
    ledger has seen to be gone, and manifests with nothing left to decide. `certificates` are read for people; those
    that a change depends on are always read.
    """

    paths: tuple[str, ...] = ()
    shard: Shard | None = None
    since: str | None = None
    only: Guid | None = None
    seals: Seals = Seals.RESPECTED
    recheck: bool = False
    certificates: bool = True
    wanted: Wanted = Wanted()
    emergency: Emergency | None = None

    @property
    def part(self) -> str | None:
        """Which part of the decisions is asked for, in words of the command line; None for all of them."""
        return " ".join(filter(None, (f"--since {self.since}" if self.since else "", str(self.wanted)))) or None

    @property
    def is_whole(self) -> bool:
        """Whether these are all decisions that the configuration names."""
        return not (self.paths or self.shard or self.since or self.only or self.wanted)


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
    written, rules = desired, desired.selections
    desired, left_out, named = _narrowed(context, desired, request)
    index = read_index(context.ledger, (decision.guid for decision in desired.decisions), context.targets)
    histories = index.histories
    to_read, closed = _divided(desired.decisions, histories, request)
    began = context.clock.monotonic()
    readings = context.backend.reader().read_many(tuple(to_read))
    acting = _asked_meanwhile(who, readings)
    empty = Plan(
        tool=tool(),
        target=context.backend.target,
        made_at=now,
        expires_at=now + timedelta(seconds=settings.plan_ttl),
        digest="",
        steps=(),
        environment=settings.environment,
        timezone=settings.timezone,
        commit=acting.commit,
        shard=str(request.shard) if request.shard else None,
        ledger_head=index.chain.head,
        ledger_heads=index.chain.heads,
        identity=acting.identity,
        overrides=desired.overrides,
        notes=(*_part(request, left_out), *_of_emergency(request), *acting.notes),
        part=request.part,
        left_out=left_out,
        sealed=tuple(seal for seal in desired.sealed if request.shard is None or request.shard.owns(seal.path)),
    )
    patience = timedelta(seconds=settings.requests.patience)
    with context.observer.progress("Reading tickets", len(to_read), context.backend.activity) as advance:
        judged = _judged(to_read, histories, _counted(readings, advance), now, patience, request.shard)
        gone = (judge_closed(decision, histories[decision.guid], now) for decision in closed)
        managed = tuple(itertools.chain(gone, judged))
        orphaned, unknown = _orphaned(context, request, index, named, rules)
        steps = _with_deciders(context, (*managed, *orphaned))
    took = context.clock.monotonic() - began
    steps = with_certificates(context, steps, now, for_people=request.certificates)
    seen = replace(acting.seen, now=now, emergency=request.emergency)
    seen = with_folders(seen, settings, replace(empty, steps=steps))
    steps, seen = with_change_records(context, seen, steps, "plan")
    plan = assemble(empty, steps, seen)
    places = request.paths or settings.tickets
    judged_so = Judged(steps, seen, places, named, request.shard, written, plan.without_step)
    beside = around(context, desired, judged_so, plan.steps)
    in_flight = min(len(to_read), settings.requests.reads)
    a_call = took * in_flight / max(len(to_read), 1)
    length = length_note(len(plan.changes), a_call, settings.requests)
    certificates = certificate_notes(plan.steps)
    notes = (*plan.notes, *unknown, *beside.not_known, *certificates, *context.backend.notes(), *length)
    return replace(_of_pull_request(plan, beside.own), notes=notes, pull_request=beside.context)


def _of_pull_request(plan: Plan, own: frozenset[Guid] | None) -> Plan:
    """Mark the steps that are as on the branch which a pull request is for."""
    if own is None:
        return plan
    steps = (step if step.guid in own else replace(step, own=False) for step in plan.steps)
    return replace(plan, steps=tuple(steps))


def _orphaned(
    context: Context, request: Request, index: Index, named: frozenset[Guid], rules: tuple[Selection, ...]
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Look for orphans, unless the plan is of some tickets only."""
    if request.only is not None or request.wanted:
        return (), ()
    return orphans(context, index, named, rules, paths=request.paths, shard=request.shard)


_CALLS_A_CHANGE = 3
"""Read, update, read again."""


def length_note(changes: int, a_call: float, limits: Requests) -> tuple[str, ...]:
    """Return how long an apply takes where that is a minute or more, `a_call` being the seconds of a call just now."""
    seconds = changes * _CALLS_A_CHANGE * a_call / limits.writes
    over = limits.deadline is not None and seconds > limits.deadline
    if seconds < 60 and not over:
        return ()
    said = f"an apply takes about {seconds / 60:,.0f} min: {changes:,} changes, {limits.writes} at a time"
    if over:
        said += f"; requests.deadline of {limits.deadline:g} s ends it before: raise it, or use --shard"
    return (said,)


def _known_seals(context: Context) -> Mapping[str, Seal]:
    """Return the seals that can be read. What is wrong with a ledger is told by those who can't go on without it."""
    try:
        return read_seals(context.ledger, context.settings.targets)
    except LedgerBroken:
        return {}


def _part(request: Request, left_out: int) -> tuple[str, ...]:
    if request.part is None:
        return ()
    others = f"{left_out:,} other decision{'s are' if left_out != 1 else ' is'} not looked at"
    return (f"this plan is partial: {request.part}; {others}",)


def _of_emergency(request: Request) -> tuple[str, ...]:
    emergency = request.emergency
    return () if emergency is None else (f"emergency {emergency.incident}: {emergency.people}",)


def _narrowed(context: Context, desired: Desired, request: Request) -> tuple[Desired, int, frozenset[Guid]]:
    """Expand rules to GUIDs, leave out what nobody asked for and count it, resolve the names of approvers.

    The tickets of all decisions come last, those that were left out among them.
    """
    if desired.selections:
        desired = _expanded(context, desired)
    declared = len(desired.decisions)
    named = frozenset(decision.guid for decision in desired.decisions)
    if request.since is not None:
        desired = changed_since(request.since, desired, context.settings.windows, context.clock.now())
    if request.wanted:
        desired = replace(desired, decisions=chosen(desired.decisions, request.wanted))
    if request.only is not None:
        kept = tuple(decision for decision in desired.decisions if decision.guid == request.only)
        desired = replace(desired, decisions=kept)
    if any(decision.parameters.approvers for decision in desired.decisions):
        desired = replace(desired, decisions=_with_resolved_approvers(context, desired.decisions))
    return desired, declared - len(desired.decisions) if request.part else 0, named


def _expanded(context: Context, desired: Desired) -> Desired:
    """Replace each rule by decisions on single tickets, among those that the caller can list."""
    longest = timedelta(seconds=context.settings.policy.rules.longest)
    if faults := too_open(desired.selections, context.clock.now(), longest):
        raise InvalidInput(faults)
    explicit = frozenset(decision.guid for decision in desired.decisions)
    guids = [guid for guid in context.backend.find() if guid not in explicit]
    readings = (reading for _, reading in context.backend.reader().read_many(guids))
    candidates = [reading.ticket for reading in readings if isinstance(reading, Found)]
    decisions, problems = expand(desired.selections, candidates, explicit)
    if problems:
        raise InvalidInput(problems)
    return replace(desired, decisions=desired.decisions + decisions, selections=())


def _with_resolved_approvers(context: Context, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """Put the server's stable identities in place of names. Raises InvalidInput for every name that has none."""
    named = [decision for decision in decisions if decision.parameters.approvers]
    resolution = context.backend.resolve(name for each in named for name in each.parameters.approvers or ())
    problems = tuple(
        Problem(
            "unknown-identity",
            decision.source,
            f"approver {resolution.unresolved[name]}",
            "write the prefixed name of one identity, such as AD+CORP:jdoe, or its prefixed universal",
        )
        for decision in named
        for name in decision.parameters.approvers or ()
        if name in resolution.unresolved
    )
    if problems:
        raise InvalidInput(problems)
    return tuple(_resolved(decision, resolution.universals) for decision in decisions)


def _resolved(decision: Decision, universals: Mapping[str, str]) -> Decision:
    names = decision.parameters.approvers
    if not names:
        return decision
    found = tuple(universals.get(name, name) for name in names)
    return replace(decision, parameters=replace(decision.parameters, approvers=found))


def _with_deciders(context: Context, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Name who moved the first contested tickets, where the server tells it."""
    contested = [step.guid for step in steps if step.reason in _MOVED and step.before is not None]
    if not contested:
        return steps
    by = context.backend.who_decided(sorted(contested)[:_MOST_NAMED])
    return tuple(
        replace(step, detail=f"{step.detail}; last updated by {by[step.guid]}") if step.guid in by else step
        for step in steps
    )


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


def _counted(readings: Readings, advance: Progress) -> Iterator[tuple[Guid, Reading]]:
    for read in readings:
        yield read
        advance(1)


def _judged(
    to_read: dict[Guid, Decision],
    histories: Mapping[Guid, TicketHistory],
    readings: Iterable[tuple[Guid, Reading]],
    now: datetime,
    patience: timedelta,
    shard: Shard | None,
) -> Iterator[Step]:
    for guid, reading in readings:
        decision = to_read.pop(guid)
        step = judge(decision, reading, histories.get(guid, NO_HISTORY), now, patience)
        if shard is None or decision.expect.object is not None or shard.owns(step.object or guid):
            yield step
