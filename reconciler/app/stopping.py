"""Why no new write may start: a signal, the stop file, the stop variable."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

STOP_VARIABLE = "RECONCILER_STOP"
_OFF = {"", "0", "false", "no"}


def global_stop(stop_file: str | None, environ: Mapping[str, str]) -> str | None:
    """Say why writing is switched off for everybody; None when it is not."""
    if environ.get(STOP_VARIABLE, "").strip().lower() not in _OFF:
        return f"the variable {STOP_VARIABLE} is set"
    if stop_file and Path(stop_file).exists():
        return f"the stop file {stop_file} exists"
    return None


@dataclass(slots=True)
class Stopping:
    """Looked at before every write. `signal` is the number of the signal that asked for an end."""

    stop_file: str | None
    environ: Mapping[str, str]
    signal: int | None = None
    halted: bool = False
    """Whether the stop file or variable was seen."""

    def reason(self) -> str | None:
        """Say why no new write may start; None while one may."""
        if self.signal is not None:
            return "interrupted" if self.signal == signal.SIGINT else "terminated"
        why = global_stop(self.stop_file, self.environ)
        self.halted = self.halted or why is not None
        return why


@contextmanager
def watched_signals(stop_file: str | None, environ: Mapping[str, str]) -> Iterator[Stopping]:
    """Turn SIGINT and SIGTERM into a reason to stop; the handlers that were there come back afterwards."""
    stopping = Stopping(stop_file, environ)
    if threading.current_thread() is not threading.main_thread():  # only the main thread may have handlers
        yield stopping
        return

    def asked(number: int, _frame: FrameType | None) -> None:
        stopping.signal = stopping.signal or number

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
