"""What the ledger says of tickets since a plan was made: order comes from the ledger, never from a clock. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome
from reconciler.model.record import NO_HISTORY, AcceptedEntry, ClosedEntry, Intent, Line, ReceiptEntry, TicketHistory
from reconciler.model.ticket import Guid
from reconciler.planning.judge import spell

_NOTHING_WAS_SENT = frozenset({Outcome.FAILED, Outcome.NOT_ATTEMPTED})
_TOOK_EFFECT = frozenset({Outcome.APPLIED, Outcome.AWAITING_OTHERS})


@dataclass(frozen=True, slots=True)
class Since:
    """Why a step is not sent: it is `done` already, or what happened to its ticket since the plan was made."""

    done: bool
    why: str


def since_plan(
    steps: Iterable[Step], lines: Mapping[Guid, Sequence[Line]], histories: Mapping[Guid, TicketHistory]
) -> Mapping[Guid, Since]:
    """Return the steps that are not sent. `lines` are those about tickets that were written after the plan's heads.

    Lines that say that nothing was sent don't count, so that a run that was stopped can be taken up with its plan.
    """
    found = {step.guid: _since(step, lines.get(step.guid, ()), histories.get(step.guid, NO_HISTORY)) for step in steps}
    return {guid: since for guid, since in found.items() if since is not None}


def _since(step: Step, lines: Sequence[Line], history: TicketHistory) -> Since | None:
    told = _that_count(lines)
    if not told:
        return None
    effects = [line.entry for line in told if _took_effect(line)]
    last = effects[-1] if effects else None
    if isinstance(last, ReceiptEntry) and history.open is None:
        same = last.decision == step.decision and last.receipt.after == step.after
        if same and history.last is not None and history.last.operation == last.receipt.operation:
            return Since(True, "")
    return Since(False, _what_happened(told[-1]))


def _that_count(lines: Sequence[Line]) -> list[Line]:
    """Leave out what was not sent: receipts that say so, and the intents that they answer."""
    unsent = {
        line.entry.receipt.operation
        for line in lines
        if isinstance(line.entry, ReceiptEntry) and line.entry.receipt.outcome in _NOTHING_WAS_SENT
    }
    return [line for line in lines if _counts(line, unsent)]


def _counts(line: Line, unsent: set[str | None]) -> bool:
    match line.entry:
        case ReceiptEntry(receipt=receipt):
            return receipt.outcome not in _NOTHING_WAS_SENT
        case Intent(operation=operation):
            return operation not in unsent
        case _:
            return True


def _took_effect(line: Line) -> bool:
    return isinstance(line.entry, ReceiptEntry) and line.entry.receipt.outcome in _TOOK_EFFECT


def _what_happened(line: Line) -> str:
    match line.entry:
        case ReceiptEntry(receipt=receipt) if receipt.outcome in _TOOK_EFFECT:
            return f"run {line.run} has applied {spell(receipt.after)} since the plan was made"
        case ReceiptEntry(receipt=receipt):
            return f"run {line.run} found it {receipt.outcome.value} since the plan was made"
        case Intent(after=after):
            return f"run {line.run} has begun to send {spell(after)} since the plan was made"
        case AcceptedEntry(after=after):
            return f"run {line.run} has accepted {spell(after)} since the plan was made"
        case ClosedEntry():
            return f"run {line.run} has seen that it is gone since the plan was made"
        case _:
            return f"run {line.run} has an entry about it since the plan was made"
