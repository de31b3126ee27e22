"""The protocol of one step: read, compare, intend, send, observe. Whatever goes wrong, a receipt comes out."""

from reconciler.applying.compare import why_stale
from reconciler.applying.conclude import conclude, told
from reconciler.applying.tools import Tools, not_attempted, read, receipt_of, recorded, sight_left
from reconciler.applying.wording import explanation, operation_of
from reconciler.errors import LedgerUnwritable
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import Intent, OpenIntent, Recorded
from reconciler.model.status import wanted_from
from reconciler.model.ticket import Found, LiveTicket, Unread
from reconciler.model.value import replace
from reconciler.planning.traces import Finding, Trace, after_silence
from reconciler.ports import Update

_ATTEMPTS = (1, 2)


def perform(step: Step, left: OpenIntent | None, tools: Tools, *, overtaken: str | None = None) -> Recorded:
    """Carry out one step and say what happened.

    `left` is an intent that an earlier run left without a receipt: it is resolved by reading, first. `overtaken`
    says what another run did to the ticket since the plan was made, which makes the step stale.
    Raises LedgerUnwritable only when nothing was sent.
    """
    if (why := tools.brake.reason()) is not None:
        return recorded(step, not_attempted(step, why, tools))
    if left is not None:
        resolved = resolve(step, left, tools)
        if _settles(step, resolved.receipt):
            return resolved
        tools.ledger.append(resolved)
    if overtaken is not None:
        return recorded(step, receipt_of(step, tools, Finding(Outcome.STALE, Proof.NONE, overtaken)))
    return recorded(step, _carry_out(step, tools))


def _settles(step: Step, resolved: Receipt) -> bool:
    """Say whether what became of an earlier intent is also what became of the step."""
    if resolved.proof is Proof.UNCHANGED:
        return False
    return resolved.outcome is Outcome.UNKNOWN or resolved.after == step.after


def resolve(step: Step, left: OpenIntent, tools: Tools) -> Recorded:
    """Find out by reading what became of an intent without a receipt. Nothing is sent."""
    sighting = sight_left(left.intent, tools)
    finding = after_silence(sighting)
    if finding is not None:
        finding = replace(finding, detail=f"sent by run {left.run}: {finding.detail}")
    elif sighting.trace is Trace.UNCHANGED:
        finding = Finding(Outcome.FAILED, Proof.UNCHANGED, f"run {left.run} left an intent that had no effect")
    else:
        finding = Finding(Outcome.UNKNOWN, Proof.NONE, f"run {left.run} left an intent, and {told(sighting)}")
    return recorded(left.intent, receipt_of(step, tools, finding, sighting, left.intent))


def _carry_out(step: Step, tools: Tools) -> Receipt:
    reading = read(step.guid, tools)
    if isinstance(reading, Unread):
        tools.brake.answered(reading)
        why = f"not sent: the ticket could not be read again: {reading.why}"
        return receipt_of(step, tools, Finding(Outcome.FAILED, Proof.NONE, why))
    stale = why_stale(step, reading)
    if stale is not None or not isinstance(reading, Found):
        return receipt_of(step, tools, Finding(Outcome.STALE, Proof.NONE, stale or ""))
    return _write(step, reading.ticket, tools)


def _too_late(step: Step, tools: Tools) -> str | None:
    now = tools.clock.now()
    if step.valid_until is not None and step.valid_until <= now:
        return "valid_until has passed since the plan was made"
    if step.after.schedule and step.after.schedule.stop and step.after.schedule.stop <= now:
        return "the window has ended since the plan was made"
    return None


def _write(step: Step, ticket: LiveTicket, tools: Tools) -> Receipt:
    intent: Intent | None = None
    for attempt in _ATTEMPTS:
        if (why := tools.brake.reason() or _too_late(step, tools)) is not None:
            return _stopped(step, intent, why, tools)
        intent = _intent(step, ticket, tools, attempt)
        try:
            tools.ledger.append(intent)
        except LedgerUnwritable as error:
            return receipt_of(step, tools, Finding(Outcome.FAILED, Proof.NONE, f"not sent: {error.message}"))
        answer = tools.writer.update(Update(step.guid, wanted_from(step.after), intent.explanation, step.parameters))
        tools.brake.answered(answer)
        receipt = conclude(step, intent, answer, tools)
        if receipt is not None:
            return receipt
    raise AssertionError("the second attempt always comes to a conclusion")


def _stopped(step: Step, sent: Intent | None, why: str, tools: Tools) -> Receipt:
    if sent is None:
        return not_attempted(step, why, tools)
    detail = f"the first attempt had no effect, and no second one was made: {why}"
    return receipt_of(step, tools, Finding(Outcome.FAILED, Proof.UNCHANGED, detail), intent=sent)


def _intent(step: Step, ticket: LiveTicket, tools: Tools, attempt: int) -> Intent:
    operation = operation_of(tools.run, step.guid)
    return Intent(
        at=tools.clock.now(),
        operation=operation,
        guid=step.guid,
        decision=step.decision,
        before=ticket.state,
        after=step.after,
        object=ticket.object,
        workflow=ticket.workflow,
        updated=ticket.updated,
        change=step.change,
        explanation=explanation(step, tools.origin, operation),
        window=step.window,
        source=step.source,
        attempt=attempt,
        created=ticket.created,
    )
