"""The history that a ledger tells: one record for everything that was done to a ticket, or tried."""

from datetime import datetime
from typing import assert_never

from msgspec import Struct

from reconciler.model.decision import Source
from reconciler.model.guid import Guid
from reconciler.model.receipt import Outcome
from reconciler.model.record import AcceptedEntry, ClosedEntry, Intent, Line, ReceiptEntry
from reconciler.model.status import State

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
