"""A plan to a run: workers, one object at a time, and a receipt for every step whatever happens.

Workers are daemon threads, so that a request that hangs can't keep an interrupted process alive.
"""

import queue
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.applying.evidence import Finding
from reconciler.applying.perform import perform, resolve
from reconciler.applying.tools import Tools, not_attempted, receipt_of, recorded
from reconciler.errors import LedgerUnwritable
from reconciler.model.guid import Guid
from reconciler.model.plan import Plan, Step
from reconciler.model.receipt import Outcome, Proof, Receipt, Run
from reconciler.model.record import NO_STORY, Closed, Ended, Story
from reconciler.model.verdict import Group, Verdict
from reconciler.ports import Progress

GRACE = 5.0
"""Seconds that requests in flight get to come to an end once a run is told to stop."""

_POLL = 0.1


@dataclass(slots=True)
class _Desk:
    """Where receipts are handed in: the first one for a step counts, later ones of abandoned workers do not."""

    tools: Tools
    progress: Progress
    receipts: dict[Guid, Receipt] = field(default_factory=dict)
    begun: set[Guid] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hand_in(self, step: Step, receipt: Receipt) -> None:
        with self.lock:
            if step.guid in self.receipts:
                return
            self.receipts[step.guid] = receipt
        self.tools.brake.concluded(receipt.outcome)
        try:
            self.tools.ledger.append(recorded(step, receipt))
        except LedgerUnwritable as error:
            self.tools.brake.pull(f"the ledger can't be written: {error.message}")
        self.progress(1)


def apply_plan(plan: Plan, stories: Mapping[Guid, Story], tools: Tools, *, workers: int, progress: Progress) -> Run:
    """Apply the changes of a plan and report one receipt for each.

    The journal of the run is open. `stories` is what the ledger remembers of the plan's tickets, `workers` how
    many objects are worked on at once. Faults of server, network and ledger are in the report, never raised.
    """
    started = tools.clock.now()
    desk = _Desk(tools, progress)
    notes = _heal(plan, stories, tools)
    todo, done = _split(plan, stories)
    _work(todo, stories, desk, workers)
    for step in todo:
        if step.guid not in desk.receipts:
            desk.hand_in(step, _abandoned(step, desk))
    receipts = tuple(desk.receipts[step.guid] for step in todo)
    if done:
        notes += (f"{len(done)} of the plan's steps were applied by an earlier run and were not sent again",)
    run = Run(
        run=tools.run,
        digest=plan.digest,
        target=plan.target,
        started_at=started,
        ended_at=tools.clock.now(),
        receipts=receipts,
        environment=plan.environment,
        shard=plan.shard,
        stopped=_stopped(receipts, tools),
        notes=notes,
    )
    _end(run, tools)
    return run


def _stopped(receipts: tuple[Receipt, ...], tools: Tools) -> str | None:
    """A run that had nothing left to do when it was told to stop was not stopped."""
    early = any(receipt.outcome in (Outcome.NOT_ATTEMPTED, Outcome.FAILED) for receipt in receipts)
    return tools.brake.reason() if early or any(r.outcome is Outcome.UNKNOWN for r in receipts) else None


def _end(run: Run, tools: Tools) -> None:
    try:
        tools.ledger.append(Ended(run.ended_at, run.counts, run.stopped))
    except LedgerUnwritable as error:
        tools.brake.pull(f"the ledger can't be written: {error.message}")


def _split(plan: Plan, stories: Mapping[Guid, Story]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Part the changes into those to do and those that an earlier run of this plan has done already."""
    done = tuple(step for step in plan.changes if _was_applied(step, plan, stories.get(step.guid, NO_STORY)))
    applied = {step.guid for step in done}
    return tuple(step for step in plan.changes if step.guid not in applied), done


def _was_applied(step: Step, plan: Plan, story: Story) -> bool:
    last = story.last
    if last is None or story.open is not None:
        return False
    return last.decision == step.decision and last.after == step.after and last.at >= plan.made_at


def _heal(plan: Plan, stories: Mapping[Guid, Story], tools: Tools) -> tuple[str, ...]:
    """Write what reading has proven since: receipts for intents of dead runs, and tickets that are gone for good."""
    healed = 0
    for step in plan.steps:
        story = stories.get(step.guid, NO_STORY)
        if step.group is Group.CHANGE or tools.brake.reason() is not None:
            continue
        try:
            healed += _heal_one(step, story, tools)
        except LedgerUnwritable as error:
            tools.brake.pull(f"the ledger can't be written: {error.message}")
    return (f"{healed} intents of earlier runs were resolved by reading",) if healed else ()


def _heal_one(step: Step, story: Story, tools: Tools) -> bool:
    if story.open is not None:
        receipt = resolve(step, story.open, tools)
        tools.ledger.append(recorded(step, receipt))
        return receipt.outcome in (Outcome.APPLIED, Outcome.AWAITING_OTHERS)
    if step.verdict is Verdict.SETTLED and not step.closed:
        tools.ledger.append(Closed(tools.clock.now(), step.guid, step.decision))
    return False


def _work(todo: Sequence[Step], stories: Mapping[Guid, Story], desk: _Desk, workers: int) -> None:
    """Run the steps on workers until all are done, or until the grace after a stop has passed."""
    groups: queue.SimpleQueue[tuple[Step, ...]] = queue.SimpleQueue()
    pending = _by_object(todo)
    for group in pending:
        groups.put(group)
    finished = threading.Semaphore(0)
    threads = min(workers, len(pending))
    for number in range(threads):
        threading.Thread(
            target=_worker, args=(groups, stories, desk, finished), name=f"apply-{number}", daemon=True
        ).start()
    _wait(threads, finished, desk.tools)


def _wait(threads: int, finished: threading.Semaphore, tools: Tools) -> None:
    deadline: float | None = None
    while threads:
        if finished.acquire(timeout=_POLL):
            threads -= 1
            continue
        if deadline is None and tools.brake.reason() is not None:
            deadline = tools.clock.monotonic() + GRACE
        if deadline is not None and tools.clock.monotonic() >= deadline:
            return


def _worker(
    groups: "queue.SimpleQueue[tuple[Step, ...]]",
    stories: Mapping[Guid, Story],
    desk: _Desk,
    finished: threading.Semaphore,
) -> None:
    try:
        while True:
            for step in groups.get_nowait():
                _one(step, stories, desk)
    except queue.Empty:
        pass
    finally:
        finished.release()


def _one(step: Step, stories: Mapping[Guid, Story], desk: _Desk) -> None:
    desk.begun.add(step.guid)
    try:
        receipt = perform(step, stories.get(step.guid, NO_STORY).open, desk.tools)
    except LedgerUnwritable as error:
        desk.tools.brake.pull(f"the ledger can't be written: {error.message}")
        receipt = not_attempted(step, f"the ledger can't be written: {error.message}", desk.tools)
    except Exception as error:  # noqa: BLE001 - a bug in one step must not cost the others their receipts
        desk.tools.brake.pull(f"a bug in the reconciler: {type(error).__name__}")
        detail = f"a bug in the reconciler ({type(error).__name__}: {error}); read the ticket before anything else"
        receipt = receipt_of(step, desk.tools, Finding(Outcome.UNKNOWN, Proof.NONE, detail))
    desk.hand_in(step, receipt)


def _abandoned(step: Step, desk: _Desk) -> Receipt:
    why = desk.tools.brake.reason() or "the run ended"
    if step.guid not in desk.begun:
        return not_attempted(step, why, desk.tools)
    detail = f"{why}; the request in flight did not come to an end in time"
    return receipt_of(step, desk.tools, Finding(Outcome.UNKNOWN, Proof.NONE, detail))


def _by_object(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """Group steps so that one object is never written by two workers; keep the order of the plan."""
    groups: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        groups[step.object.casefold() or step.guid].append(step)
    return [tuple(group) for group in groups.values()]
