"""What happened to the steps of a plan: outcomes, their proofs, and the report of a run."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from reconciler.model.decision import NOWHERE, OfDecision, Source
from reconciler.model.review import ReviewedTickets
from reconciler.model.status import State
from reconciler.model.ticket import Guid
from reconciler.model.value import Head
from reconciler.model.verdict import Reason, Verdict


class Outcome(StrEnum):
    """What became of a step that was to be written."""

    APPLIED = "applied"
    AWAITING_OTHERS = "awaiting-others"
    STALE = "stale"
    REJECTED_BY_SERVER = "rejected-by-server"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_ATTEMPTED = "not-attempted"


TOOK_EFFECT = frozenset({Outcome.APPLIED, Outcome.AWAITING_OTHERS})
"""The outcomes after which the server has our decision."""


class Proof(StrEnum):
    """How an outcome is known."""

    CONFIRMED = "confirmed"
    """The server accepted the update and the ticket was read again with the wanted state."""
    ACCEPTED = "accepted"
    """The server accepted the update; then the ticket was gone, or its time of update had moved and others were due."""
    OBSERVED = "observed"
    """No usable answer came, and the ticket was read with the wanted state."""
    TAGGED = "tagged"
    """The ticket carries the tag of our operation."""
    INFERRED = "inferred"
    """No usable answer came, and the ticket was gone: somebody else may have ended it."""
    UNCHANGED = "unchanged"
    """The ticket was read again and nothing had changed."""
    NONE = "none"
    """Nothing proves it; the detail says what is known."""


_TAG = re.compile(r"\[op:([0-9a-f]{12})\]")


def operation_tag(operation: str) -> str:
    """Return the text that marks an operation in a ticket's explanation, such as [op:6a1f09c2d4e7]."""
    return f"[op:{operation}]"


def tagged_operations(*texts: str) -> frozenset[str]:
    """Return the operations whose tags stand in texts."""
    return frozenset(found for text in texts if "[op:" in text for found in _TAG.findall(text))


class Receipt(OfDecision, frozen=True):
    """What happened to one step. `at` is when it was known; of an update that is `unknown`, when its answer was lost.

    `before` is the state read just before the write, `seen` the state read after it (None when it was not read or the
    ticket is gone), `gone` whether the ticket was observed to be gone, `result` the server's Result code (websdk
    openapi, Result), `operation` the tag in the Explanation. A report of a run keeps less of it than the ledger:
    neither the decision's digest nor its change record and window.
    """

    outcome: Outcome
    at: datetime
    before: State | None = None
    seen: State | None = None
    gone: bool = False
    result: int | None = None
    operation: str | None = None
    proof: Proof = Proof.NONE
    detail: str = ""
    verdict: Verdict | None = None
    object: str = ""
    workflow: str = ""


def counts_of(receipts: Iterable[Receipt]) -> dict[Outcome, int]:
    """Count receipts by outcome: those that occur, in the order of the outcomes."""
    counted = Counter(receipt.outcome for receipt in receipts)
    return {outcome: counted[outcome] for outcome in Outcome if counted[outcome]}


class Attention(Struct, frozen=True, omit_defaults=True):
    """A decision of the applied plan that needs attention, so that nothing was sent for it. `reason` is its code.

    `own` as for the step.
    """

    guid: Guid
    reason: Reason
    object: str = ""
    source: Source = NOWHERE
    detail: str = ""
    own: bool = True


class NotedLedger(Struct, frozen=True):
    """Where the ledger stood when a run ended, noted outside of it: its heads, and the commits of its branch."""

    branch: str
    heads: tuple[Head, ...]
    commits: tuple[str, ...] = ()


SUPERSEDED = "superseded: "
"""How the report of a run begins to say why it stopped when another commit is the one to apply."""


class Run(Struct, frozen=True):
    """The report of one apply: a receipt for every step that was to be written, whatever happened.

    `digest` is the applied plan's. `stopped` says why the run ended early, None when it did not.
    `resolved` counts by outcome the updates that an earlier run had left open, and that reading explained.
    `reviews` has the pull requests behind the receipts, each with its own tickets. `ledger` is for whoever has to find
    out later that the ledger was rolled back.
    """

    run: str
    digest: str
    target: str
    started_at: datetime
    ended_at: datetime
    receipts: tuple[Receipt, ...]
    environment: str | None = None
    shard: str | None = None
    stopped: str | None = None
    notes: tuple[str, ...] = ()
    attention: tuple[Attention, ...] = ()
    reviews: tuple[ReviewedTickets, ...] = ()
    ledger: NotedLedger | None = None
    resolved: Mapping[Outcome, int] = field(default_factory=dict)

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many receipts have each outcome that occurs, in the order of the outcomes."""
        return counts_of(self.receipts)

    @property
    def superseded(self) -> str | None:
        """Which newer commit is the one to apply, None when this is not why the run did nothing."""
        why = self.stopped or ""
        return why.removeprefix(SUPERSEDED) if why.startswith(SUPERSEDED) else None
