"""Manifests, live tickets and ledger to a plan, for every command that needs one. Holds nothing that can write."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.cli.version import tool
from reconciler.cli.wiring import House
from reconciler.ledger.heads import ledger_head
from reconciler.ledger.index import read_index
from reconciler.model.decision import Decision, Desired, Seal
from reconciler.model.guid import Guid
from reconciler.model.plan import Plan, Step
from reconciler.model.record import NO_STORY, Story
from reconciler.model.shard import Shard
from reconciler.model.value import replace
from reconciler.planning.guards import Circumstances, NotYetReviewed, People
from reconciler.planning.judge import judge, judge_closed, needs_reading
from reconciler.planning.planner import Header, assemble
from reconciler.ports import Progress, Readings, TicketReader


@dataclass(frozen=True, slots=True)
class Request:
    """What to plan of that which the manifests declare, and for whom."""

    shard: Shard | None = None
    people: People = NotYetReviewed()
    commit: str | None = None
    identity: str | None = None
    identities: frozenset[str] = frozenset()
    stopped: str | None = None
    since: str | None = None
    only: Guid | None = None
    notes: tuple[str, ...] = ()
    progress: Callable[[int], Progress] | None = field(default=None)


def make_plan(house: House, reader: TicketReader, request: Request, introduce: Callable[[Request], Request]) -> Plan:
    """Read, judge, guard. Raises InvalidInput, ServerFailure, LedgerBroken.

    `introduce` fills in who acts and who decided, which is asked while the first tickets are being read.
    """
    settings, now = house.settings, house.clock.now()
    desired = _prepared(house, reader, house.desired, request)
    ledger = Path(settings.ledger)
    stories = read_index(ledger, (decision.guid for decision in desired.decisions)).stories
    open_ones, closed = _divided(desired.decisions, stories, request.shard)
    readings = reader.read_many(open_ones)
    try:
        request = introduce(request)
    except BaseException:
        next(readings, None)
        readings.close()
        raise
    steps = _steps(open_ones, closed, stories, readings, now, request)
    header = Header(
        tool=tool(),
        target=house.session.target,
        made_at=now,
        time_to_live=timedelta(seconds=settings.plan_ttl),
        environment=settings.environment,
        commit=request.commit,
        shard=str(request.shard) if request.shard else None,
        ledger_head=ledger_head(ledger),
        identity=request.identity,
        notes=request.notes,
    )
    seen = Circumstances(settings.policy, now, request.people, request.identities, request.stopped)
    return assemble(header, steps, desired.overrides, seen, _sealed(desired, request.shard))


def _sealed(desired: Desired, shard: Shard | None) -> tuple[Seal, ...]:
    """Return the sealed manifests that a shard tells of, so that each is told of once."""
    return tuple(seal for seal in desired.sealed if shard is None or shard.owns(seal.path))


def _prepared(house: House, reader: TicketReader, desired: Desired, request: Request) -> Desired:
    """Expand rules to GUIDs, leave out what nobody asked for, resolve the names of approvers."""
    if desired.selections:
        from reconciler.cli.selecting import expand_selections

        desired = expand_selections(house, reader, desired)
    if request.since is not None:
        from reconciler.cli.changed import changed_since

        desired = changed_since(request.since, desired, house.settings.windows, house.clock.now())
    if request.only is not None:
        kept = tuple(decision for decision in desired.decisions if decision.guid == request.only)
        desired = replace(desired, decisions=kept)
    if any(decision.parameters.approvers for decision in desired.decisions):
        from reconciler.cli.approvers import resolve_approvers

        desired = replace(desired, decisions=resolve_approvers(house, desired.decisions))
    return desired


def _divided(
    decisions: tuple[Decision, ...], stories: Mapping[Guid, Story], shard: Shard | None
) -> tuple[dict[Guid, Decision], list[Decision]]:
    """Return the decisions of a shard whose tickets have to be read, and those whose tickets are gone for good."""
    open_ones: dict[Guid, Decision] = {}
    closed: list[Decision] = []
    for decision in decisions:
        stated = decision.expect.object
        if shard is not None and stated is not None and not shard.owns(stated):
            continue
        if needs_reading(stories.get(decision.guid, NO_STORY)):
            open_ones[decision.guid] = decision
        elif shard is None or stated is not None or shard.owns(decision.guid):
            closed.append(decision)
    return open_ones, closed


def _steps(
    open_ones: dict[Guid, Decision],
    closed: list[Decision],
    stories: Mapping[Guid, Story],
    readings: Readings,
    now: datetime,
    request: Request,
) -> Iterator[Step]:
    for decision in closed:
        yield judge_closed(decision, stories[decision.guid], now)
    shard = request.shard
    advance = request.progress(len(open_ones)) if request.progress else None
    for guid, reading in readings:
        decision = open_ones.pop(guid)
        step = judge(decision, reading, stories.get(guid, NO_STORY), now)
        if shard is None or decision.expect.object is not None or shard.owns(step.object or guid):
            yield step
        if advance is not None:
            advance(1)
