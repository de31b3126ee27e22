"""What a ticket shows of a write that nobody has a receipt for, and what that proves. Pure.

Planning asks this of intents that dead runs left, applying of every answer that was lost.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from reconciler.model.receipt import Outcome, Proof, tagged_operations
from reconciler.model.record import Intent
from reconciler.model.status import State, Status, shows
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Reading, Unread

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far our clock and the server's may be apart when an instant is held against something that TPP did."""


class Trace(Enum):
    """What a ticket shows of an intent."""

    WANTED = "it has the wanted status"
    PLAIN = "it is approved, without its times"
    TAGGED = "it carries our tag and waits for others"
    GONE = "it is gone"
    GONE_OTHERWISE = "it is gone, which the update can't have led to"
    GONE_ANYWAY = "it is gone, as it would be without the update"
    UNCHANGED = "nothing has changed"
    TOUCHED = "something else has changed"
    UNSEEN = "it could not be read"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A trace with the state that showed it (None when the ticket is gone or was not seen) and its explanation.

    `tagged` when the ticket carries our tag, `moved` when the server says that it was updated since the intent.
    """

    trace: Trace
    seen: State | None = None
    tagged: bool = False
    moved: bool = False
    approvers: int = 0
    why: str = ""

    @property
    def gone(self) -> bool:
        """Whether the ticket was seen to be gone, for whatever cause."""
        return self.trace in (Trace.GONE, Trace.GONE_OTHERWISE, Trace.GONE_ANYWAY)


@dataclass(frozen=True, slots=True)
class Finding:
    """An outcome with its proof and what a reader should know of it."""

    outcome: Outcome
    proof: Proof
    detail: str = ""


def look(intent: Intent, reading: Reading, now: datetime) -> Sighting:
    """Hold one reading, made at `now`, against an intent."""
    match reading:
        case Gone():
            return Sighting(_departure(intent, now))
        case Hidden():
            return Sighting(Trace.UNSEEN, why="the server denies us the ticket")
        case Unread(why):
            return Sighting(Trace.UNSEEN, why=why)
        case Found(ticket):
            return _trace(intent, ticket)


def _departure(intent: Intent, now: datetime) -> Trace:
    """Whether the update explains that the ticket is gone: TPP deletes a ticket once it is approved and due."""
    if not _leads_away(intent.after, now):
        return Trace.GONE_OTHERWISE
    if intent.after.status == Status.REJECTED and _approves(intent.before) and _leads_away(intent.before, now):
        return Trace.GONE_ANYWAY
    return Trace.GONE


def _approves(state: State) -> bool:
    return state.status in (Status.APPROVED, Status.APPROVED_AFTER, Status.APPROVED_BETWEEN)


def _leads_away(state: State, now: datetime) -> bool:
    """Whether a ticket in this state can be gone by now: it is decided, and its time has come or is not known."""
    if state.status == Status.PENDING:
        return False
    return state.schedule is None or state.schedule.start <= now + CLOCKS_DIFFER


def _trace(intent: Intent, ticket: LiveTicket) -> Sighting:
    tagged = intent.operation in tagged_operations(ticket.explanation, ticket.reason)
    same_time = ticket.updated == intent.updated or intent.attempt == 0  # that one is as the plan has it, without time
    moved = ticket.updated is not None and not same_time
    state = ticket.state
    as_before = _is_as_before(intent.before, state)
    if as_before and same_time and not tagged:
        trace = Trace.UNCHANGED
    elif is_as_wanted(intent.after, state) and (tagged or not as_before):
        trace = Trace.WANTED
    elif is_plainly_approved(intent.after, state):
        trace = Trace.PLAIN
    elif tagged and state.status == Status.PENDING:
        trace = Trace.TAGGED
    else:
        trace = Trace.TOUCHED
    return Sighting(trace, state, tagged, moved, len(ticket.approvers))


def _is_as_before(before: State, live: State) -> bool:
    """Whether a live state is the one before a write. Times that one of them does not tell, as on old servers, may be.

    Which times are told depends on the token, so the two readings need not agree on that.
    """
    untold = before.schedule is None or live.schedule is None
    return live == before or (untold and live.status == before.status)


def is_as_wanted(wanted: State, live: State) -> bool:
    """Whether a live state is the wanted one, also on servers that report no times with a scheduled status."""
    if shows(live, wanted):
        return True
    return wanted.schedule is not None and live.schedule is None and live.status == wanted.status


def is_plainly_approved(wanted: State, live: State) -> bool:
    """Whether a scheduled approval shows as `Approved`: some servers report it so, all do once it is due."""
    return wanted.schedule is not None and live.status == Status.APPROVED


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
        case Trace.GONE_OTHERWISE:
            return Finding(Outcome.STALE, Proof.NONE, "no usable answer came; somebody else has ended the ticket")
        case Trace.TOUCHED | Trace.PLAIN if sighting.tagged:
            return Finding(Outcome.APPLIED, Proof.TAGGED, "no usable answer came; the ticket carries our tag")
    return None
