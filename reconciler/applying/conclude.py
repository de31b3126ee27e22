"""What an answer of the server means for a step, checked against the ticket itself."""

from datetime import timedelta

from reconciler.applying.context import Judge, RunContext, observe, receipt_of, sight, sighting_words
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import Intent
from reconciler.model.status import Status
from reconciler.model.ticket import Accepted, Answer, Declined, Lost, NotSent
from reconciler.model.value import replace
from reconciler.planning.judge import until_words
from reconciler.planning.traces import Finding, Sighting, Trace, after_silence

_TICKET_DOES_NOT_EXIST = 3


def conclude(step: Step, intent: Intent, answer: Answer, context: RunContext) -> Receipt:
    """Return the receipt that an answer leads to. Nothing is ever sent again because of it."""
    match answer:
        case Accepted(result):
            return _observed(step, intent, context, "the server said Success, but ", result, _after_acceptance)
        case Declined():
            return _declined(step, intent, answer, context)
        case NotSent(why, systemic, passing):
            if systemic:
                context.breaker.trip(why, passing=passing)
            return receipt_of(step, context, Finding(Outcome.FAILED, Proof.NONE, f"not sent: {why}"), intent=intent)
        case Lost(why, result):
            return _observed(step, intent, context, f"{why}; ", result, after_silence)


def _observed(step: Step, intent: Intent, context: RunContext, words: str, result: int | None, judge: Judge) -> Receipt:
    """Look for evidence. Without any the update may still take effect, whatever the server said of it."""
    answered_at = context.clock.now()
    sighting, finding = observe(intent, context, judge)
    if finding is not None:
        return receipt_of(step, context, finding, sighting, intent, result)
    why = f"{words}{sighting_words(sighting)}"
    if not sighting.gone:
        why = f"{why}; {until_words(answered_at + timedelta(seconds=context.patience))}"
    lost = receipt_of(step, context, Finding(Outcome.UNKNOWN, Proof.NONE, why), sighting, intent, result)
    return replace(lost, at=answered_at)


def _after_acceptance(sighting: Sighting) -> Finding | None:
    """Return what a reading proves once the server said Success, which alone proves nothing."""
    match sighting.trace:
        case Trace.WANTED | Trace.PLAIN:
            return Finding(Outcome.APPLIED, Proof.CONFIRMED)
        case Trace.GONE | Trace.GONE_OTHERWISE | Trace.GONE_ANYWAY:
            return Finding(Outcome.APPLIED, Proof.ACCEPTED, "accepted, and the ticket is gone")
        case Trace.TAGGED:
            return Finding(Outcome.AWAITING_OTHERS, Proof.TAGGED, "accepted; other approvers are still due")
        case Trace.TOUCHED if sighting.tagged:
            return Finding(Outcome.APPLIED, Proof.TAGGED, "accepted, and changed again since by somebody else")
        case Trace.TOUCHED if sighting.moved and _waits_for_others(sighting):
            detail = "accepted, and the server's time of update has moved; other approvers are still due"
            return Finding(Outcome.AWAITING_OTHERS, Proof.ACCEPTED, detail)
    return None


def _waits_for_others(sighting: Sighting) -> bool:
    return sighting.seen is not None and sighting.seen.status == Status.PENDING and sighting.approvers > 1


def _declined(step: Step, intent: Intent, answer: Declined, context: RunContext) -> Receipt:
    """A refusal is not believed blindly: if the ticket shows our write, the write took effect."""
    if answer.systemic:
        context.breaker.trip(answer.why)
    sighting = sight(intent, context)
    return receipt_of(step, context, _refusal(answer, sighting), sighting, intent, answer.result)


def _refusal(answer: Declined, sighting: Sighting) -> Finding:
    if sighting.gone:
        certain = answer.result == _TICKET_DOES_NOT_EXIST
        outcome = Outcome.STALE if certain else Outcome.UNKNOWN
        return Finding(outcome, Proof.NONE, f"{answer.why}; the ticket is gone")
    shown = after_silence(sighting) if sighting.tagged else None
    if shown is not None:
        return replace(shown, detail=f"the server refused ({answer.why}), but the ticket carries our tag")
    if sighting.trace is Trace.UNCHANGED:
        return Finding(Outcome.REJECTED_BY_SERVER, Proof.UNCHANGED, answer.why)
    if sighting.trace is Trace.UNSEEN and answer.systemic:
        return Finding(Outcome.REJECTED_BY_SERVER, Proof.NONE, answer.why)
    return Finding(Outcome.REJECTED_BY_SERVER, Proof.NONE, f"{answer.why}; afterwards: {sighting_words(sighting)}")
