"""The real command line, when patience with what a dead run sent is over: `python later.py apply --yes`."""

from datetime import datetime, timedelta

from reconciler.app.context import SystemClock

LATER = timedelta(seconds=270)  # a clock that is five minutes off is refused


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
