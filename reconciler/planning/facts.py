"""What is known of one ticket, put into the few words that the truth table is written in."""

from datetime import datetime, timedelta
from enum import Enum, Flag, auto
from typing import NamedTuple

from reconciler.model.decision import Decision, Expectation
from reconciler.model.receipt import Outcome, Proof, tagged_operations
from reconciler.model.record import LastWrite, OpenIntent, TicketHistory
from reconciler.model.status import State, Status, pending, shows
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Reading, Unread, dn_key
from reconciler.planning.digest import decision_digest
from reconciler.planning.traces import CLOCKS_DIFFER, Trace, after_silence, is_plainly_approved, look


class _Fact(Flag):
    """One of the facts below. They are singletons, so they are found by identity, which is quicker than by name."""

    __hash__ = object.__hash__


class Live(_Fact):
    """How the live ticket stands to what is wanted and to what we did."""

    UNREAD = auto()
    """Could not be read."""
    AWAY = auto()
    """Could not be read because the server was away or busy, which passes."""
    HIDDEN = auto()
    """Is denied to us."""
    GONE = auto()
    """Is gone."""
    GONE_EARLY = auto()
    """Is gone, and was so before the approval that we scheduled could begin."""
    OTHER_OBJECT = auto()
    """Is on another object than expected."""
    OTHER_WORKFLOW = auto()
    """Comes from another workflow than expected."""
    OTHER_STATUS = auto()
    """Is in another state than expected, and in none that this decision leads to."""
    AS_SEEN = auto()
    """Is in exactly the state that the reviewer saw."""
    ODD = auto()
    """Has a status that we do not know."""
    UNCLEAR = auto()
    """Is neither as before nor as wanted by an intent that has no receipt."""
    LOST = auto()
    """Is as before an update whose answer was lost, and which may still take effect."""
    RESTORED = auto()
    """Is there again, though the ledger has seen it to be gone after our write."""
    FOREIGN = auto()
    """Carries the tag of an operation that this ledger does not know."""
    WANTED = auto()
    """Is as wanted."""
    UNREPORTED = auto()
    """Has the wanted status, without its times, which may be ours."""
    UNMOVED = auto()
    """Is as our last write left it."""
    PROCESSING = auto()
    """Was approved by us, and TPP is carrying it out."""
    PENDING = auto()
    """Is pending."""
    MOVED = auto()
    """Was moved by somebody else."""


class Ours(_Fact):
    """How the last thing that we did to the ticket stands to what is wanted now."""

    NOTHING = auto()
    """Nothing."""
    SAME = auto()
    """The same."""
    OTHER = auto()
    """Something else."""
    AWAITING_SAME = auto()
    """The same, others are still due."""
    AWAITING_OTHER = auto()
    """Something else, others are still due."""
    LAPSED_OTHER = auto()
    """Another window, which was missed."""
    INFERRED_SAME = auto()
    """The same, proven only by the ticket being gone."""
    INFERRED_OTHER = auto()
    """Something else, proven only by the ticket being gone."""


class Wish(_Fact):
    """Whether the manifest decides anything."""

    LEAVE = auto()
    """Pending."""
    TAKE_BACK = auto()
    """Pending, of a ticket that the reviewer saw in a state that the manifest names."""
    DECIDE = auto()
    """A decision."""
    ATTEST = auto()
    """A decision that was made outside: nothing is sent for it."""


class Timing(_Fact):
    """Whether the decision may still be made."""

    OPEN = auto()
    """In time."""
    WINDOW_OVER = auto()
    """Its window is over."""
    EXPIRED = auto()
    """Valid_until has passed."""


_GONE = Live.GONE | Live.GONE_EARLY
_NOT_JUDGED = Live.UNREAD | Live.AWAY | Live.HIDDEN | _GONE | Live.OTHER_OBJECT | Live.OTHER_WORKFLOW | Live.ODD
"""What holds of a ticket whatever became of an intent that has no receipt."""
_LEFT_ALONE = pending()
_KNOWN = frozenset(str(status) for status in Status)


class Facts(NamedTuple):
    """One row's worth of facts, and the values they were drawn from.

    `wanted` is the state to reach, with the times that an earlier run settled on for a recurring window.
    """

    live: Live
    ours: Ours
    wish: Wish
    clock: Timing
    wanted: State
    ticket: LiveTicket | None = None
    last: LastWrite | None = None
    known_from: str = "server"


PATIENCE = timedelta(minutes=15)
"""How long after a lost answer an update may still take effect, where nothing else is configured."""


def gather(
    decision: Decision, reading: Reading, history: TicketHistory, now: datetime, patience: timedelta = PATIENCE
) -> Facts:
    """Draw the facts of one decision from what the server and the ledger say. Never raises."""
    proven, trace = _intended(history, reading, now)
    last = proven or history.last
    wanted = _pinned(decision, last)
    live, ticket = _live(decision, wanted, reading, last, now)
    review = _reviewed(decision, ticket, last) if ticket is not None else _Review.NOT_STATED
    restored = ticket is not None and _was_gone(history)
    if live not in _NOT_JUDGED and ticket is not None:
        if is_foreign(ticket, history):
            live = Live.FOREIGN
        elif restored and review is not _Review.AS_SEEN:
            live = Live.RESTORED
        else:
            live = (
                _held_to_review(live, wanted, last, review)
                if not history.open or proven
                else _unproven(history.open, trace, live, now, patience, review)
            )
    return Facts(
        live=live,
        ours=Ours.NOTHING if restored else _ours(wanted, last, live, now),
        wish=_wish(decision, wanted),
        clock=_clock(decision, wanted, now),
        wanted=wanted,
        ticket=ticket,
        last=last,
        known_from=_known_from(ticket, last),
    )


class _Review(Enum):
    """How a live ticket stands to the state that the manifest says the reviewer saw."""

    NOT_STATED = auto()
    """The manifest names none."""
    AS_SEEN = auto()
    """It is in this state."""
    USED = auto()
    """It is in this state again, after this very decision was applied."""
    OTHER = auto()
    """It is in another one."""


def _reviewed(decision: Decision, ticket: LiveTicket, last: LastWrite | None) -> _Review:
    seen = decision.expect.state
    if seen is None or decision.decided is not None:
        return _Review.NOT_STATED
    unreported = last is not None and last.after == seen and ticket.state == State(seen.status)
    if not shows(ticket.state, seen) and not unreported:
        return _Review.OTHER
    return _Review.USED if last is not None and last.digest == decision_digest(decision) else _Review.AS_SEEN


def _held_to_review(live: Live, wanted: State, last: LastWrite | None, review: _Review) -> Live:
    """Place a ticket whose manifest says in which state the reviewer saw it.

    What this decision leads to passes as well: the wanted state, and what our receipt for it brought.
    """
    if review in (_Review.NOT_STATED, _Review.USED) or live in Live.WANTED | Live.PROCESSING:
        return live
    if live in Live.UNMOVED | Live.UNREPORTED and last is not None and last.after == wanted:
        return live
    return Live.AS_SEEN if review is _Review.AS_SEEN else Live.OTHER_STATUS


def _wish(decision: Decision, wanted: State) -> Wish:
    if decision.decided is not None:
        return Wish.ATTEST
    if wanted != _LEFT_ALONE:
        return Wish.DECIDE
    return Wish.LEAVE if decision.expect.state is None else Wish.TAKE_BACK


def _pinned(decision: Decision, last: LastWrite | None) -> State:
    """Keep the times that were applied for a recurring window: next week's plan must not move them."""
    wanted = decision.wanted
    if last is None or decision.window is None or not decision.window.rule:
        return wanted
    same = last.window == decision.window and last.after.status == wanted.status
    return last.after if same else wanted


def _intended(history: TicketHistory, reading: Reading, now: datetime) -> tuple[LastWrite | None, Trace | None]:
    """Take an intent without a receipt for done when the ticket proves it: its status, our tag, or that it is gone.

    Returns beside it what the ticket shows of the intent.
    """
    if history.open is None:
        return None, None
    intent = history.open.intent
    sighting = look(intent, reading, now)
    finding = after_silence(sighting)
    if finding is None or finding.outcome is Outcome.STALE:
        return None, sighting.trace
    done = LastWrite(
        decision=intent.decision,
        digest=intent.digest,
        outcome=finding.outcome,
        proof=finding.proof,
        at=intent.at,
        run=history.open.run,
        operation=intent.operation,
        seen=sighting.seen,
    )
    return done, sighting.trace


def _live(
    decision: Decision, wanted: State, reading: Reading, last: LastWrite | None, now: datetime
) -> tuple[Live, LiveTicket | None]:
    match reading:
        case Found(ticket):
            pass
        case Unread(passing=passing):
            return Live.AWAY if passing else Live.UNREAD, None
        case Hidden():
            return Live.HIDDEN, None
        case Gone():
            return Live.GONE_EARLY if last is not None and is_early(last, now) else Live.GONE, None
    if (other := _unexpected(decision.expect, ticket)) is not None:
        return other, ticket
    if ticket.state.status not in _KNOWN:
        return Live.ODD, ticket
    return _against(ticket.state, wanted, last, now), ticket


def _unexpected(expect: Expectation, ticket: LiveTicket) -> Live | None:
    if _differs(expect.object, ticket.object):
        return Live.OTHER_OBJECT
    return Live.OTHER_WORKFLOW if _differs(expect.workflow, ticket.workflow) else None


def _differs(expected: str | None, there: str) -> bool:
    return expected is not None and expected != there and dn_key(expected) != dn_key(there)


def is_early(last: LastWrite, now: datetime) -> bool:
    """Whether a ticket that is gone was so before the approval that we scheduled could begin.

    The first time at which it was seen to be gone decides, which is now when the ledger has none.
    """
    schedule = last.after.schedule
    return schedule is not None and schedule.start > (last.gone_at or now) + CLOCKS_DIFFER


def _was_gone(history: TicketHistory) -> bool:
    """Whether the ledger has proof that the ticket was gone. GUIDs are never used again, so it can't come back."""
    return history.last is not None and history.last.gone and history.last.proof is not Proof.INFERRED


def is_foreign(ticket: LiveTicket, history: TicketHistory) -> bool:
    """Whether a ticket carries a tag of an operation that the ledger does not know: its own, or another ledger's."""
    return not tagged_operations(ticket.explanation, ticket.reason) <= history.operations


def may_take_effect_until(unproven: OpenIntent, patience: timedelta) -> datetime:
    """Return until when an update without an answer may still take effect."""
    return unproven.since + patience


def _unproven(
    unproven: OpenIntent, trace: Trace | None, live: Live, now: datetime, patience: timedelta, review: _Review
) -> Live:
    """Place a ticket for which an update was sent that nothing proves. Once it is overdue, a reviewer decides."""
    overdue = now >= may_take_effect_until(unproven, patience)
    if overdue and review is _Review.AS_SEEN and live is not Live.WANTED:
        return Live.AS_SEEN
    if trace is Trace.UNCHANGED:
        return live if overdue else Live.LOST
    return live if live is Live.WANTED else Live.UNCLEAR


def _against(state: State, wanted: State, last: LastWrite | None, now: datetime) -> Live:
    """Place a live state that can be read. The order matters: what is wanted wins over who did it."""
    if state == wanted or (last is not None and last.after == wanted and shows(state, wanted)):
        return Live.WANTED
    if state.status == wanted.status and state.schedule is None and (last is None or last.after.status == state.status):
        return Live.UNREPORTED
    if last is not None:
        if state.status == Status.APPROVED and _is_due(last.after, now):
            return Live.PROCESSING
        if _unmoved(state, last):
            return Live.UNMOVED
    return Live.PENDING if state.status == Status.PENDING else Live.MOVED


def _is_due(state: State, now: datetime) -> bool:
    """Whether TPP is carrying an approval out by now, after which it can't be taken back."""
    if state.status == Status.APPROVED:
        return True
    return state.schedule is not None and state.schedule.start <= now and not is_window_over(state, now)


def _unmoved(state: State, last: LastWrite) -> bool:
    if shows(state, last.after) or (state == last.seen and is_plainly_approved(last.after, state)):
        return True
    if last.outcome is Outcome.AWAITING_OTHERS and state.status == Status.PENDING:
        return True
    return state.status == last.after.status and state.schedule is None


def _ours(wanted: State, last: LastWrite | None, live: Live, now: datetime) -> Ours:
    if last is None or (live in _GONE and last.after.status == Status.PENDING):
        return Ours.NOTHING
    same = last.after == wanted
    if last.proof is Proof.INFERRED:
        return Ours.INFERRED_SAME if same else Ours.INFERRED_OTHER
    if last.outcome is Outcome.AWAITING_OTHERS:
        return Ours.AWAITING_SAME if same else Ours.AWAITING_OTHER
    if not same and is_window_over(last.after, now):
        return Ours.LAPSED_OTHER
    return Ours.SAME if same else Ours.OTHER


def _clock(decision: Decision, wanted: State, now: datetime) -> Timing:
    if is_window_over(wanted, now):
        return Timing.WINDOW_OVER
    return Timing.EXPIRED if decision.valid_until is not None and decision.valid_until <= now else Timing.OPEN


def is_window_over(state: State, now: datetime) -> bool:
    """Whether a state is a window that has ended."""
    return state.schedule is not None and state.schedule.stop is not None and state.schedule.stop <= now


def _known_from(ticket: LiveTicket | None, last: LastWrite | None) -> str:
    if ticket is None or last is None or last.after.schedule is None or ticket.state.schedule is not None:
        return "server"
    return "ledger" if ticket.state.status == last.after.status else "server"
