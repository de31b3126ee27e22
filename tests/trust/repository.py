"""A repository with manifests and a configuration, the command line as a real process, and a sandbox beside it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.ledger.chain import verify
from reconciler.ledger.history import read_lines
from reconciler.model.receipt import Outcome, Receipt
from reconciler.model.record import Intent
from reconciler.model.ticket import Guid, parse_guid
from reconciler.sandbox.log import Entry
from reconciler.sandbox.running import Listening, Sandbox, running_sandbox
from reconciler.sandbox.seed import APPROVER, JOE, Seed, TicketSeed
from tests.builders import guid

ROOT = Path(__file__).parents[2]
DIES = Path(__file__).with_name("dies.py")
LATER = Path(__file__).with_name("later.py")
CONFINED = Path(__file__).with_name("confined.py")
CONFIGURATION = """\
version: 1
server: {url}
requests:
  {{writes: 2, settle: 0.3, patience: 4m, wait: 0, connect_timeout: {connect_timeout}, read_timeout: {read_timeout}}}
"""


@dataclass
class Repository:
    """Where the command line runs."""

    folder: Path
    sandbox: Sandbox

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def configure(self, connect_timeout: float = 5.0, read_timeout: float = 10.0) -> None:
        text = CONFIGURATION.format(url=self.sandbox.url, connect_timeout=connect_timeout, read_timeout=read_timeout)
        (self.folder / "reconciler.yaml").write_text(text, encoding="utf-8")

    def decide(self, statuses: dict[Guid, str]) -> None:
        entries = "".join(f"  - {{guid: {name}, {status}}}\n" for name, status in statuses.items())
        (self.folder / "tickets").mkdir(exist_ok=True)
        text = f"version: 1\ndefaults: {{explanation: reviewed}}\ntickets:\n{entries}"
        (self.folder / "tickets" / "all.yaml").write_text(text, encoding="utf-8")

    def start(self, *arguments: str, python: Sequence[str] = (sys.executable,)) -> subprocess.Popen[str]:
        """Start the command line, or another program of ours, and return at once."""
        command = [*python, *arguments] if arguments[0].endswith(".py") else [*python, "-m", "reconciler", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, python: Sequence[str] = (sys.executable,)) -> tuple[int, str, str]:
        """Run to the end; returns exit code, standard output and standard error."""
        with self.start(*arguments, python=python) as process:
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
        return kept | {"TPP_TOKEN": self.sandbox.token, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}

    # What the server saw, and what the ledger says.

    def effects(self) -> dict[Guid, list[Entry]]:
        found: dict[Guid, list[Entry]] = {}
        for entry in self.sandbox.log.updates:
            if entry.effect and entry.guid:
                found.setdefault(parse_guid(entry.guid), []).append(entry)
        return found

    def outcomes(self) -> list[Outcome]:
        return [line.entry.outcome for line in read_lines(self.ledger) if isinstance(line.entry, Receipt)]

    def assert_trustworthy(self) -> None:
        """No ticket was written with effect twice, nothing was sent without an intent, and the chain holds."""
        assert {name: len(found) for name, found in self.effects().items() if len(found) > 1} == {}
        intents = {e.entry.explanation for e in read_lines(self.ledger) if isinstance(e.entry, Intent)}
        assert {json.loads(entry.body)["Explanation"] for entry in self.sandbox.log.updates} <= intents
        verify(self.ledger)


_OTHERS = ("TPP_", "GITHUB_", "RECONCILER_", "ACTIONS_", "COV_", "PYTEST_")

FOUR = {
    guid(1): "status: Approved",
    guid(2): "status: Approved After, schedule: {start: 2036-11-28T22:00:00Z}",
    guid(3): "status: Approved",
    guid(4): "status: Rejected",
}
"""Decisions whose tickets vanish at once, stay, wait for others, and are rejected."""


@contextmanager
def a_repository(folder: Path, statuses: dict[Guid, str] | None = None, latency: float = 0.0) -> Iterator[Repository]:
    """A repository that decides tickets of a sandbox in which approved ones go at once."""
    statuses = FOUR if statuses is None else statuses
    waits = (APPROVER.universal, JOE.universal)
    tickets = tuple(
        TicketSeed(name, rf"\VED\Policy\Web\{name[:8]}", approvers=waits if name == guid(3) else None)
        for name in statuses
    )
    with running_sandbox(Seed(tickets=tickets), listening=Listening(tick=0, latency=latency)) as sandbox:
        repository = Repository(folder, sandbox)
        repository.configure()
        repository.decide(statuses)
        yield repository
