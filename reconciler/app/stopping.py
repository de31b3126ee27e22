"""Why no new write may start: a signal, the stop file, the stop variable, the stop on the ledger's branch."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from reconciler.errors import ReconcilerError
from reconciler.github.branch import local_stop
from reconciler.github.remote_lock import RemoteLock
from reconciler.model.record import StopNotice
from reconciler.ports import Clock, Deadline

STOP_VARIABLE = "RECONCILER_STOP"
_OFF = {"", "0", "false", "no"}


EVERY = 30.0
"""Seconds after which the branch is looked at again."""
LONGEST_BLIND = 120.0
"""Seconds for which a run may write without having been able to look."""
_PAUSE = 5.0


def global_stop(stop_file: str | None, environ: Mapping[str, str], ledger: Path) -> str | None:
    """Return why writing is switched off for everybody; None when it is not."""
    if environ.get(STOP_VARIABLE, "").strip().lower() not in _OFF:
        return f"the variable {STOP_VARIABLE} is set"
    if stop_file and Path(stop_file).exists():
        return f"the stop file {stop_file} exists"
    return _spelled(local_stop(ledger))


def _spelled(notice: StopNotice | None) -> str | None:
    return None if notice is None else f"{notice} (`reconciler github start` ends it)"


@dataclass(slots=True)
class BranchWatch:
    """The stop on the ledger's branch, looked at before the first write and every half minute. Thread-safe.

    When it can't be read for two minutes, no write starts.
    """

    look: Callable[[], StopNotice | None]
    clock: Clock
    _tried: float | None = None
    _seen: float | None = None
    _why: str | None = None
    _fault: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reason(self) -> str | None:
        """Return why no new write may start; None while one may."""
        with self._lock:
            now = self.clock.monotonic()
            if self._tried is None or now - self._tried >= EVERY:
                self._look()
                while self._seen is None and self.clock.monotonic() - now < LONGEST_BLIND:
                    self.clock.sleep(_PAUSE)
                    self._look()
            blind = self._seen is None or self.clock.monotonic() - self._seen >= LONGEST_BLIND
            return f"the stop on the ledger's branch can't be read: {self._fault}" if blind else self._why

    def _look(self) -> None:
        self._tried = self.clock.monotonic()
        try:
            notice = self.look()
        except ReconcilerError as fault:
            self._fault = fault.message
        else:
            self._why = _spelled(notice)
            self._seen = self.clock.monotonic()


@dataclass(slots=True)
class Stopping:
    """Looked at before every write. `signal` is the number of the signal that asked for an end.

    The calls that are under way then get `grace` seconds. Before the run is `writing` a signal raises
    KeyboardInterrupt instead, for there is nothing to follow.
    """

    stop_file: str | None
    environ: Mapping[str, str]
    ledger: Path
    deadline: Deadline
    grace: float
    branch: BranchWatch | None = None
    lock: RemoteLock | None = None
    signal: int | None = None
    writing: bool = False
    halted: bool = False
    """Whether a stop for everybody was seen."""

    def reason(self) -> str | None:
        """Return why no new write may start; None while one may."""
        if self.signal is not None:
            return "interrupted" if self.signal == signal.SIGINT else "terminated"
        if self.lock is not None and (lost := self.lock.reason()) is not None:
            return lost
        why = global_stop(self.stop_file, self.environ, self.ledger)
        why = self.branch.reason() if why is None and self.branch is not None else why
        self.halted = self.halted or why is not None
        return why


@contextmanager
def watched_signals(stopping: Stopping) -> Iterator[Stopping]:
    """Turn SIGINT and SIGTERM into a reason to stop, and the first of them into an end of what is under way.

    The handlers that were there come back afterwards, and get a signal that came before anything could be sent.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread may have handlers
        yield stopping
        return

    def asked(number: int, _frame: FrameType | None) -> None:
        if stopping.signal is not None:
            return
        stopping.signal = number
        stopping.deadline.end_within(stopping.grace if stopping.writing else 0.0)
        if not stopping.writing:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    except ReconcilerError:  # which says that nothing was sent
        stopping.writing = False
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if stopping.signal is not None and not stopping.writing:
            signal.raise_signal(stopping.signal)
