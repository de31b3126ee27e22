"""The lines of the ledger, and what a planner remembers from them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, assert_never

from msgspec import Struct, field

from reconciler.model.change_record import SeenChange
from reconciler.model.decision import NOWHERE, OfDecision, OverrideUse, Seal, Source
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.review import Provenance, Review
from reconciler.model.status import State, format_instant
from reconciler.model.ticket import Guid
from reconciler.model.value import Count
from reconciler.model.value import Head as Head

LedgerVersion = Literal[1, 2]
"""The versions of the ledger's format that are read; the newest one is written.

1 has `opened`, `intent`, `receipt`, `closed`, `sealed` and `ended`, 2 every other kind of `Entry` besides. A kind that
comes after a release of version 2 makes a version 3.
"""


class Opened(Struct, frozen=True):
    """The first line of a run's file: what is applied, under which rules, and the heads of all files that were there.

    `config` is the SHA-256 of the bytes of the configuration, `config_commit` the commit that brought it as it is and
    `config_review` who decided on that. `plan` and `reviewed` are the SHA-256 of the plan that was applied and of those
    that the reviewers saw; these files are kept beside the runs. `reviewed_to` is the commit up to which every commit
    of the branch had its reviews, None when not all had.
    """

    at: datetime
    digest: str
    heads: tuple[Head, ...] = ()
    shard: str | None = None
    overrides: tuple[str, ...] = ()
    part: str | None = None
    version: LedgerVersion = 2
    config: str | None = None
    config_commit: str | None = None
    config_review: Review | None = None
    plan: str | None = None
    reviewed: tuple[str, ...] = ()
    reviewed_to: str | None = None


class Intent(OfDecision, frozen=True):
    """Written and synced before a request leaves: what we are about to ask of one ticket.

    `explanation` is the text as it is sent, `updated` the ticket's Updated time before the write, `created` when TPP
    made the ticket (None when the server did not tell), `attempt` counts from 1. Attempt 0 is what a run may send, as
    its plan has it: it stands there before the first update, so that a later run knows where to look.
    """

    at: datetime
    operation: str
    before: State
    object: str = ""
    workflow: str = ""
    updated: datetime | None = None
    explanation: str | None = None
    attempt: Count = 1
    created: datetime | None = None
    change_record: SeenChange | None = None
    overrides: tuple[OverrideUse, ...] = ()


class ClosedEntry(Struct, frozen=True):
    """A ticket that we decided earlier was read and is gone: it need never be read again."""

    at: datetime
    guid: Guid
    digest: str = field(name="decision")


class AcceptedEntry(OfDecision, frozen=True):
    """Git and TPP agree again: a ticket is as its manifest wants it, though somebody else brought it there.

    `before` is the state on which they agreed last, None when there was none; `by` who brought it there, where the
    server tells it. Nothing was sent.
    """

    at: datetime
    before: State | None = None
    object: str = ""
    workflow: str = ""
    by: str | None = None


class AttestedEntry(OfDecision, frozen=True):
    """A manifest says who decided a ticket outside, and the ticket is as it says, or `gone`. Nothing was sent."""

    at: datetime
    gone: bool = False
    object: str = ""
    workflow: str = ""


class ObservedEntry(Struct, frozen=True):
    """A ticket that was scheduled was found gone: TPP carried it out, or somebody ended it, between the two times.

    `last_armed` is when the ledger last read it as scheduled, None when it never did; `first_gone` is when it was first
    seen to be gone, which lies before its start when TPP can't have carried it out.
    """

    at: datetime
    guid: Guid
    digest: str = field(name="decision")
    first_gone: datetime
    last_armed: datetime | None = None


class Episode(StrEnum):
    """Whether something that asks for attention begins or ends."""

    BEGIN = "begin"
    END = "end"


EMERGENCY = "manual/emergency"
"""The reason of the entry that says who decided a ticket in an emergency."""
TAKEN_OVER, ADOPTED, DECIDED_OUTSIDE = "manual/lock-taken-over", "manual/adopted", "manual/attested"
"""The reasons of the entries about the lock of a dead run, `ledger adopt`, and `decided` in a manifest."""


class AttentionEntry(Struct, frozen=True):
    """Something that a decision or a run asked of a human: written when it first appears, and when it ends.

    `reason` is the reason code of a plan, `override/<rule>` for an exemption that was used, or `manual/<step>` for
    something that somebody did by hand. `guid` and `digest` are None when it is about the run as a whole.
    """

    at: datetime
    reason: str
    state: Episode
    guid: Guid | None = None
    digest: str | None = field(name="decision", default=None)
    object: str = ""
    workflow: str = ""
    change: str | None = None
    source: Source = NOWHERE
    detail: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two of them the same: the ticket, the decision, and the reason."""
        return self.guid or "", self.digest or "", self.reason


class Sealed(Struct, frozen=True):
    """A manifest that has nothing left to decide: as long as its text is the same, it need never be read again."""

    at: datetime
    seal: Seal


class Ended(Struct, frozen=True):
    """The last line of a run that ended in order: its counts, and why it stopped early, if it did."""

    at: datetime
    counts: Mapping[Outcome, int]
    stopped: str | None = None


Entry = (
    Opened
    | Intent
    | Receipt
    | ClosedEntry
    | AcceptedEntry
    | AttestedEntry
    | ObservedEntry
    | AttentionEntry
    | Sealed
    | Ended
)


def guid_of(entry: Entry) -> Guid | None:
    """The ticket that an entry is about, None for one about a run or a manifest."""
    return None if isinstance(entry, Opened | Sealed | Ended) else entry.guid


class Written(Struct, frozen=True):
    """What one line of a ledger file says, as far as its text alone tells. `number` counts the lines from 1."""

    entry: Entry
    number: int = field(name="line")
    run: str
    provenance: Provenance
    previous: str


class Line(Struct, frozen=True):
    """One line of a ledger file as it was read back: entry, run, provenance, place and chain hashes."""

    entry: Entry
    run: str
    provenance: Provenance
    source: Source
    previous: str
    hash: str


class LastWrite(OfDecision, frozen=True):
    """The last thing that we did to a ticket and that took effect (applied or awaiting others).

    `gone` is True once the ticket was seen to be gone afterwards, `seen` is the state that was read after the
    write (None when it was not read or was gone). `provenance` says who applied it, None while no receipt does.
    `accepted` says that somebody else did it, and that a manifest wanted the same; `attested` that a manifest says who
    decided it outside. `gone_at` is when it was first seen to be gone, `armed_at` when it was last read as scheduled.
    """

    outcome: Outcome
    proof: Proof
    at: datetime
    run: str
    operation: str | None
    provenance: Provenance | None = None
    gone: bool = False
    seen: State | None = None
    accepted: bool = False
    attested: bool = False
    gone_at: datetime | None = None
    armed_at: datetime | None = None
    object: str = ""
    workflow: str = ""

    @property
    def review(self) -> Review | None:
        """Who decided on it."""
        return self.provenance.review if self.provenance is not None else None

    @property
    def identity(self) -> str | None:
        """Who applied it."""
        return self.provenance.identity if self.provenance is not None else None


class OpenIntent(Struct, frozen=True):
    """An intent without a receipt that settles it: a dead run, or an outcome that is still unknown.

    `lost_at` is when the run gave up waiting for an answer, None when it died before.
    """

    intent: Intent
    run: str
    lost_at: datetime | None = None

    @property
    def since(self) -> datetime:
        """From when on the update may take effect unseen."""
        return self.intent.at if self.lost_at is None else max(self.lost_at, self.intent.at)


class TicketHistory(Struct, frozen=True):
    """What the ledger knows of one ticket. `operations` are all those that it has ever intended for it."""

    last: LastWrite | None = None
    open: OpenIntent | None = None
    operations: frozenset[str] = frozenset()


NO_HISTORY = TicketHistory()


OPEN, SUPERSEDED, CLOSED, ACCEPTED = "open", "superseded", "closed", "accepted"
ATTESTED, OBSERVED = "attested", "observed"
ATTENTION, ATTENTION_ENDED = "attention", "attention-ended"
RECORD_OUTCOMES = (
    *(outcome.value for outcome in Outcome),
    OPEN,
    SUPERSEDED,
    CLOSED,
    ACCEPTED,
    ATTESTED,
    OBSERVED,
    ATTENTION,
    ATTENTION_ENDED,
)
"""What a record can end in: the outcomes of receipts, an intent without one, the ticket seen to be gone, agreement,
the beginning and the end of something that asks for attention."""


class Record(Struct, frozen=True):
    """A receipt with the intent before it, an intent that no receipt followed, what was found, an exception.

    `line` is the line of the ledger that says so. `intent` is None when nothing was about to be sent.
    `superseded` tells of an intent without a receipt that a later run tried again. `decided` is the line that knows who
    decided: that of the intent, for what a later run wrote down about it.
    """

    line: Line
    entry: Receipt | Intent | ClosedEntry | AcceptedEntry | AttestedEntry | ObservedEntry | AttentionEntry
    intent: Intent | None = None
    superseded: bool = False
    decided: Line | None = None

    @property
    def review(self) -> Review | None:
        """Who decided, of this very decision; None when the ledger does not know."""
        return (self.decided or self.line).provenance.review

    @property
    def overrides(self) -> tuple[OverrideUse, ...]:
        """The exemptions that this decision needed to be sent."""
        return self.intent.overrides if self.intent else ()

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.entry.at

    @property
    def guid(self) -> Guid:
        """The ticket; empty when the record is about a run."""
        return self.entry.guid or Guid("")

    @property
    def outcome(self) -> str:
        """One of RECORD_OUTCOMES."""
        match self.entry:
            case Receipt(outcome=outcome):
                return outcome.value
            case Intent():
                return SUPERSEDED if self.superseded else OPEN
            case ClosedEntry():
                return CLOSED
            case AcceptedEntry():
                return ACCEPTED
            case AttestedEntry():
                return ATTESTED
            case ObservedEntry():
                return OBSERVED
            case AttentionEntry(state=state):
                return ATTENTION if state is Episode.BEGIN else ATTENTION_ENDED
            case _:
                assert_never(self.entry)

    @property
    def before(self) -> State | None:
        """The state before the write, None when it was not read."""
        return self.entry.before if isinstance(self.entry, Receipt | Intent | AcceptedEntry) else None

    @property
    def after(self) -> State | None:
        """The wanted state, None for a closing."""
        return None if isinstance(self.entry, ClosedEntry | ObservedEntry | AttentionEntry) else self.entry.after

    @property
    def object(self) -> str:
        """The DN of the stopped object; empty when it is not known."""
        return next((entry.object for entry in self._entries if entry.object), "")

    @property
    def workflow(self) -> str:
        """The DN of the workflow object; empty when it is not known."""
        return next((entry.workflow for entry in self._entries if entry.workflow), "")

    @property
    def change(self) -> str | None:
        """The change record of the decision."""
        return next((entry.change for entry in self._entries if entry.change), None)

    @property
    def digest(self) -> str:
        """The digest of what was wanted; empty when the record is about a run."""
        return self.entry.digest or ""

    @property
    def detail(self) -> str:
        """What was said of it besides; empty when nothing was."""
        return self.entry.detail if isinstance(self.entry, Receipt | AttentionEntry) else ""

    @property
    def reason(self) -> str:
        """What asks for attention, as a reason code; empty for anything else."""
        return self.entry.reason if isinstance(self.entry, AttentionEntry) else ""

    @property
    def source(self) -> Source:
        """Where the decision stood."""
        return next((entry.source for entry in self._entries if entry.source), NOWHERE)

    @property
    def _entries(self) -> Iterator[Receipt | Intent | AcceptedEntry | AttestedEntry | AttentionEntry]:
        """What says something of the decision, the record's own line first."""
        if not isinstance(self.entry, ClosedEntry | ObservedEntry):
            yield self.entry
        if self.intent is not None:
            yield self.intent


class Absent(Struct, frozen=True):
    """Something that belongs into the pack and is not there: its name, and why."""

    what: str
    why: str


class Audit(Struct, frozen=True):
    """The content of an audit pack.

    `asked` says in words and values what was chosen; `head` is the hash over `heads`, the state of the whole ledger;
    `files` are the ledger files that lead from the records to the heads. `records` may be read anew each time that
    they are gone through; `outcomes` counts them, and `runs` has where each run with a record comes from. `chosen` is
    the filter, to be read back, and `prefix` the folder of the repository from which the paths of manifests count.
    """

    asked: tuple[tuple[str, str], ...]
    head: str
    heads: tuple[Head, ...]
    files: tuple[str, ...]
    records: Iterable[Record]
    outcomes: Mapping[str, int] = {}
    runs: Mapping[str, Provenance] = {}
    absent: tuple[Absent, ...] = ()
    chosen: Mapping[str, tuple[str, ...]] = {}
    prefix: str = ""


class StopNotice(Struct, frozen=True):
    """Who stopped all writes, when and why."""

    by: str
    at: datetime | None
    why: str
    version: int = 1

    def __str__(self) -> str:
        """Return it in one clause."""
        at = f" at {format_instant(self.at)}" if self.at else ""
        return f"{self.by} stopped all writes{at}: {self.why}"


class LockOwner(Struct, frozen=True):
    """Who holds a lock: process, host, user, run, since when, and where the run can be watched."""

    pid: int
    host: str
    user: str
    run: str
    since: datetime
    url: str | None = None
    version: int = 1

    def described(self, now: datetime) -> str:
        """Name the owner and the age of the lock for a person."""
        where = f", {self.url}" if self.url else ""
        since = f"since {format_instant(self.since)} ({_age(now - self.since)})"
        return f"run {self.run}, process {self.pid} of {self.user} on {self.host}, {since}{where}"


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return f"{seconds} second{'' if seconds == 1 else 's'} ago"
