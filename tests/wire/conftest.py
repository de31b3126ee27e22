"""The command line before a server that breaks the rules, with a clock that moves when somebody waits."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from reconciler.app.context import SystemClock
from reconciler.cli.main import main
from tests.fakes import at_least
from tests.wire.server import Ticket, WireServer, serving

GUIDS = tuple(f"{number:08x}-0000-4000-8000-000000000000" for number in range(1, 6))


@dataclass
class Said:
    """What a command left: exit code and everything that it printed."""

    code: int
    out: str


@dataclass
class Repository:
    """A checkout with a ledger of its own."""

    folder: Path
    server: WireServer
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    ahead: list[timedelta] = field(default_factory=lambda: [timedelta()])
    coming: list[tuple[timedelta, Callable[[], None]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def decide(self, *guids: str, status: str = "Approved") -> None:
        (self.folder / "tickets").mkdir(parents=True, exist_ok=True)
        entries = "".join(f"  - {{guid: {guid}, status: {status}, explanation: reviewed}}\n" for guid in guids)
        (self.folder / "tickets/web.yaml").write_text(f"version: 1\ntickets:\n{entries}", encoding="utf-8")
        requests = "{reads: 2, writes: 1, settle: 5, connect_timeout: 2, read_timeout: 2}"
        text = f"version: 1\nserver: {self.server.url}\nrequests: {requests}\n"
        (self.folder / "reconciler.yaml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> Said:
        self.monkeypatch.chdir(self.folder)
        self.capture.readouterr()
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        shown = self.capture.readouterr()
        code = left.value.code
        return Said(code if isinstance(code, int) else 1, shown.out + shown.err)

    def later(self, **span: float) -> None:
        """Let time pass."""
        with self.lock:
            self.ahead[0] += timedelta(**span)

    def stop_the_clock(self) -> None:
        """From now on only waiting moves the clock, however slow the machine is."""
        clock, began, at = SystemClock(), self.ahead[0], SystemClock().now()
        steady = clock.monotonic()
        self.monkeypatch.setattr(SystemClock, "now", lambda _: at + self.ahead[0] - began)
        self.monkeypatch.setattr(SystemClock, "monotonic", lambda _: steady + (self.ahead[0] - began).total_seconds())

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Have something happen once somebody has waited for so long."""
        with self.lock:
            self.coming.append((self.ahead[0] + timedelta(seconds=seconds), what))

    def another(self, name: str) -> "Repository":
        """Another checkout, with a ledger of its own, at the same time."""
        return Repository(self.folder.parent / name, self.server, self.capture, self.monkeypatch, self.ahead)


@pytest.fixture
def repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Repository]:
    for name in [name for name in os.environ if name.startswith(("TPP_", "GITHUB_", "RECONCILER_", "ACTIONS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TPP_TOKEN", "4MyGeneratedBearerTknz==")
    monkeypatch.setenv("NO_COLOR", "1")
    with serving(*(Ticket(guid) for guid in GUIDS)) as server:
        found = Repository(tmp_path / "checkout", server, capsys, monkeypatch)
        now, monotonic = SystemClock.now, SystemClock.monotonic

        def sleep(_: SystemClock, seconds: float) -> None:
            with found.lock:
                found.ahead[0] += at_least(seconds)
                due = [what for when, what in found.coming if when <= found.ahead[0]]
                found.coming[:] = [each for each in found.coming if each[0] > found.ahead[0]]
                for what in due:  # before any other thread moves the clock on
                    what()

        def moved_now(clock: SystemClock) -> datetime:
            return now(clock) + found.ahead[0]

        monkeypatch.setattr(SystemClock, "now", moved_now)
        monkeypatch.setattr(SystemClock, "monotonic", lambda clock: monotonic(clock) + found.ahead[0].total_seconds())
        monkeypatch.setattr(SystemClock, "sleep", sleep)
        yield found
