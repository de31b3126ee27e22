"""What a run works with, and the observations and receipts that every part of the protocol makes with it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.applying.circuit_breaker import CircuitBreaker
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import Intent
from reconciler.model.review import Provenance, Review
from reconciler.model.ticket import Guid, Reading, Unread
from reconciler.model.value import replace
from reconciler.planning.traces import Finding, Sighting, look
from reconciler.ports import Clock, Deadline, Ledger, TicketReader, TicketWriter

Judge = Callable[[Sighting], Finding | None]
"""Returns what a sighting proves, None when it proves nothing yet."""

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class RunContext:
    """The ports of a run with its name and origin.

    `reviews` is who decided on each ticket, as far as that is known; all others have the review of `origin`.
    `settle` is how long, in seconds, a write may take to show; `patience` how long after a lost answer the server may
    still carry the update out, so that nothing is sent again; `follow` how long requests in flight get to come to an
    end once no further write may start, unless `deadline` ends the run before. `planned_at` is when the plan was made,
    `movers` who brought tickets to where git and TPP agree, where the server tells it. `announced` says that the ledger
    has an intent for every change from before the first update.
    """

    reader: TicketReader
    writer: TicketWriter
    ledger: Ledger
    clock: Clock
    breaker: CircuitBreaker
    run: str
    origin: Provenance
    settle: float = 5.0
    patience: float = 900.0
    follow: float = 5.0
    deadline: Deadline | None = None
    reviews: Mapping[Guid, Review | None] = field(default_factory=dict)
    planned_at: datetime | None = None
    movers: Mapping[Guid, str] = field(default_factory=dict)
    announced: bool = False

    @property
    def told_to_end(self) -> Deadline:
        """Return the deadline that a signal brings nearer."""
        return self.deadline or Deadline(self.clock)

    def origin_of(self, guid: Guid) -> Provenance:
        """Return where a decision comes from, with its own people."""
        return replace(self.origin, review=self.reviews[guid]) if guid in self.reviews else self.origin


def read(guid: Guid, context: RunContext) -> Reading:
    """Read one ticket; a fault that every other reading would meet too stops the run."""
    reading = context.reader.read(guid)
    if isinstance(reading, Unread) and reading.systemic:
        context.breaker.trip(reading.why, passing=reading.passing)
    return reading


def sight(intent: Intent, context: RunContext) -> Sighting:
    """Read the ticket of an intent and hold it against the intent."""
    return look(intent, read(intent.guid, context), context.clock.now())


def observe(intent: Intent, context: RunContext, judge: Judge) -> tuple[Sighting, Finding | None]:
    """Read again until `judge` finds something or the settle budget, which begins with the answer, has passed."""
    settled = context.told_to_end.part(context.settle)
    pause = _FIRST_PAUSE
    while True:
        left = settled.left()
        sighting = sight(intent, context)
        finding = judge(sighting)
        if finding is not None or left <= 0:
            return sighting, finding
        context.clock.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)


def receipt_of(
    step: Step,
    context: RunContext,
    finding: Finding,
    sighting: Sighting | None = None,
    intent: Intent | None = None,
    result: int | None = None,
) -> Receipt:
    """Make the receipt of a step from what was found, as it is known now.

    `intent` is what was sent, perhaps by an earlier run for another decision: the receipt is about that one.
    """
    return Receipt(
        decision=replace(intent.decision, source=step.source) if intent else step.decision,
        digest=intent.digest if intent else step.digest,
        outcome=finding.outcome,
        at=context.clock.now(),
        before=intent.before if intent else step.before,
        seen=sighting.seen if sighting else None,
        gone=sighting is not None and sighting.gone,
        result=result,
        operation=intent.operation if intent else _announced(step, context),
        proof=finding.proof,
        detail=finding.detail,
        verdict=step.verdict,
        object=step.object,
        workflow=step.workflow,
    )


def _announced(step: Step, context: RunContext) -> str | None:
    """Return the operation that the ledger has an intent of from before the first update, so that this answers it."""
    return operation_of(context.run, step.guid) if context.announced else None


def operation_of(run: str, guid: Guid) -> str:
    """Return the operation id of one ticket in one run: 12 hex digits."""
    return hashlib.sha256(f"{run}\n{guid}".encode()).hexdigest()[:12]


def not_attempted(step: Step, why: str, context: RunContext) -> Receipt:
    """Make the receipt of a step that was not begun."""
    return receipt_of(step, context, Finding(Outcome.NOT_ATTEMPTED, Proof.NONE, why))


def sighting_words(sighting: Sighting) -> str:
    """Return in words what a sighting showed."""
    return sighting.why or sighting.trace.value
