"""A repository for each test: an empty folder, a sandbox with three tickets, and its token in the environment."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import pytest

from reconciler.app.context import SystemClock
from reconciler.sandbox.running import running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

_TICKETS = (
    TicketSeed(FIRST, r"\VED\Policy\Web\www.example.com"),
    TicketSeed(SECOND, r"\VED\Policy\Web\shop.example.com"),
    TicketSeed(THIRD, r"\VED\Policy\Web\api.example.com"),
)


@dataclass
class Hurry:
    """The steady clock for who does not want to wait: a wait takes no time, and has passed nevertheless.

    Who waits at the same time waits together. A clock that only left waits out would be asked again and again until
    the time had passed by itself.
    """

    ahead: float = 0.0
    lock: Lock = field(default_factory=Lock)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        time.sleep(min(seconds, 0.01))  # others, the sandbox among them, get their turn
        with self.lock:
            self.ahead = max(self.ahead, until - time.monotonic())


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody wait in this process."""
    clock = Hurry()
    monkeypatch.setattr(SystemClock, "monotonic", lambda _: clock.monotonic())
    monkeypatch.setattr(SystemClock, "sleep", lambda _, seconds: clock.sleep(seconds))


@pytest.fixture
def repo(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Repo]:
    for name in [name for name in os.environ if name.startswith(("TPP_", "GITHUB_", "RECONCILER_", "ACTIONS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    hurry(monkeypatch)
    with running_sandbox(Seed(tickets=_TICKETS)) as sandbox:
        monkeypatch.setenv("TPP_TOKEN", sandbox.token)
        repo = Repo(tmp_path, sandbox, capsys, monkeypatch.setenv)
        repo.configure()
        yield repo
