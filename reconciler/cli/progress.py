"""What a use case tells people who wait: a bar on terminals, elsewhere a log line every half minute."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import click

from reconciler.atomic import atomic_write
from reconciler.cli.logs import name_run
from reconciler.ports import Progress

_log = logging.getLogger("reconciler.progress")
_log.setLevel(logging.INFO)  # also at the default level: who waits is told so
_EVERY = 30.0


_REMEMBERED = 1000


def _state_folder() -> Path:
    """Return where programs keep what they remember of a user (XDG Base Directory Specification)."""
    configured = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".local" / "state") / "reconciler"


class Terminal:
    """The observer of a command line; implements ports.Observer."""

    def __init__(self, every: float = _EVERY) -> None:
        """Where there is no terminal, log a line as often as every so many seconds."""
        self._every = every

    @contextmanager
    def progress(self, label: str, total: int, activity: Callable[[], str]) -> Iterator[Progress]:
        """Show a bar with rate and remaining time on standard error; where that is no terminal, log lines."""
        if not sys.stderr.isatty():
            with _logged(label, total, activity, self._every) as advance:
                yield advance
            return
        from reconciler.cli.bar import shown

        with shown(label, total) as advance:
            yield advance

    def notice(self, text: str) -> None:
        """Print a sentence on standard error."""
        click.echo(text, err=True)

    def is_new(self, what: str) -> bool:
        """Remember in the user's state folder what was told. Where that can't be done it is told again."""
        try:
            path = _state_folder() / "told"
            known = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
            if what in known:
                return False
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            atomic_write(path, "".join(f"{each}\n" for each in (*known[-_REMEMBERED:], what)).encode(), mode=0o600)
        except (OSError, RuntimeError):  # RuntimeError: there is no home
            pass
        return True

    def run_named(self, run: str) -> None:
        """Give all further log records the id of the run."""
        name_run(run)


@contextmanager
def _logged(label: str, total: int, activity: Callable[[], str], every: float) -> Iterator[Progress]:
    """Log how far it is, how fast, what it waits for and how long it will take, from a thread of its own."""
    done, started, ended = 0, time.monotonic(), Event()

    def advance(more: int) -> None:
        nonlocal done
        done += more

    def log_progress() -> None:
        while not ended.wait(every):
            rate = done / (time.monotonic() - started)
            left = f"about {(total - done) / rate:,.0f} s left" if rate else "nothing came back so far"
            _log.info("%s: %s of %s done, %.1f/s, %s, %s", label, f"{done:,}", f"{total:,}", rate, activity(), left)

    Thread(target=log_progress, name="progress", daemon=True).start()
    try:
        yield advance
    finally:
        ended.set()
