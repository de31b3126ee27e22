"""The lines of the ledger, and what a planner remembers from them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, assert_never

from msgspec import Struct, field

from reconciler.model.change_record import SeenChange
from reconciler.model.decision import Parameters, Seal, Source, WindowUse
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.review import Provenance
from reconciler.model.status import State
from reconciler.model.ticket import Guid
from reconciler.model.value import Count


class Head(Struct, frozen=True):
    """The last line of a ledger file: its path below the ledger, the hash of that line, and its number."""

    path: str
    hash: str
    lines: Count


LedgerVersion = Literal[1, 2]
"""The versions of the ledger's format that are read; the newest one is written.

1 has `opened`, `intent`, `receipt`, `closed`, `sealed` and `ended`, 2 every other kind of `Entry` besides. A kind that
comes after a release of version 2 makes a version 3.
"""


class Opened(Struct, frozen=True):
    """The first line of a run's file: what is applied, and the heads of all files that were there."""

    at: datetime
    digest: str
    heads: tuple[Head, ...] = ()
    shard: str | None = None
    overrides: tuple[str, ...] = ()
    version: LedgerVersion = 2


class Intent(Struct, frozen=True):
    """Written and synced before a request leaves: what we are about to ask of one ticket.

    `decision` is the digest of what is wanted, `updated` the ticket's Updated time before the write, `created`
    when TPP made the ticket (None when the server did not tell), `attempt` counts from 1.
    """

    at: datetime
    operation: str
    guid: Guid
    decision: str
    before: State
    after: State
    object: str = ""
    workflow: str = ""
    updated: datetime | None = None
    change: str | None = None
    explanation: str | None = None
    window: WindowUse | None = None
    source: Source | None = None
    attempt: Count = 1
    created: datetime | None = None
    parameters: Parameters = Parameters()
    change_record: SeenChange | None = None


class ReceiptEntry(Struct, frozen=True):
    """The receipt of one step, with what the memory needs to know of the decision behind it."""

    receipt: Receipt
    decision: str
    change: str | None = None
    window: WindowUse | None = None


class ClosedEntry(Struct, frozen=True):
    """A ticket that we decided earlier was read and is gone: it need never be read again."""

    at: datetime
    guid: Guid
    decision: str


class AcceptedEntry(Struct, frozen=True):
    """Git and TPP agree again: a ticket is as its manifest wants it, though somebody else brought it there.

    `before` is the state on which they agreed last, None when there was none. Nothing was sent.
    """

    at: datetime
    guid: Guid
    decision: str
    after: State
    before: State | None = None
    object: str = ""
    workflow: str = ""
    change: str | None = None
    source: Source | None = None


class Sealed(Struct, frozen=True):
    """A manifest that has nothing left to decide: as long as its text is the same, it need never be read again."""

    at: datetime
    seal: Seal


class Ended(Struct, frozen=True):
    """The last line of a run that ended in order: its counts, and why it stopped early, if it did."""

    at: datetime
    counts: Mapping[Outcome, int]
    stopped: str | None = None


Entry = Opened | Intent | ReceiptEntry | ClosedEntry | AcceptedEntry | Sealed | Ended


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


class LastWrite(Struct, frozen=True):
    """The last thing that we did to a ticket and that took effect (applied or awaiting others).

    `gone` is True once the ticket was seen to be gone afterwards, `seen` is the state that was read after the
    write (None when it was not read or was gone). `identity` is who applied it. `accepted` says that somebody else
    did it, and that a manifest wanted the same.
    """

    after: State
    outcome: Outcome
    proof: Proof
    at: datetime
    run: str
    operation: str | None
    decision: str
    gone: bool = False
    seen: State | None = None
    window: WindowUse | None = None
    identity: str | None = None
    commit: str | None = None
    pull_request: int | None = None
    accepted: bool = False


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
RECORD_OUTCOMES = (*(outcome.value for outcome in Outcome), OPEN, SUPERSEDED, CLOSED, ACCEPTED)
"""What a record can end in: the outcomes of receipts, an intent without one, the ticket seen to be gone, agreement."""


class Record(Struct, frozen=True):
    """A receipt with the intent before it, an intent that no receipt followed, a closing, or an acceptance.

    `line` is the line of the ledger that says so. `intent` is None when nothing was about to be sent.
    `superseded` tells of an intent without a receipt that a later run tried again.
    """

    line: Line
    entry: ReceiptEntry | Intent | ClosedEntry | AcceptedEntry
    intent: Intent | None = None
    superseded: bool = False

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.entry.receipt.at if isinstance(self.entry, ReceiptEntry) else self.entry.at

    @property
    def guid(self) -> Guid:
        """The ticket."""
        return self.entry.receipt.guid if isinstance(self.entry, ReceiptEntry) else self.entry.guid

    @property
    def outcome(self) -> str:
        """One of RECORD_OUTCOMES."""
        match self.entry:
            case ReceiptEntry(receipt=receipt):
                return receipt.outcome.value
            case Intent():
                return SUPERSEDED if self.superseded else OPEN
            case ClosedEntry():
                return CLOSED
            case AcceptedEntry():
                return ACCEPTED
            case _:
                assert_never(self.entry)

    @property
    def before(self) -> State | None:
        """The state before the write, None when it was not read."""
        match self.entry:
            case ReceiptEntry(receipt=receipt):
                return receipt.before
            case Intent(before=before) | AcceptedEntry(before=before):
                return before
            case ClosedEntry():
                return None
            case _:
                assert_never(self.entry)

    @property
    def after(self) -> State | None:
        """The wanted state, None for a closing."""
        match self.entry:
            case ReceiptEntry(receipt=receipt):
                return receipt.after
            case Intent(after=after) | AcceptedEntry(after=after):
                return after
            case ClosedEntry():
                return None
            case _:
                assert_never(self.entry)

    @property
    def _asked(self) -> Intent | AcceptedEntry | None:
        return self.entry if isinstance(self.entry, AcceptedEntry) else self.intent

    @property
    def object(self) -> str:
        """The DN of the stopped object; empty when it is not known."""
        asked = self._asked.object if self._asked else ""
        return (self.entry.receipt.object or asked) if isinstance(self.entry, ReceiptEntry) else asked

    @property
    def workflow(self) -> str:
        """The DN of the workflow object; empty when it is not known."""
        asked = self._asked.workflow if self._asked else ""
        return (self.entry.receipt.workflow or asked) if isinstance(self.entry, ReceiptEntry) else asked

    @property
    def change(self) -> str | None:
        """The change record of the decision."""
        asked = self._asked.change if self._asked else None
        return (self.entry.change or asked) if isinstance(self.entry, ReceiptEntry) else asked

    @property
    def decision(self) -> str:
        """The digest of what was wanted."""
        return self.entry.decision

    @property
    def source(self) -> Source | None:
        """Where the decision stood."""
        asked = self._asked.source if self._asked else None
        return (self.entry.receipt.source or asked) if isinstance(self.entry, ReceiptEntry) else asked


class Absent(Struct, frozen=True):
    """Something that belongs into the pack and is not there: its name, and why."""

    what: str
    why: str


class Audit(Struct, frozen=True):
    """The content of an audit pack.

    `asked` says in words and values what was chosen; `head` is the hash over `heads`, the state of the whole ledger;
    `files` are the ledger files that lead from the records to the heads.
    """

    asked: tuple[tuple[str, str], ...]
    head: str
    heads: tuple[Head, ...]
    files: tuple[str, ...]
    records: tuple[Record, ...]
    absent: tuple[Absent, ...] = ()
