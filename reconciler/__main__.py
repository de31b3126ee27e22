"""The program, as `reconciler` and `python -m reconciler`: signals are handled before anything is loaded.

Before that Python itself starts, where Ctrl-C shows its traceback. So nothing is imported here or in the package that
can wait, not even `typing`.
"""

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def main() -> "NoReturn":
    """Run the command line. Until it has handlers of its own, a signal ends the process at once: nothing is begun."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    from reconciler.cli.main import main as command_line

    command_line()


def _end(number: int, _frame: "FrameType | None") -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
