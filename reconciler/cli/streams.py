"""Standard streams that can't end a command half-way: a closed pipe or a full disk is told at the end."""

import errno
import io
import os
import select
import sys
from typing import TextIO

_faults: list[OSError] = []


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
