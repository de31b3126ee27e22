"""What a reading proves about a write that was sent. Pure."""

from dataclasses import dataclass
from enum import Enum

from reconciler.applying.compare import is_as_wanted, is_plainly_approved
from reconciler.model.receipt import Outcome, Proof, operation_tag
from reconciler.model.record import Intent
from reconciler.model.status import State, Status
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Reading, Unread


class Trace(Enum):
    """What a ticket shows of an intent."""

    WANTED = "it has the wanted status"
    PLAIN = "it is approved, without its times"
    TAGGED = "it carries our tag and waits for others"
    GONE = "it is gone"
    UNCHANGED = "nothing has changed"
    TOUCHED = "something else has changed"
    UNSEEN = "it could not be read"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A trace with the state that showed it (None when the ticket is gone or was not seen) and its explanation."""

    trace: Trace
    seen: State | None = None
    tagged: bool = False
    approvers: int = 0
    why: str = ""


def look(intent: Intent, reading: Reading) -> Sighting:
    """Hold one reading against an intent."""
    match reading:
        case Gone():
            return Sighting(Trace.GONE)
        case Hidden():
            return Sighting(Trace.UNSEEN, why="the server denies us the ticket")
        case Unread(why):
            return Sighting(Trace.UNSEEN, why=why)
        case Found(ticket):
            return _trace(intent, ticket)


def _trace(intent: Intent, ticket: LiveTicket) -> Sighting:
    tagged = operation_tag(intent.operation) in ticket.explanation
    state = ticket.state
    if is_as_wanted(intent.after, state):
        trace = Trace.WANTED
    elif is_plainly_approved(intent.after, state):
        trace = Trace.PLAIN
    elif tagged and state.status == Status.PENDING and intent.after.status != Status.PENDING:
        trace = Trace.TAGGED
    elif state == intent.before and ticket.updated == intent.updated:
        trace = Trace.UNCHANGED
    else:
        trace = Trace.TOUCHED
    return Sighting(trace, state, tagged, len(ticket.approvers))


@dataclass(frozen=True, slots=True)
class Finding:
    """An outcome with its proof and what a reader should know of it."""

    outcome: Outcome
    proof: Proof
    detail: str = ""


def after_acceptance(sighting: Sighting) -> Finding | None:
    """Return what holds once the server said Success; None when it is worth looking again."""
    match sighting.trace:
        case Trace.WANTED | Trace.PLAIN:
            return Finding(Outcome.APPLIED, Proof.CONFIRMED)
        case Trace.GONE:
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


def after_silence(sighting: Sighting) -> Finding | None:
    """Return what a reading proves when no usable answer came; None when it proves nothing yet."""
    match sighting.trace:
        case Trace.WANTED:
            proof = Proof.TAGGED if sighting.tagged else Proof.OBSERVED
            return Finding(Outcome.APPLIED, proof, "no usable answer came; the ticket was read again as wanted")
        case Trace.TAGGED:
            return Finding(Outcome.AWAITING_OTHERS, Proof.TAGGED, "no usable answer came; the ticket carries our tag")
        case Trace.GONE:
            return Finding(Outcome.APPLIED, Proof.INFERRED, "no usable answer came; the ticket is gone")
        case Trace.TOUCHED | Trace.PLAIN if sighting.tagged:
            return Finding(Outcome.APPLIED, Proof.TAGGED, "no usable answer came; the ticket carries our tag")
        case _:
            return None
