"""The process of a command: its standard streams, SIGINT and SIGTERM, and what is done once its exit code is known.

Streams can't end a command half-way: a closed pipe or a full disk is told at the end. A command that has sent nothing
ends at once; while updates may be under way, `app/stopping.py` has handlers of its own instead of those here.
"""

import errno
import io
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TextIO

_faults: list[OSError] = []
SOON = 1.5
"""Seconds in which a command that has sent nothing closes what it has open; then the process ends all the same."""


class _Forgiving(io.RawIOBase):
    """Writes to a descriptor until that fails, and then to nowhere."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._failed = False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Whether it can be written to: always."""
        return True

    def write(self, data: memoryview) -> int:  # type: ignore[override]  # any buffer
        """Write what can be written; the first fault is kept, unless a reader just went away."""
        while not self._failed:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                select.select((), (self._descriptor,), ())
            except OSError as error:
                self._failed = True
                if error.errno != errno.EPIPE and self._descriptor == 1:
                    _faults.append(error)
        return len(data)


def guard_streams() -> None:
    """Put forgiving streams in the place of standard output and error, in UTF-8.

    A standard descriptor that is closed is opened on the null device first: the next file that is opened would get its
    number, and what is printed would go there.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open
    sys.stdout = _guarded(sys.stdout, 1, own=sys.stdout is sys.__stdout__)
    sys.stderr = _guarded(sys.stderr, 2, own=sys.stderr is sys.__stderr__)


def _guarded(stream: TextIO | None, descriptor: int, *, own: bool) -> TextIO:
    if stream is not None and not own:  # somebody else's, such as that of a test
        return stream
    if stream is not None:
        stream.flush()
    raw = io.BufferedWriter(_Forgiving(descriptor))  # type: ignore[type-var]  # a raw stream for writing alone
    lines = descriptor == 2 or os.isatty(descriptor)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=lines)


def take_fault() -> OSError | None:
    """Return, once, why standard output could not be written; None when it could, or when its reader went away."""
    sys.stdout.flush()
    return _faults.pop() if _faults else None


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


class Ending:
    """What is to be done once the exit code of the process is known; the object of click's context."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self._callbacks: list[Callable[[int], None]] = []

    def then(self, callback: Callable[[int], None]) -> None:
        """Call this with the exit code."""
        self._callbacks.append(callback)

    def run(self, code: int) -> None:
        """Call everything that was asked for."""
        for callback in self._callbacks:
            callback(code)
