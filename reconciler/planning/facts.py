"""What is known of one ticket, put into the few words that the truth table is written in."""

from dataclasses import dataclass
from datetime import datetime
from enum import Flag, auto

from reconciler.model.decision import Decision, Expectation
from reconciler.model.receipt import Outcome, Proof, operation_tag
from reconciler.model.record import Remembered, Story
from reconciler.model.status import Pending, State, Status, state_of, wanted_from
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Reading, Unread


class Live(Flag):
    """How the live ticket stands to what is wanted and to what we did."""

    UNREAD = auto()
    """Could not be read."""
    HIDDEN = auto()
    """Is denied to us."""
    GONE = auto()
    """Is gone."""
    OTHER_OBJECT = auto()
    """Is on another object than expected."""
    OTHER_WORKFLOW = auto()
    """Comes from another workflow than expected."""
    ODD = auto()
    """Has a status that we do not know."""
    UNCLEAR = auto()
    """Is neither as before nor as wanted by an intent that has no receipt."""
    WANTED = auto()
    """Is as wanted."""
    UNREPORTED = auto()
    """Has the wanted status, without its times."""
    UNMOVED = auto()
    """Is as our last write left it."""
    PROCESSING = auto()
    """Was scheduled by us and is now being processed."""
    PENDING = auto()
    """Is pending."""
    MOVED = auto()
    """Was moved by somebody else."""


class Ours(Flag):
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


class Wish(Flag):
    """Whether the manifest decides anything."""

    LEAVE = auto()
    """Pending."""
    DECIDE = auto()
    """A decision."""


class Clock(Flag):
    """Whether the decision may still be made."""

    OPEN = auto()
    """In time."""
    WINDOW_OVER = auto()
    """Its window is over."""
    EXPIRED = auto()
    """Valid_until has passed."""


_SCHEDULED = (Status.APPROVED_AFTER, Status.APPROVED_BETWEEN)
_KNOWN = frozenset(str(status) for status in Status)


@dataclass(frozen=True, slots=True)
class Facts:
    """One row's worth of facts, and the values they were drawn from.

    `wanted` is the state to reach, with the times that an earlier run settled on for a recurring window.
    """

    live: Live
    ours: Ours
    wish: Wish
    clock: Clock
    wanted: State
    ticket: LiveTicket | None = None
    last: Remembered | None = None
    known_from: str = "server"


def gather(decision: Decision, reading: Reading, story: Story, now: datetime) -> Facts:
    """Draw the facts of one decision from what the server and the ledger say. Never raises."""
    last = _intended(story, reading) or story.last
    wanted = _pinned(decision, last)
    live, ticket = _live(decision, wanted, reading, story, last, now)
    return Facts(
        live=live,
        ours=_ours(wanted, last, live, now),
        wish=Wish.LEAVE if wanted == state_of(Pending()) else Wish.DECIDE,
        clock=_clock(decision, wanted, now),
        wanted=wanted,
        ticket=ticket,
        last=last,
        known_from=_known_from(ticket, last),
    )


def _pinned(decision: Decision, last: Remembered | None) -> State:
    """Keep the times that were applied for a recurring window: next week's plan must not move them."""
    wanted = state_of(decision.wanted)
    if last is None or decision.window is None or not decision.window.rule:
        return wanted
    same = last.window == decision.window and last.after.status == wanted.status
    return state_of(wanted_from(last.after)) if same else wanted


def _intended(story: Story, reading: Reading) -> Remembered | None:
    """Take an intent without a receipt for done when the ticket proves it: its status, our tag, or that it is gone."""
    if story.open is None:
        return None
    intent = story.open.intent
    match reading:
        case Gone():
            outcome, proof = Outcome.APPLIED, Proof.INFERRED
        case Found(ticket) if ticket.state == intent.after:
            outcome, proof = Outcome.APPLIED, Proof.OBSERVED
        case Found(ticket) if operation_tag(intent.operation) in ticket.explanation:
            outcome, proof = Outcome.AWAITING_OTHERS, Proof.TAGGED
        case _:
            return None
    return Remembered(
        after=intent.after,
        outcome=outcome,
        proof=proof,
        at=intent.at,
        run=story.open.run,
        operation=intent.operation,
        decision=intent.decision,
        window=intent.window,
    )


def _live(
    decision: Decision, wanted: State, reading: Reading, story: Story, last: Remembered | None, now: datetime
) -> tuple[Live, LiveTicket | None]:
    match reading:
        case Unread():
            return Live.UNREAD, None
        case Hidden():
            return Live.HIDDEN, None
        case Gone():
            return Live.GONE, None
        case Found(ticket):
            pass
    if (other := _unexpected(decision.expect, ticket)) is not None:
        return other, ticket
    if ticket.state.status not in _KNOWN:
        return Live.ODD, ticket
    if _unclear(story, ticket, last):
        return Live.UNCLEAR, ticket
    return _against(ticket.state, wanted, last, now), ticket


def _unexpected(expect: Expectation, ticket: LiveTicket) -> Live | None:
    if expect.object is not None and expect.object.casefold() != ticket.object.casefold():
        return Live.OTHER_OBJECT
    if expect.workflow is not None and expect.workflow.casefold() != ticket.workflow.casefold():
        return Live.OTHER_WORKFLOW
    return None


def _unclear(story: Story, ticket: LiveTicket, last: Remembered | None) -> bool:
    if story.open is None or (last is not None and last.operation == story.open.intent.operation):
        return False
    return ticket.state != story.open.intent.before


def _against(state: State, wanted: State, last: Remembered | None, now: datetime) -> Live:
    """Place a live state that can be read. The order matters: what is wanted wins over who did it."""
    if state == wanted:
        return Live.WANTED
    if state.status == wanted.status and state.schedule is None:
        return Live.UNREPORTED
    if last is not None:
        if _unmoved(state, last):
            return Live.UNMOVED
        schedule = last.after.schedule
        if state.status == Status.APPROVED and schedule is not None and schedule.start <= now:
            return Live.PROCESSING
    return Live.PENDING if state.status == Status.PENDING else Live.MOVED


def _unmoved(state: State, last: Remembered) -> bool:
    if state in (last.after, last.seen):
        return True
    if last.outcome is Outcome.AWAITING_OTHERS and state.status == Status.PENDING:
        return True
    return state.status == last.after.status and state.schedule is None


def _ours(wanted: State, last: Remembered | None, live: Live, now: datetime) -> Ours:
    if last is None or (live is Live.GONE and last.after.status == Status.PENDING):
        return Ours.NOTHING
    same = last.after == wanted
    if last.proof is Proof.INFERRED:
        return Ours.INFERRED_SAME if same else Ours.INFERRED_OTHER
    if last.outcome is Outcome.AWAITING_OTHERS:
        return Ours.AWAITING_SAME if same else Ours.AWAITING_OTHER
    if not same and _window_over(last.after, now):
        return Ours.LAPSED_OTHER
    return Ours.SAME if same else Ours.OTHER


def _clock(decision: Decision, wanted: State, now: datetime) -> Clock:
    if _window_over(wanted, now):
        return Clock.WINDOW_OVER
    return Clock.EXPIRED if decision.valid_until is not None and decision.valid_until <= now else Clock.OPEN


def _window_over(state: State, now: datetime) -> bool:
    return state.schedule is not None and state.schedule.stop is not None and state.schedule.stop <= now


def _known_from(ticket: LiveTicket | None, last: Remembered | None) -> str:
    unreported = ticket is not None and ticket.state.status in _SCHEDULED and ticket.state.schedule is None
    return "ledger" if unreported and last is not None and last.after.schedule is not None else "server"
