"""Apply: a plan, checked once more, to a run. The only place where a writer is made."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.app.acting import provenance_of
from reconciler.app.change_records import before_first_write
from reconciler.app.context import Context, ticket_writer
from reconciler.app.ledger_branch import LedgerPusher, take_from_branch
from reconciler.app.reviews import config_commit, names_of
from reconciler.app.saved_plan import Prepared, bytes_of, prepared
from reconciler.app.stopping import BranchWatch, Stopping, watched_signals
from reconciler.applying.circuit_breaker import CircuitBreaker
from reconciler.applying.context import RunContext
from reconciler.applying.engine import apply_plan
from reconciler.applying.step import announce
from reconciler.errors import GuardRefused, LedgerUnwritable
from reconciler.github.git import GitFailure
from reconciler.github.provenance import git_from
from reconciler.github.remote_lock import RemoteLock, held, part_of
from reconciler.github.stop import BranchLook
from reconciler.ledger.files import new_run_id
from reconciler.ledger.heads import heads_not_in, ledger_head, ledger_heads
from reconciler.ledger.history import emergencies_since, lines_since
from reconciler.ledger.index import read_index
from reconciler.ledger.journal import open_journal
from reconciler.ledger.kept import CONFIGURATIONS, PLANS, keep
from reconciler.ledger.lock import Lock, hold_lock, this_process
from reconciler.model.plan import Plan, parse_shard
from reconciler.model.receipt import SUPERSEDED, Attention, NotedLedger, Outcome, Run
from reconciler.model.record import (
    EMERGENCY,
    NO_HISTORY,
    TAKEN_OVER,
    AttentionEntry,
    Episode,
    Intent,
    LockOwner,
    Opened,
    TicketHistory,
)
from reconciler.model.review import Assessment, Review, ReviewedTickets
from reconciler.model.settings import LedgerBranch
from reconciler.model.status import format_instant
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.attention import begin, by_hand, episodes
from reconciler.planning.judge import is_news
from reconciler.planning.planner import seals
from reconciler.planning.selections import Since, since_plan
from reconciler.ports import Clock, Progress

_log = logging.getLogger(__name__)

_LOOK = 5.0


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How a run ended: its report, the signal that interrupted it, and what stopped it.

    `lasting` when somebody has to mend what did (credentials, trust, the ledger), `halted` when it was the stop file
    or variable, `bug` when it was a fault of our own. `pushed` says whether the ledger's branch has every line, None
    where none is named.
    """

    run: Run
    signal: int | None = None
    lasting: bool = False
    halted: bool = False
    bug: bool = False
    superseded: bool = False
    pushed: bool | None = None


def apply(context: Context, plan: Plan, *, fail_fast: bool = False) -> ApplyResult:
    """Apply exactly this plan, after everything that can be checked has been checked.

    Raises GuardRefused, CredentialsRefused, ServerFailure, LockHeld, LedgerBroken and LedgerUnwritable, all before
    anything is sent. What happens to each step is in the report.
    """
    return carry_out(context, prepared(context, plan), fail_fast=fail_fast)


def carry_out(context: Context, ready: Prepared, *, fail_fast: bool = False, lock_timeout: float = 0.0) -> ApplyResult:
    """Apply the changes of a prepared plan and return how that ended; `lock_timeout` in seconds.

    Raises CredentialsRefused, LockHeld, LedgerBroken and LedgerUnwritable, all before anything is sent.
    """
    plan, ledger, clock, settings = ready.plan, context.ledger, context.clock, context.settings
    if ready.decided.superseded is not None:
        idle = _idle(plan, clock.now(), new_run_id(clock.now(), None))
        stopped = f"{SUPERSEDED}{ready.decided.superseded}"
        return ApplyResult(_reported(context, replace(idle, stopped=stopped), ready), superseded=True)
    name = new_run_id(clock.now(), parse_shard(plan.shard) if plan.shard else None)
    identity = _permitted(context, plan) if plan.changes else plan.identity
    named = names_of(context)
    origin = provenance_of(
        context.environ, context.backend.target, settings.environment, named(ready.decided.review), identity
    )
    context.observer.run_named(name)
    branch = context.ledger_branch if plan.changes else None
    with _alone(context, plan, branch, this_process(name, clock.now(), origin.workflow_run), lock_timeout) as alone:
        _log.info("run %s began; the lock of %s is held", name, ledger)
        index = read_index(ledger, (step.guid for step in plan.steps), context.targets)
        _check_heads(plan, ledger)
        _check_emergency(context, ready)
        later = lines_since(ledger, plan.ledger_heads, (step.guid for step in plan.changes), context.targets)
        known = dict(index.attention)
        told = (
            *_of_the_lock(alone.dead, clock.now()),
            *_of_emergency(ready, clock.now()),
            *episodes(plan, known, clock.now(), whole=ready.whole),
        )
        if not _has_work(plan, index.histories) and not told and not seals(ready.sealable, plan.steps):
            return ApplyResult(_reported(context, _idle(plan, clock.now(), name), ready))
        reviews = {entry.guid: review for entry, review in known.items() if entry.guid}
        reviews |= _reviews(ready, index.histories)
        reviews = {guid: named(each) for guid, each in reviews.items()}
        plan, records = before_first_write(context, plan, ready.emergency)
        since = {**records, **since_plan(plan.changes, later, index.histories)}
        opened = _opened(context, ready)
        opened = replace(opened, config_review=named(opened.config_review))
        with closing(open_journal(alone.lock, name, origin, opened, reviews)) as journal:
            journal.append_all(told)
            breaker = CircuitBreaker(alone.stopping, 0 if fail_fast else settings.policy.failure_budget)
            run_context = RunContext(
                reader=context.backend.reader(),
                writer=ticket_writer(context.backend),
                ledger=journal,
                clock=clock,
                breaker=breaker,
                run=name,
                origin=origin,
                reviews=reviews,
                settle=settings.requests.settle,
                patience=settings.requests.patience,
                grace=settings.requests.grace,
                planned_at=plan.made_at,
                movers=_movers(context, plan),
                announced=branch is not None,
            )
            pusher = None
            if branch is not None:
                journal.append_all(_intents(plan, index.histories, since, run_context))
                pusher = LedgerPusher(git_from(context.environ), ledger, journal.path, branch, clock, breaker)
                pusher.begin()
            with context.observer.progress("Applying", len(plan.changes), context.backend.activity) as advance:
                run = apply_plan(
                    plan,
                    index.histories,
                    run_context,
                    since=since,
                    workers=settings.requests.writes,
                    progress=_counted(advance, pusher),
                    sealable=ready.sealable,
                )
            unpushed = pusher.end() if pusher is not None else None
        _log.info("run %s ended: %s", name, ", ".join(f"{count} {outcome}" for outcome, count in run.counts.items()))
        notes = (*_taken_over(alone.dead, clock.now()), *run.notes, *context.backend.notes(), _anchor(ledger))
        run = replace(run, notes=(*notes, unpushed) if unpushed else notes, attention=_left_alone(plan))
        return ApplyResult(
            _reported(context, run, ready, tuple(pusher.commits) if pusher is not None else ()),
            alone.stopping.signal,
            lasting=breaker.lasting or unpushed is not None,
            halted=alone.stopping.halted and Outcome.NOT_ATTEMPTED in run.counts,
            bug=breaker.bug,
            pushed=None if pusher is None else unpushed is None,
        )


@dataclass(frozen=True, slots=True)
class _Alone:
    """The lock of the ledger, the dead run that it was taken over from, and what may stop this run."""

    lock: Lock
    dead: LockOwner | None
    stopping: Stopping


@contextmanager
def _alone(
    context: Context, plan: Plan, branch: LedgerBranch | None, owner: LockOwner, timeout: float
) -> Iterator[_Alone]:
    """Keep other runs out, on this machine and where the branch is shared. Raises LockHeld, LedgerUnwritable."""
    with (
        hold_lock(context.ledger, owner, _patience(context.clock, timeout)) as lock,
        _remote_lock(context, plan, branch, owner, timeout) as remote,
        watched_signals(_stopping(context, remote)) as stopping,
    ):
        yield _Alone(lock, lock.dead or (remote.dead if remote else None), stopping)


def _intents(
    plan: Plan, histories: Mapping[Guid, TicketHistory], since: Mapping[Guid, Since], run_context: RunContext
) -> Iterator[Intent]:
    """Yield what the run may send, for the branch to have it before the first update.

    An intent that an earlier run left is on the branch already, and another one would hide it.
    """
    for step in plan.changes:
        is_open = histories.get(step.guid, NO_HISTORY).open is not None
        is_done = step.guid in since and since[step.guid].done
        if not is_open and not is_done and (intent := announce(step, run_context)) is not None:
            yield intent


def _patience(clock: Clock, timeout: float) -> Callable[[], bool]:
    """Return what waits a while for another run on this machine, as long as there is time."""
    began = clock.monotonic()

    def wait() -> bool:
        if clock.monotonic() - began >= timeout:
            return False
        clock.sleep(_LOOK)
        return True

    return wait


@contextmanager
def _remote_lock(
    context: Context, plan: Plan, branch: LedgerBranch | None, owner: LockOwner, timeout: float
) -> Iterator[RemoteLock | None]:
    """Keep runs on other machines out, and take what they wrote. Raises LockHeld, LedgerUnwritable, LedgerBroken."""
    if branch is None or not branch.lock:
        yield None
        return
    git = git_from(context.environ)
    part = part_of(parse_shard(plan.shard) if plan.shard else None)
    lock = RemoteLock(git, branch.name, part, owner, context.clock, branch.remote)
    with held(lock, timeout):
        try:
            take_from_branch(git, context.ledger, branch)
        except GitFailure as fault:
            why = f"the ledger could not be fetched from {branch.name}: {fault.message}"
            raise LedgerUnwritable(why, fault.hint) from fault
        yield lock


def _stopping(context: Context, lock: RemoteLock | None) -> Stopping:
    """Return what is looked at before each write; where the ledger's branch is named, the stop on it too."""
    branch = context.ledger_branch
    look = BranchLook(git_from(context.environ), branch.name, branch.remote) if branch else None
    watch = BranchWatch(look, context.clock) if look else None
    return Stopping(context.settings.stop_file, context.environ, context.ledger, watch, lock)


def _opened(context: Context, ready: Prepared) -> Opened:
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
        config_review=configuration.review if isinstance(configuration, Assessment) else None,
        plan=keep(context.ledger, PLANS, bytes_of(ready.saved or plan)),
        reviewed=tuple(dict.fromkeys(keep(context.ledger, PLANS, each) for each in ready.decided.reviewed)),
        reviewed_to=ready.decided.reviewed_to,
    )


def _reviews(ready: Prepared, histories: Mapping[Guid, TicketHistory]) -> dict[Guid, Review | None]:
    """Return who decided on each ticket of a plan: by its commit, else as the ledger has it of the same decision."""
    found: dict[Guid, Review | None] = {}
    for step in ready.plan.steps:
        last = histories.get(step.guid, NO_HISTORY).last
        known = last.review if last is not None and last.digest == step.digest else None
        own = ready.decided.review_of(step)
        found[step.guid] = known or own if step.group is Group.FINE else own or known
    return found


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
        said = f"{emergency.incident}: {emergency.people}; {step.explanation or 'no reason is given'}"
        yield from by_hand(begin(step, EMERGENCY, said, now))


_MOST_NAMED = 50
"""Each name costs a call or two, one after the other; thousands of agreements have one cause."""


def _movers(context: Context, plan: Plan) -> Mapping[Guid, str]:
    """Ask who brought tickets to where git and TPP agree, where the server tells it."""
    agreed = [step.guid for step in plan.steps if step.reason is Reason.IN_SYNC_ACCEPTED and step.decided is None]
    found = context.backend.who_decided(agreed[:_MOST_NAMED]) if agreed else {}
    return {guid: update.by for guid, update in found.items()}


def _counted(advance: Progress, pusher: LedgerPusher | None) -> Progress:
    """Return what is told of each receipt: who waits for the run, and who pushes them."""
    if pusher is None:
        return advance

    def both(receipts: int) -> None:
        advance(receipts)
        pusher.count(receipts)

    return both


def _check_heads(plan: Plan, ledger: Path) -> None:
    """Refuse a plan that was made from what this ledger does not contain."""
    if absent := heads_not_in(ledger, plan.ledger_heads):
        names = ", ".join(f"line {head.lines} of {head.path}" for head in absent)
        raise GuardRefused(
            f"the ledger in {ledger} is not the one that the plan was made from, or was cut: {names} is not there",
            "apply it with the ledger that it was made from, or make a new plan and have it reviewed",
        )


_A_DAY = timedelta(hours=24)


def earlier_emergencies(context: Context) -> frozenset[Guid]:
    """Return the tickets that were decided in an emergency within the last 24 hours. Raises LedgerBroken."""
    return emergencies_since(context.ledger, context.clock.now() - _A_DAY, context.targets)


def _check_emergency(context: Context, ready: Prepared) -> None:
    """Count once more under the lock: another run may have decided since the plan was made. Raises GuardRefused."""
    emergency, rule = ready.emergency, context.settings.policy.emergency
    if emergency is None or rule is None or not ready.plan.changes:
        return
    earlier = earlier_emergencies(context) - {emergency.ticket}
    if len(earlier) >= rule.per_day:
        why = f"{len(earlier)} tickets were decided in an emergency within 24 hours, the limit is {rule.per_day}"
        raise GuardRefused(why, "decide it in the console and record it with `decided`")


def _permitted(context: Context, plan: Plan) -> str | None:
    """Have the backend check that the changes may be sent, and return the acting identity."""
    return context.backend.check_before_writing(len(plan.changes)).identity or None


def _taken_over(dead: LockOwner | None, now: datetime) -> tuple[str, ...]:
    return (f"took over the lock that was left by {dead.described(now)}",) if dead else ()


def _anchor(ledger: Path) -> str:
    head = ledger_head(ledger)
    return f"the ledger's head is {head}; kept elsewhere, it lets `ledger verify --head` prove that nothing was cut"


def _has_work(plan: Plan, histories: Mapping[Guid, TicketHistory]) -> bool:
    """Return whether there is anything to record: a change, an open intent, a ticket gone for good, an agreement."""
    return any(
        step.verdict.group is Group.CHANGE or is_news(step) or histories.get(step.guid, NO_HISTORY).open is not None
        for step in plan.steps
    )


def _idle(plan: Plan, now: datetime, name: str) -> Run:
    return Run(
        name,
        plan.digest,
        plan.target,
        now,
        now,
        (),
        environment=plan.environment,
        shard=plan.shard,
        attention=_left_alone(plan),
    )


def _left_alone(plan: Plan) -> tuple[Attention, ...]:
    """Return what the plan needs attention for, so that nothing was sent for it."""
    return tuple(
        Attention(step.guid, step.reason, step.object or step.expect.object or "", step.source, step.detail, step.own)
        for step in plan.steps
        if step.group is Group.ATTENTION
    )


def _reported(context: Context, run: Run, ready: Prepared, commits: tuple[str, ...] = ()) -> Run:
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
