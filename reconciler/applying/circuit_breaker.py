"""Circuit breaker: stops a run on systemic errors, consecutive server errors or an exhausted failure budget."""

import threading
from dataclasses import dataclass, field

from reconciler.model.receipt import Outcome
from reconciler.model.ticket import Answer, Declined, Lost, Unread
from reconciler.ports import Stop

SERVER_FAULTS_IN_A_ROW = 5
REFUSALS_IN_A_ROW = 3
_INSUFFICIENT_PRIVILEGES = 4


@dataclass(slots=True)
class CircuitBreaker:
    """Counts what goes wrong and says why no further write may start. Thread-safe; once open it stays open."""

    stop: Stop
    failure_budget: int | None = None
    tripped: str | None = None
    """Why the run was stopped from inside by something that no single receipt can tell."""
    bug: bool = False
    """Whether a fault of our own stopped the run."""
    lasting: bool = False
    """Whether a fault stopped the run that somebody has to mend: credentials, rights, trust, the ledger."""
    _why: str | None = None
    _server_faults: int = 0
    _refusals: int = 0
    _failures: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reason(self) -> str | None:
        """Return why no new write may start; None while one may."""
        with self._lock:
            if self._why is None:
                self._why = self.stop.reason()
            return self._why

    def trip(self, why: str, *, passing: bool = False) -> None:
        """Stop the run for a systemic fault, a passing one if a later run may do. The first reason is reported."""
        with self._lock:
            self.lasting = self.lasting or not passing
            self.tripped = self.tripped or why
            self._why = self._why or why

    def trip_for_bug(self, why: str) -> None:
        """Stop the run for a fault of our own: what else it would do can't be trusted either."""
        self.bug = True
        self.trip(why)

    def answered(self, answer: Answer | Unread) -> None:
        """Take one answer of the server into account: streaks of server faults and of missing privileges."""
        fault = isinstance(answer, Unread) or (isinstance(answer, Lost) and answer.server_fault)
        refused = isinstance(answer, Declined) and answer.result == _INSUFFICIENT_PRIVILEGES
        with self._lock:
            self._server_faults = self._server_faults + 1 if fault else 0
            self._refusals = self._refusals + 1 if refused else 0
            if self._server_faults >= SERVER_FAULTS_IN_A_ROW:
                self._why = self._why or f"{self._server_faults} server faults in a row"
            elif self._refusals >= REFUSALS_IN_A_ROW:
                self.lasting = True
                self._why = self._why or f"{self._refusals} refusals for missing privileges in a row"

    def concluded(self, outcome: Outcome) -> None:
        """Take the outcome of one step into account: the failure budget."""
        with self._lock:
            self._failures += outcome in (Outcome.FAILED, Outcome.REJECTED_BY_SERVER, Outcome.UNKNOWN)
            if self.failure_budget is not None and self._failures > self.failure_budget:
                self._why = self._why or f"{self._failures} failures, the budget is {self.failure_budget}"
