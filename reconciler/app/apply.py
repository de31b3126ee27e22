"""Apply: a plan, checked once more, to a run. The only place where a writer is made."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.app.certificates import with_certificates_now
from reconciler.app.change_records import before_first_write, with_change_records
from reconciler.app.context import Context, ticket_writer
from reconciler.app.ledger_branch import LedgerPusher, take_from_branch
from reconciler.app.plan import Request, Seals, declared, plan_of, read_plan
from reconciler.app.reviews import (
    Decided,
    circumstances,
    config_commit,
    hold_to_reviewed_plans,
    hold_to_reviews,
    provenance_of,
    who_acts,
)
from reconciler.app.stopping import BranchWatch, Stopping, watched_signals
from reconciler.applying.circuit_breaker import CircuitBreaker
from reconciler.applying.context import RunContext
from reconciler.applying.engine import apply_plan
from reconciler.applying.step import announce
from reconciler.codec import plan_pieces
from reconciler.errors import GuardRefused, LedgerUnwritable
from reconciler.github.git import GitFailure
from reconciler.github.provenance import git_from
from reconciler.github.remote_lock import RemoteLock, held, part_of
from reconciler.github.stop import BranchLook
from reconciler.ledger.files import new_run_id
from reconciler.ledger.heads import heads_not_in, ledger_head, ledger_heads
from reconciler.ledger.history import lines_since
from reconciler.ledger.index import read_index
from reconciler.ledger.journal import open_journal
from reconciler.ledger.kept import CONFIGURATIONS, PLANS, keep
from reconciler.ledger.lock import hold_lock, this_process
from reconciler.model.decision import Seal
from reconciler.model.plan import Plan, parse_shard
from reconciler.model.receipt import SUPERSEDED, Attention, NotedLedger, Outcome, Run
from reconciler.model.record import NO_HISTORY, AttentionEntry, Episode, LockOwner, Opened, TicketHistory
from reconciler.model.review import Assessment, Review, ReviewedTickets
from reconciler.model.settings import LedgerBranch
from reconciler.model.status import format_instant
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.attention import episodes
from reconciler.planning.digest import check_digest
from reconciler.planning.judge import is_news
from reconciler.planning.planner import enforce_again, seals
from reconciler.planning.reviewed import hold_against
from reconciler.planning.selections import since_plan
from reconciler.ports import Clock, Progress

_log = logging.getLogger(__name__)

_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clock of the machine that made a plan may be ahead of ours."""

_LOOK = 5.0

_MAKE_ANOTHER = "make a new plan and have it reviewed"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that every check and guard has seen just now, who decided, and the manifests that a run may seal.

    `saved` is the plan as it was handed in, None for one that was made now. `whole` says that it is of everything that
    the configuration names.
    """

    plan: Plan
    decided: Decided
    sealable: tuple[Seal, ...] = ()
    saved: Plan | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How a run ended: its report, the signal that interrupted it, and what stopped it.

    `lasting` when somebody has to mend what did (credentials, trust, the ledger), `halted` when it was the stop file
    or variable, `bug` when it was a fault of our own.
    """

    run: Run
    signal: int | None = None
    lasting: bool = False
    halted: bool = False
    bug: bool = False
    superseded: bool = False


def apply(context: Context, plan: Plan, *, fail_fast: bool = False) -> ApplyResult:
    """Apply exactly this plan, after everything that can be checked has been checked.

    Raises GuardRefused, CredentialsRefused, ServerFailure, LockHeld, LedgerBroken and LedgerUnwritable, all before
    anything is sent. What happens to each step is in the report.
    """
    return carry_out(context, prepared(context, plan), fail_fast=fail_fast)


def prepared_file(context: Context, path: Path) -> Prepared:
    """Prepare a saved plan; no manifest is opened. Raises InvalidInput, GuardRefused, ServerFailure."""
    return prepared(context, read_plan(path))


def prepared(context: Context, plan: Plan) -> Prepared:
    """Check that a plan is unedited, for this server and environment, and in time; run its guards again.

    Raises GuardRefused, ServerFailure.
    """
    _check_version(plan)
    check_digest(plan)
    _check_target(plan, context)
    _check_time(plan, context.clock.now(), timedelta(seconds=context.settings.plan_ttl))
    plan = with_certificates_now(context, plan)
    _, seen = with_change_records(context, circumstances(context), plan.steps, "apply")
    held, decided = hold_to_reviews(context, enforce_again(plan, seen), final=True)
    held = hold_to_reviewed_plans(context, held, decided)
    return Prepared(replace(held, digest=plan.digest), decided, saved=plan)


def prepared_now(context: Context, request: Request, reviewed: Path | None = None) -> Prepared:
    """Plan the manifests now, held against the reviews of their commits and against the plan that was reviewed.

    Raises InvalidInput, GuardRefused, ServerFailure, LedgerBroken.
    """
    request = replace(request, seals=Seals.RESPECTED_AND_SOUGHT)
    desired = declared(context, request)
    plan = plan_of(context, desired, request, lambda: who_acts(context, final=True))
    plan, decided = hold_to_reviews(context, plan, final=True)
    plan = hold_to_reviewed_plans(context, plan, decided)
    if reviewed is not None:
        then = read_plan(reviewed)
        _check_target(then, context)
        plan = hold_against(plan, then)
        decided.reviewed.append(_bytes_of(then))
    return Prepared(plan, decided, desired.sealable, whole=request.is_whole)


def carry_out(context: Context, ready: Prepared, *, fail_fast: bool = False, lock_timeout: float = 0.0) -> ApplyResult:
    """Apply the changes of a prepared plan and return how that ended; `lock_timeout` in seconds.

    Raises CredentialsRefused, LockHeld, LedgerBroken and LedgerUnwritable, all before anything is sent.
    """
    plan, ledger, clock, settings = ready.plan, context.ledger, context.clock, context.settings
    if ready.decided.superseded is not None:
        idle = _idle(plan, clock.now(), new_run_id(clock.now(), None))
        stopped = f"{SUPERSEDED}{ready.decided.superseded}"
        return ApplyResult(_reported(context, replace(idle, stopped=stopped), ready), superseded=True)
    identity = _permitted(context, plan) if plan.changes else plan.identity
    origin = provenance_of(
        context.environ, context.backend.target, settings.environment, ready.decided.review, identity
    )
    name = new_run_id(clock.now(), parse_shard(plan.shard) if plan.shard else None)
    owner = this_process(name, clock.now(), origin.workflow_run)
    context.observer.run_named(name)
    branch = context.ledger_branch if plan.changes else None
    with (
        hold_lock(ledger, owner, _patience(clock, lock_timeout)) as lock,
        _remote_lock(context, plan, branch, owner, lock_timeout) as remote,
        watched_signals(_stopping(context, remote)) as stopping,
    ):
        dead = lock.dead or (remote.dead if remote else None)
        _log.info("run %s began; the lock of %s is held", name, ledger)
        index = read_index(ledger, (step.guid for step in plan.steps), context.targets)
        histories = index.histories
        _check_heads(plan, ledger)
        later = lines_since(ledger, plan.ledger_heads, (step.guid for step in plan.changes), context.targets)
        known = dict(index.attention)
        told = (
            *_of_the_lock(dead, clock.now()),
            *episodes(plan, known, clock.now(), whole=ready.whole),
        )
        if not _has_work(plan, histories) and not told and not seals(ready.sealable, plan.steps):
            return ApplyResult(_reported(context, _idle(plan, clock.now(), name), ready))
        before = {entry.guid: review for entry, review in known.items() if entry.guid}
        reviews = before | _reviews(ready, histories)
        plan, records = before_first_write(context, plan)
        opened = _opened(context, ready)
        since = {**records, **since_plan(plan.changes, later, histories)}
        with closing(open_journal(lock, name, origin, opened, reviews)) as journal:
            journal.append_all(told)
            breaker = CircuitBreaker(stopping, 0 if fail_fast else settings.policy.failure_budget)
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
                # An intent that an earlier run left is on the branch already, and another one would hide it.
                fresh = (step for step in plan.changes if histories.get(step.guid, NO_HISTORY).open is None)
                due = (step for step in fresh if step.guid not in since or not since[step.guid].done)
                journal.append_all(intent for step in due if (intent := announce(step, run_context)) is not None)
                pusher = LedgerPusher(git_from(context.environ), ledger, journal.path, branch, clock, breaker)
                pusher.begin()
            with context.observer.progress("Applying", len(plan.changes), context.backend.activity) as advance:
                run = apply_plan(
                    plan,
                    histories,
                    run_context,
                    since=since,
                    workers=settings.requests.writes,
                    progress=_counted(advance, pusher),
                    sealable=ready.sealable,
                )
            unpushed = pusher.end() if pusher is not None else None
        _log.info("run %s ended: %s", name, ", ".join(f"{count} {outcome}" for outcome, count in run.counts.items()))
        notes = (*_taken_over(dead, clock.now()), *run.notes, *context.backend.notes(), _anchor(ledger))
        return ApplyResult(
            _reported(
                context,
                replace(run, notes=(*notes, unpushed) if unpushed else notes, attention=_left_alone(plan)),
                ready,
                tuple(pusher.commits) if pusher is not None else (),
            ),
            stopping.signal,
            lasting=breaker.lasting or unpushed is not None,
            halted=stopping.halted and Outcome.NOT_ATTEMPTED in run.counts,
            bug=breaker.bug,
        )


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
        plan=keep(context.ledger, PLANS, _bytes_of(ready.saved or plan)),
        reviewed=tuple(dict.fromkeys(keep(context.ledger, PLANS, each) for each in ready.decided.reviewed)),
        reviewed_to=ready.decided.reviewed_to,
    )


def _bytes_of(plan: Plan) -> bytes:
    return "".join(plan_pieces(plan)).encode("ascii")


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
    """Record that a lock was taken over: it is done with, so it begins and ends at once."""
    if dead is None:
        return ()
    begun = AttentionEntry(now, "manual/lock-taken-over", Episode.BEGIN, detail=f"left by {dead.described(now)}")
    return begun, replace(begun, state=Episode.END, detail="")


_MOST_NAMED = 50
"""Each name costs a call or two, one after the other; thousands of agreements have one cause."""


def _movers(context: Context, plan: Plan) -> Mapping[Guid, str]:
    """Ask who brought tickets to where git and TPP agree, where the server tells it."""
    agreed = [step.guid for step in plan.steps if step.reason is Reason.IN_SYNC_ACCEPTED and step.decided is None]
    return context.backend.who_decided(agreed[:_MOST_NAMED]) if agreed else {}


def applied_before(context: Context, plan: Plan) -> int:
    """Return how many changes of a plan an earlier run of it has applied. Raises LedgerBroken."""
    guids = [step.guid for step in plan.changes]
    if not guids or not context.ledger.is_dir():
        return 0
    histories = read_index(context.ledger, guids, context.targets).histories
    later = lines_since(context.ledger, plan.ledger_heads, guids, context.targets)
    return sum(entry.done for entry in since_plan(plan.changes, later, histories).values())


def _counted(advance: Progress, pusher: LedgerPusher | None) -> Progress:
    """Return what is told of each receipt: who waits for the run, and who pushes them."""
    if pusher is None:
        return advance

    def both(receipts: int) -> None:
        advance(receipts)
        pusher.count(receipts)

    return both


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


def _check_heads(plan: Plan, ledger: Path) -> None:
    """Refuse a plan that was made from what this ledger does not contain."""
    if absent := heads_not_in(ledger, plan.ledger_heads):
        names = ", ".join(f"line {head.lines} of {head.path}" for head in absent)
        raise GuardRefused(
            f"the ledger in {ledger} is not the one that the plan was made from, or was cut: {names} is not there",
            "apply it with the ledger that it was made from, or make a new plan and have it reviewed",
        )


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
        Attention(step.guid, step.reason, step.object or step.expect.object or "", step.source, step.detail)
        for step in plan.steps
        if step.group is Group.ATTENTION
    )


def _reported(context: Context, run: Run, ready: Prepared, commits: tuple[str, ...] = ()) -> Run:
    """Return the report with the pull requests behind what was done and what was not, and with where the ledger stands,
    for those who find it shorter one day.
    """
    tickets: dict[Review, list[Guid]] = defaultdict(list)
    for guid in (*(receipt.guid for receipt in run.receipts), *(one.guid for one in run.attention)):
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
