"""A repository for each test: an empty folder, a sandbox with three tickets, and its token in the environment."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def repo(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Repo]:
    for name in [name for name in os.environ if name.startswith(("TPP_", "GITHUB_", "RECONCILER_", "ACTIONS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SystemClock, "sleep", lambda _clock, seconds: time.sleep(min(seconds, 0.01)))
    with running_sandbox(Seed(tickets=_TICKETS)) as sandbox:
        monkeypatch.setenv("TPP_TOKEN", sandbox.token)
        repo = Repo(tmp_path, sandbox, capsys, monkeypatch.setenv)
        repo.configure()
        yield repo
