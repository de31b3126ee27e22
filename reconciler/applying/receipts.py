"""Collects a run's receipts, and records every intent that may have reached the server."""

import logging
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from reconciler.applying.circuit_breaker import CircuitBreaker
from reconciler.applying.context import RunContext, not_attempted, receipt_of
from reconciler.errors import LedgerUnwritable
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import Entry, Intent
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.planning.traces import Finding
from reconciler.ports import Ledger, Progress

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class IntentGuard:
    """The ledger of a run as its workers see it. Thread-safe.

    It keeps the intents that went through, from which no request can be far, and lets none through once closed:
    a worker that was given up can't send anything after its step was reported.
    """

    ledger: Ledger
    breaker: CircuitBreaker
    intents: dict[Guid, Intent] = field(default_factory=dict)
    closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def append(self, entry: Entry) -> None:
        """Write one entry. Raises LedgerUnwritable, after which the run writes nothing more to the server."""
        if isinstance(entry, Intent):
            self._let_through(entry)
        try:
            self.ledger.append(entry)
        except LedgerUnwritable as error:
            self.breaker.trip(error.message)
            if isinstance(entry, Intent):
                self._take_back(entry)
            raise
        _log_entry(entry)

    def _let_through(self, intent: Intent) -> None:
        with self.lock:
            if self.closed:
                raise LedgerUnwritable("the run has ended")
            self.intents[intent.guid] = intent

    def _take_back(self, intent: Intent) -> None:
        with self.lock:
            del self.intents[intent.guid]

    def close(self) -> None:
        """Let no further intent through."""
        with self.lock:
            self.closed = True

    def passed(self, guid: Guid) -> Intent | None:
        """Return the intent for a ticket that went through: a run has one for each at most."""
        with self.lock:
            return self.intents.get(guid)


@dataclass(slots=True)
class ReceiptCollector:
    """Takes the receipts: the first one for a step counts, later ones of workers that were given up do not."""

    context: RunContext
    guard: IntentGuard
    progress: Progress
    receipts: dict[Guid, Receipt] = field(default_factory=dict)
    recovered: list[Receipt] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hand_in(self, step: Step, receipt: Receipt) -> None:
        """Keep a receipt and write it down. A ledger that can't take it stops the run; the report still has it."""
        with self.lock:
            if step.guid in self.receipts:
                return
            self.receipts[step.guid] = receipt
        self.context.breaker.concluded(receipt.outcome)
        self.write(receipt)
        self.progress(1)

    def write(self, entry: Entry) -> None:
        """Write an entry for which nothing is to be sent. When that fails the guard has tripped the breaker."""
        with suppress(LedgerUnwritable):
            self.context.ledger.append(entry)

    def learn(self, entries: Iterable[Entry]) -> None:
        """Write down what was found out about a step that changes nothing."""
        for entry in entries:
            self.write(entry)
            if isinstance(entry, Receipt):
                with self.lock:
                    self.recovered.append(entry)

    def broken_off(self, step: Step, why: str, in_flight: str) -> Receipt:
        """Make the receipt of a step that came to no conclusion: unknown when a request may have left."""
        intent = self.guard.passed(step.guid)
        if intent is None:
            return not_attempted(step, why, self.context)
        return receipt_of(step, self.context, Finding(Outcome.UNKNOWN, Proof.NONE, in_flight), intent=intent)


def _log_entry(entry: Entry) -> None:
    match entry:
        case Intent():
            about = {"ticket": entry.guid, "operation": entry.operation}
            _log.info("intent: %s to %s", entry.guid, entry.after.status, extra=about)
        case Receipt():
            about = {"ticket": entry.guid, "operation": entry.operation or ""}
            _log.info("receipt: %s %s", entry.guid, entry.outcome.value, extra=about)


def guarded(context: RunContext) -> tuple[RunContext, IntentGuard]:
    """Return the context with its ledger behind a guard."""
    guard = IntentGuard(context.ledger, context.breaker)
    return replace(context, ledger=guard), guard
