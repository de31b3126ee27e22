"""What a reading proves about a write that the server said it took. Pure."""

from reconciler.model.receipt import Outcome, Proof
from reconciler.model.status import Status
from reconciler.planning.traces import Finding, Sighting, Trace


def after_acceptance(sighting: Sighting) -> Finding | None:
    """Return what holds once the server said Success; None when it is worth looking again."""
    match sighting.trace:
        case Trace.WANTED | Trace.PLAIN:
            return Finding(Outcome.APPLIED, Proof.CONFIRMED)
        case Trace.GONE | Trace.GONE_OTHERWISE | Trace.GONE_ANYWAY:
            return Finding(Outcome.APPLIED, Proof.ACCEPTED, "accepted, and the ticket is gone")
        case Trace.TAGGED:
            return Finding(Outcome.AWAITING_OTHERS, Proof.TAGGED, "accepted; other approvers are still due")
        case Trace.TOUCHED if sighting.tagged:
            return Finding(Outcome.APPLIED, Proof.TAGGED, "accepted, and changed again since by somebody else")
        case _:
            return None


def accepted_without_trace(sighting: Sighting) -> Finding:
    """Return what holds when the server said Success and the settle budget has passed without a trace of it."""
    waiting = sighting.seen is not None and sighting.seen.status == Status.PENDING
    if waiting and sighting.approvers > 1:
        return Finding(Outcome.AWAITING_OTHERS, Proof.ACCEPTED, "accepted; other approvers are still due")
    why = sighting.why or sighting.trace.value
    return Finding(Outcome.UNKNOWN, Proof.NONE, f"the server said Success, but {why}")
