"""Manifests, live tickets and ledger to a plan, for every command that needs one. Holds nothing that can write."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from reconciler.cli.version import tool
from reconciler.cli.wiring import House
from reconciler.ledger.heads import ledger_head
from reconciler.ledger.memory import LedgerMemory
from reconciler.manifests.load import load_desired
from reconciler.model.decision import Decision, Desired
from reconciler.model.guid import Guid
from reconciler.model.plan import Plan, Step
from reconciler.model.record import NO_STORY, Story
from reconciler.model.shard import Shard
from reconciler.planning.guards import Circumstances, NotYetReviewed, People
from reconciler.planning.judge import judge, judge_closed, needs_reading
from reconciler.planning.planner import Header, assemble
from reconciler.ports import Progress, TicketReader


@dataclass(frozen=True, slots=True)
class Request:
    """What to plan: manifests (the configuration's when there are none), part of them, for whom."""

    paths: tuple[str, ...] = ()
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


def make_plan(house: House, reader: TicketReader, request: Request) -> Plan:
    """Load, read, judge, guard. Raises InvalidInput, ServerFailure, LedgerBroken."""
    settings, now = house.settings, house.clock.now()
    desired = load_desired(request.paths or settings.tickets, windows=settings.windows, now=now)
    desired = _prepared(house, reader, desired, request)
    ledger = Path(settings.ledger)
    stories = LedgerMemory(ledger).recall(decision.guid for decision in desired.decisions)
    steps = _steps(desired.decisions, stories, reader, house, request)
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
    return assemble(header, steps, desired.overrides, seen)


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


def _steps(
    decisions: tuple[Decision, ...],
    stories: Mapping[Guid, Story],
    reader: TicketReader,
    house: House,
    request: Request,
) -> Iterator[Step]:
    now, shard = house.clock.now(), request.shard
    open_ones: dict[Guid, Decision] = {}
    for decision in decisions:
        stated = decision.expect.object
        if shard is not None and stated is not None and not shard.owns(stated):
            continue
        story = stories.get(decision.guid, NO_STORY)
        if needs_reading(story):
            open_ones[decision.guid] = decision
        elif shard is None or stated is not None or shard.owns(decision.guid):
            yield judge_closed(decision, story, now)
    advance = request.progress(len(open_ones)) if request.progress else None
    for guid, reading in reader.read_many(open_ones):
        decision = open_ones.pop(guid)
        step = judge(decision, reading, stories.get(guid, NO_STORY), now)
        if shard is None or decision.expect.object is not None or shard.owns(step.object or guid):
            yield step
        if advance is not None:
            advance(1)
