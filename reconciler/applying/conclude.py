"""What an answer of the server means for a step, checked against the ticket itself."""

from reconciler.applying.evidence import accepted_without_trace
from reconciler.applying.tools import Tools, observe, receipt_of, sight
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import Intent
from reconciler.model.ticket import Accepted, Answer, Declined, Lost, NotSent
from reconciler.model.value import replace
from reconciler.planning.traces import Finding, Sighting, Trace, after_silence

_TICKET_DOES_NOT_EXIST = 3


def conclude(step: Step, intent: Intent, answer: Answer, tools: Tools) -> Receipt | None:
    """Return the receipt that an answer leads to; None when the update provably had no effect and may go again."""
    match answer:
        case Accepted(result):
            sighting, finding = observe(intent, tools, accepted=True)
            return receipt_of(step, tools, finding or accepted_without_trace(sighting), sighting, intent, result)
        case Declined():
            return _declined(step, intent, answer, tools)
        case NotSent(why, systemic):
            if systemic:
                tools.brake.pull(why)
            return receipt_of(step, tools, Finding(Outcome.FAILED, Proof.NONE, f"not sent: {why}"), intent=intent)
        case Lost():
            return _lost(step, intent, answer, tools)


def _declined(step: Step, intent: Intent, answer: Declined, tools: Tools) -> Receipt:
    """A refusal is not believed blindly: if the ticket shows our write, the write took effect."""
    if answer.systemic:
        tools.brake.pull(answer.why)
    sighting = sight(intent, tools)
    return receipt_of(step, tools, _refusal(answer, sighting), sighting, intent, answer.result)


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
    return Finding(Outcome.REJECTED_BY_SERVER, Proof.NONE, f"{answer.why}; afterwards: {told(sighting)}")


def _lost(step: Step, intent: Intent, answer: Lost, tools: Tools) -> Receipt | None:
    sighting, finding = observe(intent, tools, accepted=False)
    if finding is None and sighting.trace is Trace.UNCHANGED and not answer.in_progress:
        if intent.attempt == 1 and tools.brake.reason() is None:
            return None
        finding = Finding(Outcome.FAILED, Proof.UNCHANGED, f"{answer.why}; the ticket was read again, unchanged")
    if finding is None:
        finding = Finding(Outcome.UNKNOWN, Proof.NONE, f"{answer.why}; {told(sighting)}")
    return receipt_of(step, tools, finding, sighting, intent, answer.result)


def told(sighting: Sighting) -> str:
    """Say in words what a sighting showed."""
    return sighting.why or sighting.trace.value
