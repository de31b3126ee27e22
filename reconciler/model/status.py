"""What a ticket's status can be, as wanted by a manifest (closed set) and as seen live (any text)."""

from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from msgspec import Struct, structs

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def as_utc(moment: datetime) -> datetime:
    """Return the same instant in UTC. Raises ValueError for a datetime without an offset."""
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is no time in UTC") from None


def format_instant(moment: datetime) -> str:
    """Spell an instant canonically: ISO 8601, UTC, "Z", fractions only when there are any."""
    return as_utc(moment).isoformat().removesuffix("+00:00") + "Z"


def parse_instant(text: str) -> datetime:
    """Read ISO 8601 text that carries an offset. Raises ValueError for anything else."""
    return as_utc(datetime.fromisoformat(text))


def require_utc(*moments: datetime | None) -> None:
    """Refuse instants that are not in UTC, which is how all are written down. Raises ValueError."""
    for moment in moments:
        if moment is not None and moment.tzinfo is not UTC:
            raise ValueError(f"{moment.isoformat()} is not a time in UTC, with a Z")


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Return the same instant in a zone; in UTC where the calendar, which ends with the year 9999, has no such day."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Return a moment moved by some time, or the first or last one of the calendar."""
    try:
        return moment + by
    except OverflowError:
        edge = _FIRST if by < timedelta(0) else _LAST
        return edge.replace(tzinfo=moment.tzinfo)


class Status(StrEnum):
    """The five statuses of Workflow/Ticket/UpdateStatus, spelled as TPP spells them."""

    PENDING = "Pending"
    APPROVED = "Approved"
    APPROVED_AFTER = "Approved After"
    APPROVED_BETWEEN = "Approved Between"
    REJECTED = "Rejected"


class Schedule(Struct, frozen=True):
    """When a scheduled approval may run: from `start`, until `stop` when there is one (UTC instants)."""

    start: datetime
    stop: datetime | None = None


class State(Struct, frozen=True, omit_defaults=True):
    """A status with its times (UTC). `status` is plain text because a server may know more words than we do.

    Raises ValueError for an end without a beginning.
    """

    status: str
    start: datetime | None = None
    stop: datetime | None = None

    def __post_init__(self) -> None:
        """Bring the times into UTC, and refuse what no server can mean."""
        if self.start is not None and self.start.tzinfo is not UTC:
            structs.force_setattr(self, "start", as_utc(self.start))
        if self.stop is not None and self.stop.tzinfo is not UTC:
            structs.force_setattr(self, "stop", as_utc(self.stop))
        if self.start is None and self.stop is not None:
            raise ValueError('"stop" needs a "start"')

    @property
    def schedule(self) -> Schedule | None:
        """The times together, None when there are none."""
        return None if self.start is None else Schedule(self.start, self.stop)


def parse_wanted(state: State) -> State:
    """Return a state as one that can be wanted.

    Raises ValueError when the status is unknown or the times do not fit it: a scheduled status without them, a stop
    that is not after the start, or times with a status that takes none. A reference's example of `Approved After` has a
    stop; what the server does with that is not established.
    """
    if not _fits(state):
        raise ValueError(f"status {state.status!r} does not go with schedule {state.schedule!r}")
    return state


def is_sayable(state: State) -> bool:
    """Whether a manifest can want a state: its status is one of the five, with the times that it needs.

    What TPP tells in microseconds is none: times in manifests are in milliseconds.
    """
    exact = all(moment is None or moment.microsecond % 1000 == 0 for moment in (state.start, state.stop))
    return state.status in list(Status) and exact and _fits(state)


def _fits(state: State) -> bool:
    if state.status in (Status.PENDING, Status.APPROVED, Status.REJECTED):
        return state.start is None
    if state.start is None or (state.stop is not None and state.stop <= state.start):
        return False
    return state.status == Status.APPROVED_AFTER or (state.status == Status.APPROVED_BETWEEN and state.stop is not None)


def pending() -> State:
    """Leave the ticket to somebody else, or take a scheduled approval back."""
    return _PENDING


def approved() -> State:
    """Approve at once."""
    return _APPROVED


def approved_after(start: datetime, stop: datetime | None = None) -> State:
    """Approve from an instant on. Raises ValueError for a stop that is not after it."""
    return parse_wanted(State(Status.APPROVED_AFTER, start, stop))


def approved_between(start: datetime, stop: datetime) -> State:
    """Approve inside a window; a window that is missed is lost. Raises ValueError when it ends before it begins."""
    return parse_wanted(State(Status.APPROVED_BETWEEN, start, stop))


def rejected() -> State:
    """Reject."""
    return _REJECTED


_PENDING = parse_wanted(State(Status.PENDING))
_APPROVED = parse_wanted(State(Status.APPROVED))
_REJECTED = parse_wanted(State(Status.REJECTED))


def shows(live: State, wanted: State) -> bool:
    """Whether a live state is what sending `wanted` leads to.

    A server may drop the stop of `Approved After`, and an old one keeps whole seconds.
    """
    if live == wanted:
        return True
    if live.status != wanted.status or live.start is None or wanted.start is None:
        return False
    dropped = live.stop is None and wanted.status == Status.APPROVED_AFTER
    return live in _as_kept(State(wanted.status, wanted.start, None if dropped else wanted.stop))


def _as_kept(state: State) -> tuple[State, State]:
    start, stop = (moment and moment.replace(microsecond=0) for moment in (state.start, state.stop))
    return state, State(state.status, start, stop)


class Occurrence(Struct, frozen=True):
    """One time that a window is open (UTC), with a remark where clocks are changed at its edges or inside it.

    `stop` None means that it has no end.
    """

    start: datetime
    stop: datetime | None
    remark: str = ""


class WindowPreview(Struct, frozen=True):
    """A named window with what comes next of it. `rule` and `timezone` are empty for a window that happens once."""

    name: str
    occurrences: tuple[Occurrence, ...]
    rule: str = ""
    timezone: str = ""
