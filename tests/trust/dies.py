"""The real command line in a process that kills itself at one step of the protocol.

`python dies.py STEP NTH apply --yes`: the process sends itself SIGKILL when it comes to STEP for the NTH time.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from reconciler.ledger import journal
from reconciler.model.receipt import Receipt
from reconciler.model.record import Ended, Intent, Opened
from reconciler.tpp.reader import HttpTicketReader
from reconciler.tpp.writer import HttpTicketWriter

_NAMES = {Opened: "opened", Intent: "intent", Receipt: "receipt", Ended: "ended"}
STEPS = (
    *(f"{name}:{when}" for name in ("opened", "intent", "receipt", "ended") for when in ("before", "torn", "after")),
    *(f"{name}:{when}" for name in ("read", "update") for when in ("before", "after")),
)


class Countdown:
    """Dies at one step."""

    def __init__(self, step: str, nth: int) -> None:
        self._step = step
        self._left = nth
        self._lock = threading.Lock()

    def is_due(self, step: str) -> bool:
        with self._lock:
            self._left -= step == self._step
            return step == self._step and self._left == 0

    def reach(self, step: str) -> None:
        if self.is_due(step):
            os.kill(os.getpid(), signal.SIGKILL)


def around(kind: type, method: str, name: str, countdown: Countdown) -> None:
    """Come to a step before and after a method."""
    true: Callable[..., Any] = getattr(kind, method)

    def wrapped(self: Any, *arguments: Any) -> Any:
        countdown.reach(f"{name}:before")
        answer = true(self, *arguments)
        countdown.reach(f"{name}:after")
        return answer

    setattr(kind, method, wrapped)


def around_the_journal(countdown: Countdown) -> None:
    """Come to a step before and after each entry, and in the middle of writing it."""
    append, write_all = journal.Journal.append, journal._write_all

    def counted(self: journal.Journal, entry: Any) -> None:
        name = _NAMES.get(type(entry), "other")
        countdown.reach(f"{name}:before")
        append(self, entry)
        countdown.reach(f"{name}:after")

    def torn(descriptor: int, data: bytes) -> None:
        for kind in ("opened", "intent", "receipt", "ended"):
            if f'"entry":"{kind}"'.encode() in data and countdown.is_due(f"{kind}:torn"):
                write_all(descriptor, data[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
        write_all(descriptor, data)

    journal.Journal.append = counted  # type: ignore[method-assign]
    journal._write_all = torn


def main() -> None:
    """Wrap the rooms, then be the command line."""
    countdown = Countdown(sys.argv[1], int(sys.argv[2]))
    around(HttpTicketReader, "read", "read", countdown)
    around(HttpTicketWriter, "update", "update", countdown)
    around_the_journal(countdown)
    sys.argv[1:] = sys.argv[3:]
    from reconciler.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
