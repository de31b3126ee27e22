"""The real command line, 20 seconds later: `python later.py apply --yes`.

By then the sandbox, as the tests configure its clients, has to be done with whatever a run that died had sent.
"""

from datetime import datetime, timedelta

from reconciler.app.clock import SystemClock

LATER = timedelta(seconds=20)


def main() -> None:
    """Move the clock, then be the command line."""
    now = SystemClock.now

    def later(self: SystemClock) -> datetime:
        return now(self) + LATER

    SystemClock.now = later  # type: ignore[method-assign]
    from reconciler.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
