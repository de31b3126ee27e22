"""What a run writes besides its receipts: its first line, who decided, who needs attention, and its report."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from reconciler.app.context import Context
from reconciler.app.reviews import config_commit
from reconciler.app.saved_plan import Prepared, bytes_of
from reconciler.ledger.heads import ledger_heads
from reconciler.ledger.index import Index
from reconciler.ledger.kept import CONFIGURATIONS, PLANS, keep
from reconciler.model.plan import Plan
from reconciler.model.receipt import Attention, NotedLedger, Run
from reconciler.model.record import (
    EMERGENCY,
    NO_HISTORY,
    TAKEN_OVER,
    AttentionEntry,
    Episode,
    LockOwner,
    Opened,
    TicketHistory,
)
from reconciler.model.review import Assessment, Review, ReviewedTickets
from reconciler.model.status import format_instant
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Group
from reconciler.planning.attention import begin, by_hand, episodes

Named = Callable[[Review | None], Review | None]
"""Makes of a review what the ledger says of it."""


def opened(context: Context, ready: Prepared, named: Named) -> Opened:
    """Make the first line of a run, and keep the plan and the configuration that it names. Raises LedgerUnwritable."""
    plan, config = ready.plan, context.settings.path
    configuration = ready.decided.configuration
    return Opened(
        context.clock.now(),
        plan.digest,
        shard=plan.shard,
        overrides=_overrides(plan),
        part=plan.part,
        config=keep(context.ledger, CONFIGURATIONS, Path(config).read_bytes()) if config else None,
        config_commit=config_commit(context),
        config_review=named(configuration.review) if isinstance(configuration, Assessment) else None,
        plan=keep(context.ledger, PLANS, ready.saved or bytes_of(plan)),
        reviewed=tuple(dict.fromkeys(keep(context.ledger, PLANS, each) for each in ready.decided.reviewed)),
        reviewed_to=ready.decided.reviewed_to,
    )


def reviews_of(ready: Prepared, index: Index, named: Named) -> Mapping[Guid, Review | None]:
    """Return who decided on each ticket, as the ledger says it: by its commit, else as the ledger has it already."""
    found = {began.entry.guid: began.review for began in index.attention if began.entry.guid}
    return {guid: named(review) for guid, review in {**found, **_reviews(ready, index.histories)}.items()}


def _reviews(ready: Prepared, histories: Mapping[Guid, TicketHistory]) -> dict[Guid, Review | None]:
    """Return who decided on each ticket of a plan: by its commit, else as the ledger has it of the same decision."""
    found: dict[Guid, Review | None] = {}
    for step in ready.plan.steps:
        last = histories.get(step.guid, NO_HISTORY).last
        known = last.review if last is not None and last.digest == step.digest else None
        own = ready.decided.review_of(step)
        found[step.guid] = known or own if step.group is Group.FINE else own or known
    return found


def attention_entries(
    context: Context, ready: Prepared, index: Index, dead: LockOwner | None
) -> tuple[AttentionEntry, ...]:
    """Return what the ledger is told before anything is sent: a lock taken over, an emergency, who needs attention."""
    now = context.clock.now()
    return (
        *_of_the_lock(dead, now),
        *_of_emergency(ready, now),
        *episodes(ready.plan, dict(index.attention), now, whole=ready.whole),
    )


def _of_the_lock(dead: LockOwner | None, now: datetime) -> tuple[AttentionEntry, ...]:
    """Record that a lock was taken over."""
    if dead is None:
        return ()
    return by_hand(AttentionEntry(now, TAKEN_OVER, Episode.BEGIN, detail=f"left by {dead.described(now)}"))


def _of_emergency(ready: Prepared, now: datetime) -> Iterator[AttentionEntry]:
    """Record who decided a ticket without a pull request, before it is sent."""
    emergency = ready.emergency
    if emergency is None:
        return
    for step in ready.plan.changes:
        detail = f"{emergency.incident}: {emergency.people}; {step.explanation or 'no reason is given'}"
        yield from by_hand(begin(step, EMERGENCY, detail, now))


def idle_run(plan: Plan, now: datetime, name: str) -> Run:
    """Return the report of a run that had nothing to do."""
    return Run(
        name,
        plan.digest,
        plan.target,
        now,
        now,
        (),
        environment=plan.environment,
        shard=plan.shard,
        attention=left_alone(plan),
    )


def left_alone(plan: Plan) -> tuple[Attention, ...]:
    """Return what the plan needs attention for, so that nothing was sent for it."""
    return tuple(
        Attention(step.guid, step.reason, step.object or step.expect.object or "", step.source, step.detail, step.own)
        for step in plan.steps
        if step.group is Group.ATTENTION
    )


def reported(context: Context, run: Run, ready: Prepared, commits: tuple[str, ...] = ()) -> Run:
    """Return the report with the pull requests behind what was done and what was not, and with where the ledger stands,
    for those who find it shorter one day.
    """
    tickets: dict[Review, list[Guid]] = defaultdict(list)
    for guid in (*(receipt.guid for receipt in run.receipts), *(one.guid for one in run.attention if one.own)):
        if (review := ready.decided.reviews.get(guid)) is not None:
            tickets[review].append(guid)
    reviews = (ReviewedTickets(review, tuple(sorted(guids))) for review, guids in tickets.items())
    branch = context.ledger_branch
    ledger = NotedLedger(branch.name, ledger_heads(context.ledger), commits) if branch else None
    return replace(run, reviews=tuple(reviews), ledger=ledger)


def _overrides(plan: Plan) -> tuple[str, ...]:
    """Spell the exemptions that were in force, for the ledger."""
    return tuple(
        f"{override.rule}: {', '.join(sorted(override.tickets))} until {format_instant(override.until)}: "
        f"{override.reason} ({override.source})"
        for override in plan.overrides
    )
