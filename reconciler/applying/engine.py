"""A plan to a run: workers, one object at a time, and a receipt for every step whatever happens.

Workers are daemon threads, so that a request that hangs can't keep an interrupted process alive.
"""

import logging
import queue
import threading
import traceback
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from reconciler.applying.context import RunContext, not_attempted
from reconciler.applying.receipts import ReceiptCollector, guarded
from reconciler.applying.recover import can_recover, recover
from reconciler.applying.step import perform
from reconciler.errors import LedgerUnwritable
from reconciler.model.decision import Seal
from reconciler.model.plan import Plan, Step
from reconciler.model.receipt import Outcome, Receipt, Run, counts_of
from reconciler.model.record import NO_HISTORY, Ended, Sealed, TicketHistory
from reconciler.model.ticket import Guid, dn_key
from reconciler.model.value import replace
from reconciler.model.verdict import Group
from reconciler.planning.planner import seals, went
from reconciler.planning.selections import Since
from reconciler.ports import Progress

_log = logging.getLogger(__name__)
_POLL = 0.1
_LAST_HANDS = 32
_CAME_TO_AN_END = frozenset({Outcome.APPLIED, Outcome.AWAITING_OTHERS, Outcome.STALE, Outcome.REJECTED_BY_SERVER})

_Groups = queue.SimpleQueue[tuple[Step, ...]]


def apply_plan(  # noqa: PLR0913 - what a run works with
    plan: Plan,
    histories: Mapping[Guid, TicketHistory],
    context: RunContext,
    *,
    since: Mapping[Guid, Since],
    workers: int,
    progress: Progress,
    sealable: tuple[Seal, ...] = (),
) -> Run:
    """Apply the changes of a plan and report one receipt for each. Seal those manifests that have nothing left then.

    The journal of the run is open. `histories` is what the ledger knows of the plan's tickets, `since` which steps
    are not sent because of what it says since the plan was made, `workers` how
    many objects are worked on at once. Faults of server, network and ledger are in the report, never raised.
    """
    started = context.clock.now()
    context, guard = guarded(context)
    collector = ReceiptCollector(context, guard, progress)
    done = frozenset(guid for guid, entry in since.items() if entry.done)
    todo = tuple(step for step in plan.changes if step.guid not in done)
    recoverable = tuple(step for step in plan.steps if can_recover(step, histories.get(step.guid, NO_HISTORY)))
    _work(todo + recoverable, since, histories, collector, workers)
    guard.close()
    _give_up(tuple(step for step in todo if step.guid not in collector.receipts), collector)
    receipts = tuple(collector.receipts[step.guid] for step in todo)
    sealed = _seal(seals(sealable, plan.steps, went(receipts)), collector)
    run = Run(
        run=context.run,
        digest=plan.digest,
        target=plan.target,
        started_at=started,
        ended_at=context.clock.now(),
        receipts=receipts,
        environment=plan.environment,
        shard=plan.shard,
        stopped=_stopped(receipts, context),
        notes=_notes(len(done), sealed),
        resolved=counts_of(collector.recovered),
    )
    collector.write(Ended(run.ended_at, run.counts, run.stopped))
    return replace(run, stopped=_stopped(receipts, context))


def _seal(manifests: Iterable[Seal], collector: ReceiptCollector) -> int:
    """Write down which manifests have nothing left to decide, and return how many: none more once a run is stopped."""
    sealed = 0
    for seal in manifests:
        if collector.context.breaker.reason() is not None:
            break
        collector.write(Sealed(collector.context.clock.now(), seal))
        sealed += collector.context.breaker.reason() is None
    return sealed


def _stopped(receipts: tuple[Receipt, ...], context: RunContext) -> str | None:
    """A run that had nothing left to do when it was told to stop was not stopped."""
    if all(receipt.outcome in _CAME_TO_AN_END for receipt in receipts):
        return context.breaker.tripped
    return context.breaker.reason()


def _notes(done: int, sealed: int) -> tuple[str, ...]:
    notes = []
    if done:
        notes.append(f"steps that an earlier run of this plan applied, and that were not sent again: {done}")
    if sealed:
        notes.append(f"manifests sealed, because nothing is left to decide in them: {sealed}")
    return tuple(notes)


def _work(
    steps: Sequence[Step],
    since: Mapping[Guid, Since],
    histories: Mapping[Guid, TicketHistory],
    collector: ReceiptCollector,
    workers: int,
) -> None:
    """Run the steps on workers until all are done, or those that a stop left in flight take too long."""
    groups: _Groups = queue.SimpleQueue()
    pending = _by_object(steps)
    for group in pending:
        groups.put(group)
    finished = threading.Semaphore(0)
    started = 0
    for number in range(min(workers, len(pending))):
        worker = threading.Thread(
            target=_worker, args=(groups, since, histories, collector, finished), name=f"apply-{number}", daemon=True
        )
        try:
            worker.start()
        except RuntimeError:  # the machine has no thread left: those that there are do the work
            if not started:
                raise
            break
        started += 1
    _wait(started, finished, collector.context)


def _wait(threads: int, finished: threading.Semaphore, context: RunContext) -> None:
    told, stopped = context.told_to_end, None
    while threads:
        if finished.acquire(timeout=_POLL):
            threads -= 1
            continue
        if stopped is None and context.breaker.reason() is not None:
            stopped = told if told.is_near else told.part(context.follow)
        if stopped is not None and stopped.left() <= 0:
            return


def _worker(
    groups: _Groups,
    since: Mapping[Guid, Since],
    histories: Mapping[Guid, TicketHistory],
    collector: ReceiptCollector,
    finished: threading.Semaphore,
) -> None:
    try:
        while True:
            for step in groups.get_nowait():
                if collector.context.breaker.reason() is not None:
                    return
                _one(step, since.get(step.guid), histories.get(step.guid, NO_HISTORY), collector)
    except queue.Empty:
        pass
    finally:
        finished.release()


def _one(step: Step, since: Since | None, history: TicketHistory, collector: ReceiptCollector) -> None:
    try:
        if step.group is not Group.CHANGE:
            collector.learn(recover(step, history, collector.context))
            return
        receipt = perform(step, history, collector.context, overtaken=since)
    except LedgerUnwritable as error:
        receipt = not_attempted(step, error.message, collector.context)
    except Exception as error:  # noqa: BLE001 - a bug in one step must not cost the others their receipts
        why = f"a bug in the reconciler ({type(error).__name__}: {error})"
        for lines in traceback.format_tb(error.__traceback__):  # places and lines of code, no values
            for line in lines.splitlines():
                _log.error(line)
        collector.context.breaker.trip_for_bug(why)
        if step.group is not Group.CHANGE:
            return
        receipt = collector.broken_off(step, why, f"{why}; read the ticket before anything else")
    collector.hand_in(step, receipt)


def _give_up(steps: Sequence[Step], collector: ReceiptCollector) -> None:
    """Report steps that did not come to an end. Many threads hand them in, because lines queued together share one
    sync: ten thousand receipts must not keep an interrupted process alive.
    """
    why = collector.context.breaker.reason() or "the run ended"
    in_flight = f"{why}; the request in flight did not come to an end in time"
    with ThreadPoolExecutor(_LAST_HANDS, thread_name_prefix="receipt") as pool:
        for step in steps:
            pool.submit(collector.hand_in, step, collector.broken_off(step, why, in_flight))


def _by_object(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """Group steps so that one object is never written by two workers; keep the order of the plan."""
    groups: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        groups[dn_key(step.object) or step.guid].append(step)
    return [tuple(group) for group in groups.values()]
