"""Reading that ends in time, however slowly the bytes come."""

import io
import time
from typing import Any


class BoundedReader(io.RawIOBase):
    """Reads from a socket until a point in time, so that a server can't stretch an answer by trickling it."""

    def __init__(self, sock: Any) -> None:  # noqa: ANN401 - socket, SSLSocket or urllib3's SSLTransport
        """Read from a socket, for as long as its own time limit from now on."""
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        limit = sock.gettimeout()
        self._until = None if limit is None else time.monotonic() + limit
        self._read_before = False

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        """Read once. Raises TimeoutError when the time is over."""
        if self._read_before and self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        self._read_before = True  # the first read has the socket's own limit, and is mostly the last
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        """Let go of the socket."""
        if not self.closed:
            self._raw.close()
        super().close()
