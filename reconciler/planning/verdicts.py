"""The truth table: what is wanted, what we did, and what is there, to one reason code.

Read it from the top; the first row that fits is the answer. `ANY` fits everything. A row that ends in
CHANGE leaves the kind of change to `_kind_of_change`.
"""

from functools import cache
from typing import NamedTuple

from reconciler.model.status import State, Status
from reconciler.model.verdict import Reason as Is
from reconciler.planning.facts import Facts, Live, Ours, Timing, Wish

ANY = None
CHANGE = None


class Row(NamedTuple):
    """One row: facts that fit, and the reason that follows (CHANGE: a write)."""

    live: Live | None
    ours: Ours | None
    wish: Wish | None
    clock: Timing | None
    reason: Is | None


_SAME = Ours.SAME | Ours.INFERRED_SAME
_ANY_SAME = _SAME | Ours.AWAITING_SAME
_AWAITING = Ours.AWAITING_SAME | Ours.AWAITING_OTHER
_OTHER = Ours.OTHER | Ours.INFERRED_OTHER
_DONE = Ours.SAME | Ours.AWAITING_SAME
_AT_REST = Live.PENDING | Live.UNMOVED
_OVER = Timing.WINDOW_OVER
_GONE = Live.GONE | Live.GONE_EARLY
_PENDING = Wish.LEAVE | Wish.TAKE_BACK

TABLE: tuple[Row, ...] = (
    # the live ticket         what we did last      wish        clock          reason
    Row(Live.UNREAD,          ANY,                  ANY,        ANY,           Is.ERROR_UNREADABLE),
    Row(Live.AWAY,            ANY,                  ANY,        ANY,           Is.ERROR_UNAVAILABLE),
    Row(Live.HIDDEN,          ANY,                  ANY,        ANY,           Is.INVISIBLE_DENIED),
    # It is gone: only the ledger can tell "done" from "typo", but for what was decided outside.
    Row(_GONE,                ANY,                  Wish.ATTEST, ANY,          Is.SETTLED_ATTESTED),
    Row(Live.GONE_EARLY,      ANY,                  ANY,        ANY,           Is.CONFLICT_GONE_EARLY),
    Row(Live.GONE,            _DONE,                ANY,        ANY,           Is.SETTLED_RECEIPT),
    Row(Live.GONE,            Ours.INFERRED_SAME,   ANY,        ANY,           Is.SETTLED_INFERRED),
    Row(Live.GONE,            Ours.NOTHING,         Wish.LEAVE, ANY,           Is.ELSEWHERE_CLOSED),
    Row(Live.GONE,            Ours.NOTHING,         ANY,        ANY,           Is.MISSING_TICKET),
    Row(Live.GONE,            ANY,                  ANY,        ANY,           Is.CONFLICT_TOO_LATE),
    # It is there, but it is not what the reviewer saw, or nobody can say what it is.
    Row(Live.OTHER_OBJECT,    ANY,                  ANY,        ANY,           Is.MISMATCH_OBJECT),
    Row(Live.OTHER_WORKFLOW,  ANY,                  ANY,        ANY,           Is.MISMATCH_WORKFLOW),
    Row(Live.ODD,             ANY,                  ANY,        ANY,           Is.CONFLICT_UNKNOWN_STATUS),
    Row(Live.RESTORED,        ANY,                  ANY,        ANY,           Is.CONFLICT_RESTORED),
    Row(Live.FOREIGN,         ANY,                  ANY,        ANY,           Is.CONFLICT_UNKNOWN_OPERATION),
    Row(Live.LOST,            ANY,                  ANY,        ANY,           Is.UNCLEAR_LOST_ANSWER),
    Row(Live.UNCLEAR,         ANY,                  ANY,        ANY,           Is.CONFLICT_OPEN_INTENT),
    Row(Live.OTHER_STATUS,    ANY,                  ANY,        ANY,           Is.MISMATCH_STATUS),
    # It is as wanted.
    Row(Live.WANTED,          ANY,                  Wish.ATTEST, _OVER,        Is.CONFLICT_NOT_DECIDED),
    Row(Live.WANTED,          _ANY_SAME,            ANY,        _OVER,         Is.MISSED_WINDOW),
    Row(Live.WANTED,          ANY,                  ANY,        _OVER,         Is.EXPIRED_WINDOW),
    Row(Live.WANTED,          _AWAITING,            _PENDING,   ANY,           Is.CONFLICT_COUNTED),
    Row(Live.WANTED,          _ANY_SAME,            ANY,        ANY,           Is.IN_SYNC_SAME),
    Row(Live.WANTED,          Ours.NOTHING,         Wish.LEAVE, ANY,           Is.IN_SYNC_SAME),
    Row(Live.WANTED,          ANY,                  ANY,        ANY,           Is.IN_SYNC_ACCEPTED),
    # It has the wanted status, and the server does not tell its times.
    Row(Live.UNREPORTED,      _ANY_SAME,            ANY,        _OVER,         Is.MISSED_WINDOW),
    Row(Live.UNREPORTED,      _ANY_SAME,            ANY,        ANY,           Is.IN_SYNC_LEDGER),
    Row(Live.UNREPORTED,      Ours.NOTHING,         ANY,        ANY,           Is.CONFLICT_SCHEDULE_UNKNOWN),
    # It was decided outside, says the manifest, and it was not.
    Row(ANY,                  ANY,                  Wish.ATTEST, ANY,          Is.CONFLICT_NOT_DECIDED),
    # We approved it, and TPP is carrying it out.
    Row(Live.PROCESSING,      _ANY_SAME,            ANY,        ANY,           Is.IN_SYNC_PROCESSING),
    Row(Live.PROCESSING,      ANY,                  ANY,        ANY,           Is.CONFLICT_TOO_LATE),
    # What we did last is what is wanted, and it has not shown yet.
    Row(_AT_REST,             _ANY_SAME,            ANY,        _OVER,         Is.MISSED_WINDOW),
    Row(Live.UNMOVED,         Ours.AWAITING_SAME,   ANY,        ANY,           Is.AWAITING_OTHERS),
    Row(Live.UNMOVED,         _SAME,                ANY,        ANY,           Is.IN_SYNC_LEDGER),
    # Somebody else decided.
    Row(Live.MOVED,           Ours.NOTHING,         Wish.LEAVE, ANY,           Is.ELSEWHERE_DECIDED),
    Row(Live.MOVED,           ANY,                  ANY,        ANY,           Is.CONFLICT_CONSOLE),
    Row(Live.PENDING,         _ANY_SAME | _OTHER,   ANY,        ANY,           Is.CONFLICT_REOPENED),
    # Nobody but us or TPP moved it: it may be changed, if there is still time.
    Row(ANY,                  ANY,                  ANY,        _OVER,         Is.EXPIRED_WINDOW),
    Row(ANY,                  ANY,                  ANY,        Timing.EXPIRED, Is.EXPIRED_VALID_UNTIL),
    Row(ANY,                  ANY,                  ANY,        ANY,           CHANGE),
)  # fmt: skip


def decide(facts: Facts) -> Is:
    """Return the reason code of the first row that fits."""
    return _reason(facts.live, facts.ours, facts.wish, facts.clock) or _kind_of_change(facts)


@cache  # a few hundred combinations at the most, for any number of tickets
def _reason(live: Live, ours: Ours, wish: Wish, clock: Timing) -> Is | None:
    return next(row.reason for row in TABLE if _fits(row, live, ours, wish, clock))


def _fits(row: Row, live: Live, ours: Ours, wish: Wish, clock: Timing) -> bool:
    return (
        (row.live is None or live in row.live)
        and (row.ours is None or ours in row.ours)
        and (row.wish is None or wish in row.wish)
        and (row.clock is None or clock in row.clock)
    )


def _kind_of_change(facts: Facts) -> Is:
    match facts.wanted.status:
        case Status.PENDING:
            return Is.REOPEN_WANTED
        case Status.APPROVED:
            return Is.APPROVE_WANTED
        case Status.REJECTED:
            return Is.REJECT_WANTED
        case _:
            return _kind_of_schedule(facts)


def _kind_of_schedule(facts: Facts) -> Is:
    if facts.ours is Ours.LAPSED_OTHER:
        return Is.SCHEDULE_AFTER_MISSED
    scheduled = facts.ticket is not None and is_scheduled(facts.ticket.state)
    known = facts.last is not None and is_scheduled(facts.last.after) and facts.live is not Live.AS_SEEN
    return Is.RESCHEDULE_WANTED if scheduled or known else Is.SCHEDULE_WANTED


def is_scheduled(state: State) -> bool:
    """Whether a state is one of the two scheduled ones."""
    return state.status in (Status.APPROVED_AFTER, Status.APPROVED_BETWEEN)
