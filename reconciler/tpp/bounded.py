"""Reading that ends in time, however slowly the bytes come."""

import io
import time
from typing import Any


def deadline_of(sock: Any) -> float | None:  # noqa: ANN401 - a socket
    """Return when the time limit of a socket, counted from now, is over; None when it has none."""
    limit = sock.gettimeout()
    return None if limit is None else time.monotonic() + limit


class BoundedReader(io.RawIOBase):
    """Reads from a socket until a point in time, so that a server can't stretch an answer by trickling it."""

    def __init__(self, sock: Any, until: float | None, begun: bytes | None = None) -> None:  # noqa: ANN401 - a socket
        """Read from a socket (or SSLSocket, or urllib3's SSLTransport) until a moment on the monotonic clock.

        `begun` is what was read before, which is read again first; b"" if that was the end.
        """
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._until = until
        self._begun = begun
        self._read_before = begun is not None

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        """Read once. Raises TimeoutError when the time is over."""
        if self._begun is not None:
            return self._again(buffer)
        if self._read_before and self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        self._read_before = True  # the first read has the socket's own limit, and is mostly the last
        count: int | None = self._raw.readinto(buffer)
        return count

    def _again(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        begun = self._begun or b""
        count = min(len(begun), len(buffer))
        buffer[:count] = begun[:count]
        self._begun = begun[count:] or None
        return count

    def close(self) -> None:
        """Let go of the socket."""
        if not self.closed:
            self._raw.close()
        super().close()
