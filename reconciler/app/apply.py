"""Apply: a plan, checked once more, to a run. The only place where a writer is made."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from reconciler.app.acting import deciders, provenance_of
from reconciler.app.alone import Alone, alone, git_of_run
from reconciler.app.change_records import before_first_write
from reconciler.app.context import Context, ticket_writer
from reconciler.app.ledger_branch import LedgerPusher
from reconciler.app.reviews import names_of
from reconciler.app.run_record import attention_entries, idle_run, left_alone, opened, reported, reviews_of
from reconciler.app.saved_plan import Prepared, once_planned, prepared
from reconciler.applying.circuit_breaker import CircuitBreaker
from reconciler.applying.context import RunContext
from reconciler.applying.engine import apply_plan
from reconciler.applying.step import announce
from reconciler.errors import GuardRefused
from reconciler.ledger.files import new_run_id
from reconciler.ledger.heads import heads_not_in, ledger_head
from reconciler.ledger.history import emergencies_since, lines_since
from reconciler.ledger.index import Index, read_index
from reconciler.ledger.journal import Journal, open_journal
from reconciler.ledger.lock import this_process
from reconciler.model.plan import Plan, parse_shard
from reconciler.model.receipt import SUPERSEDED, Outcome, Run
from reconciler.model.record import NO_HISTORY, Intent, TicketHistory
from reconciler.model.review import Provenance, Review
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.judge import is_news
from reconciler.planning.planner import seals
from reconciler.planning.selections import Since, since_plan
from reconciler.ports import Progress

_log = logging.getLogger(__name__)

_A_DAY = timedelta(hours=24)


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
    plan, clock = ready.plan, context.clock
    if ready.decided.superseded is not None:
        idle = idle_run(plan, clock.now(), new_run_id(clock.now(), None))
        stopped = f"{SUPERSEDED}{ready.decided.superseded}"
        return ApplyResult(reported(context, replace(idle, stopped=stopped), ready), superseded=True)
    name = new_run_id(clock.now(), parse_shard(plan.shard) if plan.shard else None)
    named = names_of(context)
    origin = _origin(context, ready, named(ready.decided.review))
    context.observer.run_named(name)
    branch = context.ledger_branch if plan.changes else None
    with alone(context, plan, branch, this_process(name, clock.now(), origin.workflow_run), lock_timeout) as held:
        _log.info("run %s began; the lock of %s is held", name, context.ledger)
        index = read_index(context.ledger, (step.guid for step in plan.steps), context.targets)
        _check_heads(plan, context.ledger)
        _check_emergency(context, ready)
        attention = attention_entries(context, ready, index, held.dead)
        if not attention and not _has_work(plan, index.histories) and not seals(ready.sealable, plan.steps):
            return ApplyResult(reported(context, idle_run(plan, clock.now(), name), ready))
        reviews = reviews_of(ready, index, named)
        plan, since = _overtaken(context, ready, index)
        breaker = CircuitBreaker(held.stopping, 0 if fail_fast else context.settings.policy.failure_budget)
        with closing(open_journal(held.lock, name, origin, opened(context, ready, named), reviews)) as journal:
            journal.append_all(attention)
            run_context = _run_context(context, plan, name, origin, reviews, journal, breaker, announced=bool(branch))
            pusher = None
            held.stopping.writing = True
            if branch is not None:
                journal.append_all(_intents(plan, index.histories, since, run_context))
                pusher = LedgerPusher(git_of_run(context), context.ledger, journal.path, branch, clock, breaker)
                pusher.begin()
            with context.observer.progress("Applying", len(plan.changes), context.backend.activity) as advance:
                run = apply_plan(
                    plan,
                    index.histories,
                    run_context,
                    since=since,
                    workers=context.settings.requests.writes,
                    progress=_counted(advance, pusher),
                    sealable=ready.sealable,
                )
            unpushed = pusher.end() if pusher is not None else None
        _log.info("run %s ended: %s", name, ", ".join(f"{count} {outcome}" for outcome, count in run.counts.items()))
        run = replace(run, notes=tuple(_notes(context, held, run.notes, unpushed)), attention=left_alone(plan))
        return ApplyResult(
            reported(context, run, ready, tuple(pusher.commits) if pusher is not None else ()),
            held.stopping.signal,
            lasting=breaker.lasting or unpushed is not None,
            halted=held.stopping.halted and Outcome.NOT_ATTEMPTED in run.counts,
            bug=breaker.bug,
            pushed=None if pusher is None else unpushed is None,
        )


def _origin(context: Context, ready: Prepared, review: Review | None) -> Provenance:
    """Return where the run comes from. Changes have the backend check first that they may be sent."""
    plan, backend = ready.plan, context.backend
    with once_planned():
        identity = (backend.check_before_writing(len(plan.changes)).identity or None) if plan.changes else plan.identity
    return provenance_of(context.environ, backend.target, context.settings.environment, review, identity)


def _overtaken(context: Context, ready: Prepared, index: Index) -> tuple[Plan, Mapping[Guid, Since]]:
    """Return the plan with its change records as they are now, and which steps are not sent, and why."""
    changed = (step.guid for step in ready.plan.changes)
    later = lines_since(context.ledger, ready.plan.ledger_heads, changed, context.targets)
    plan, records = before_first_write(context, ready.plan, ready.emergency)
    return plan, {**records, **since_plan(plan.changes, later, index.histories)}


def _run_context(  # noqa: PLR0913 - everything that a run works with
    context: Context,
    plan: Plan,
    name: str,
    origin: Provenance,
    reviews: Mapping[Guid, Review | None],
    journal: Journal,
    breaker: CircuitBreaker,
    *,
    announced: bool,
) -> RunContext:
    requests = context.settings.requests
    return RunContext(
        reader=context.backend.reader(),
        writer=ticket_writer(context.backend),
        ledger=journal,
        clock=context.clock,
        breaker=breaker,
        run=name,
        origin=origin,
        reviews=reviews,
        settle=requests.settle,
        patience=requests.patience,
        follow=requests.read_timeout + requests.settle,
        deadline=context.deadline,
        planned_at=plan.made_at,
        movers=_movers(context, plan),
        announced=announced,
    )


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


def _movers(context: Context, plan: Plan) -> Mapping[Guid, str]:
    """Ask who brought tickets to where git and TPP agree, where the server tells it."""
    agreed = [step.guid for step in plan.steps if step.reason is Reason.IN_SYNC_ACCEPTED and step.decided is None]
    return {guid: update.by for guid, update in deciders(context, agreed).items()}


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


def _notes(context: Context, held: Alone, of_run: tuple[str, ...], unpushed: str | None) -> Iterator[str]:
    if held.dead is not None:
        yield f"took over the lock that was left by {held.dead.described(context.clock.now())}"
    yield from of_run
    yield from context.backend.notes()
    head = ledger_head(context.ledger)
    yield f"the ledger's head is {head}; kept elsewhere, it lets `ledger verify --head` prove that nothing was cut"
    if unpushed is not None:
        yield unpushed


def _has_work(plan: Plan, histories: Mapping[Guid, TicketHistory]) -> bool:
    """Return whether there is anything to record: a change, an open intent, a ticket gone for good, an agreement."""
    return any(
        step.verdict.group is Group.CHANGE or is_news(step) or histories.get(step.guid, NO_HISTORY).open is not None
        for step in plan.steps
    )
