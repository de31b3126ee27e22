"""What a run works with, and the receipts and observations that every part of the protocol makes with it."""

from dataclasses import dataclass
from datetime import timedelta

from reconciler.applying.brake import Brake
from reconciler.applying.evidence import after_acceptance
from reconciler.model.guid import Guid
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import Intent, Recorded
from reconciler.model.review import Provenance
from reconciler.model.ticket import Reading, Unread
from reconciler.planning.traces import Finding, Sighting, Trace, after_silence, look
from reconciler.ports import Clock, Ledger, TicketReader, TicketWriter

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Tools:
    """The ports of a run with its name and origin.

    `settle` is how long, in seconds, a write may take to show; `patience` how long after an intent a server may still
    be at work on its request, when nobody is there any more who could have got the answer.
    """

    reader: TicketReader
    writer: TicketWriter
    ledger: Ledger
    clock: Clock
    brake: Brake
    run: str
    origin: Provenance
    settle: float = 5.0
    patience: float = 110.0


def read(guid: Guid, tools: Tools) -> Reading:
    """Read one ticket; a fault that every other reading would meet too stops the run."""
    reading = tools.reader.read(guid)
    if isinstance(reading, Unread) and reading.systemic:
        tools.brake.pull(reading.why)
    return reading


def sight(intent: Intent, tools: Tools) -> Sighting:
    """Read the ticket of an intent and hold it against the intent."""
    return look(intent, read(intent.guid, tools), tools.clock.now())


def observe(intent: Intent, tools: Tools, *, accepted: bool) -> tuple[Sighting, Finding | None]:
    """Read again until the reading proves something or the settle budget, which begins with the answer, has passed."""
    judge = after_acceptance if accepted else after_silence
    deadline = tools.clock.monotonic() + tools.settle
    pause = _FIRST_PAUSE
    while True:
        left = deadline - tools.clock.monotonic()
        sighting = sight(intent, tools)
        finding = judge(sighting)
        if finding is not None or left <= 0:
            return sighting, finding
        tools.clock.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)


def sight_left(intent: Intent, tools: Tools) -> Sighting:
    """Read the ticket of an intent that another run left, once more when the server has to be done with its request.

    Before that an unchanged ticket would not prove that the intent had no effect.
    """
    sighting = sight(intent, tools)
    left = (intent.at + timedelta(seconds=tools.patience) - tools.clock.now()).total_seconds()
    if sighting.trace is not Trace.UNCHANGED or left <= 0:
        return sighting
    tools.clock.sleep(min(left, tools.patience))
    return sight(intent, tools)


def receipt_of(
    step: Step,
    tools: Tools,
    finding: Finding,
    sighting: Sighting | None = None,
    intent: Intent | None = None,
    result: int | None = None,
) -> Receipt:
    """Make the receipt of a step from what was found."""
    return Receipt(
        guid=step.guid,
        outcome=finding.outcome,
        at=tools.clock.now(),
        after=intent.after if intent else step.after,
        before=intent.before if intent else step.before,
        seen=sighting.seen if sighting else None,
        gone=sighting is not None and sighting.gone,
        result=result,
        operation=intent.operation if intent else None,
        proof=finding.proof,
        detail=finding.detail,
        verdict=step.verdict,
        object=step.object,
        workflow=step.workflow,
        source=step.source,
    )


def not_attempted(step: Step, why: str, tools: Tools) -> Receipt:
    """Make the receipt of a step that was not begun."""
    return receipt_of(step, tools, Finding(Outcome.NOT_ATTEMPTED, Proof.NONE, why))


def recorded(decided: Step | Intent, receipt: Receipt) -> Recorded:
    """Make the ledger entry of a receipt: for the decision of a step, or for that of an intent an earlier run left."""
    return Recorded(receipt, decided.decision, decided.change, decided.window)
