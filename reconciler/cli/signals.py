"""SIGINT and SIGTERM, from the first instruction on: a command that has sent nothing ends at once.

While updates may be under way, `app/stopping.py` has handlers of its own in place of these.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SOON = 1.5
"""Seconds in which a command that has sent nothing closes what it has open; then the process ends all the same."""


@dataclass(slots=True)
class Signals:
    """The first signal that came."""

    received: int | None = None

    @property
    def code(self) -> int:
        """Return the exit code: 128 and the number of the signal, or of SIGINT for a Ctrl-C at a prompt."""
        return 128 + (self.received or signal.SIGINT)


@contextmanager
def handled_signals() -> Iterator[Signals]:
    """Turn SIGINT and SIGTERM into KeyboardInterrupt; the handlers that were there come back afterwards."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may have handlers
        yield signals
        return

    def asked(number: int, _frame: FrameType | None) -> None:
        if signals.received is not None:
            os._exit(signals.code)
        signals.received = number
        threading.Thread(target=_end_soon, args=(signals, ended), name="end-soon", daemon=True).start()
        raise KeyboardInterrupt

    ended = threading.Event()
    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        ended.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_soon(signals: Signals, ended: threading.Event) -> None:
    """End the process when it does not end by itself, for example because the server is slow to take a token back."""
    if not ended.wait(SOON):
        os._exit(signals.code)
