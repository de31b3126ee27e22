"""TERM and INT before a server that takes 20 seconds a call: what was begun is followed for the grace, not longer."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.app.stopping import Stopping, watched_signals
from reconciler.cli.process import handled_signals
from reconciler.ledger.chain import verify
from reconciler.ledger.history import read_lines
from reconciler.model.receipt import Outcome, Receipt
from reconciler.ports import Deadline
from tests.fakes import FakeClock
from tests.github.repository import git, make_remote
from tests.wire.conftest import GUIDS
from tests.wire.server import Exchange, Handler, Ticket, WireServer, honest, serving

pytestmark = pytest.mark.slow

GRACE = 2.0
SOON = 2.0
"""Seconds that a run may take beyond its grace, and all that it may take where nothing was sent."""
SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]


@dataclass
class Checkout:
    """A checkout, and the command line in it as a process of its own."""

    folder: Path
    server: WireServer
    released: threading.Event

    def slowly(self, seconds: float = 20.0) -> Handler:
        """Answer after so long, or when the test is over."""

        def handle(exchange: Exchange) -> None:
            self.released.wait(seconds)
            honest(exchange)

        return handle

    def configure(self, grace: float = GRACE, ledger: str = "ledger") -> None:
        entries = "".join(f"  - {{guid: {guid}, status: Approved, explanation: reviewed}}\n" for guid in GUIDS)
        (self.folder / "tickets").mkdir(parents=True, exist_ok=True)
        (self.folder / "tickets/web.yaml").write_text(f"version: 1\ntickets:\n{entries}", encoding="utf-8")
        requests = f"{{writes: 1, read_timeout: 60, grace: {grace:g}}}"
        text = f"version: 1\nserver: {self.server.url}\nledger: {ledger}\nrequests: {requests}\n"
        (self.folder / "reconciler.yaml").write_text(text, encoding="utf-8")

    def start(self, *arguments: str, before: Sequence[str] = (), **more: str) -> subprocess.Popen[str]:
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("TPP_", "GITHUB_", "GIT_"))
        }
        return subprocess.Popen(
            [*before, sys.executable, "-m", "reconciler", *arguments],
            cwd=self.folder,
            env=environ | {"TPP_TOKEN": "4MyGeneratedBearerTknz==", "NO_COLOR": "1"} | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def stopped(
        self,
        process: subprocess.Popen[str],
        number: int,
        when: Callable[[], object],
        send: Callable[[int, int], None] = os.kill,
    ) -> tuple[int, str, float]:
        """Send a signal once something holds; return the exit code, what was said, and how long the end took."""
        until = time.monotonic() + 60
        while not when():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.01)
        began = time.monotonic()
        send(process.pid, number)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said, time.monotonic() - began

    def heard(self, call: str) -> bool:
        return any(request.call == call for request in self.server.heard)

    def outcomes(self) -> list[Outcome]:
        """What the ledger says of each ticket, in the order of the tickets."""
        verify(self.folder / "ledger")
        lines = [line.entry for line in read_lines(self.folder / "ledger")]
        found = {entry.guid: entry.outcome for entry in lines if isinstance(entry, Receipt)}
        return [found[guid] for guid in sorted(found)]


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    with serving(*(Ticket(guid) for guid in GUIDS)) as server:
        found = Checkout(tmp_path / "checkout", server, threading.Event())
        yield found
        found.released.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_update_whose_answer_does_not_come_within_the_grace_is_unknown(checkout: Checkout, number: int) -> None:
    checkout.configure()
    checkout.server.always["updatestatus"] = checkout.slowly()
    process = checkout.start("apply", "--yes")
    code, said, took = checkout.stopped(process, number, lambda: checkout.server.updates)
    assert code == 6, said
    assert GRACE - 0.5 < took < GRACE + SOON
    assert checkout.outcomes() == [Outcome.UNKNOWN] + [Outcome.NOT_ATTEMPTED] * 4
    assert len(checkout.server.updates) == 1


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_an_update_that_is_answered_within_the_grace_is_followed_to_its_end(
    checkout: Checkout, number: int, code: int
) -> None:
    checkout.configure(grace=20)
    checkout.server.always["updatestatus"] = checkout.slowly(1.5)
    process = checkout.start("apply", "--yes")
    left, said, took = checkout.stopped(process, number, lambda: checkout.server.updates)
    assert left == code, said
    assert took < 1.5 + SOON
    assert checkout.outcomes() == [Outcome.AWAITING_OTHERS] + [Outcome.NOT_ATTEMPTED] * 4
    assert len(checkout.server.updates) == 1


def test_the_reading_after_an_update_ends_within_the_grace_too(checkout: Checkout) -> None:
    checkout.configure()

    def then_slow(exchange: Exchange) -> None:
        checkout.server.always["details"] = checkout.slowly()
        honest(exchange)

    checkout.server.always["updatestatus"] = then_slow
    process = checkout.start("apply", "--yes")

    def reads_again() -> bool:
        heard = [request.call for request in checkout.server.heard]
        return "updatestatus" in heard and "details" in heard[heard.index("updatestatus") :]

    code, said, took = checkout.stopped(process, signal.SIGTERM, reads_again)
    assert code == 6, said
    assert took < GRACE + SOON
    assert checkout.outcomes() == [Outcome.UNKNOWN] + [Outcome.NOT_ATTEMPTED] * 4


def test_a_pause_before_an_update_that_was_not_sent_ends_and_nothing_is_sent(checkout: Checkout) -> None:
    checkout.configure()
    gone = threading.Event()

    def last(exchange: Exchange) -> None:
        honest(exchange)
        checkout.server.go_away()
        gone.set()

    reads = len(GUIDS)
    checkout.server.script["details"] = [*[honest] * reads, last]
    process = checkout.start("apply", "--yes")
    code, said, took = checkout.stopped(process, signal.SIGTERM, gone.is_set)
    assert code == 143, said
    assert took < GRACE + SOON
    assert set(checkout.outcomes()) <= {Outcome.FAILED, Outcome.NOT_ATTEMPTED}
    assert checkout.server.updates == []


@pytest.mark.parametrize(
    ("command", "number", "code"),
    [(command, *SIGNALS[0]) for command in ("plan", "apply --yes", "list", f"explain {GUIDS[0]}", "import", "doctor")]
    + [(command, *SIGNALS[1]) for command in ("plan", "apply --yes", "auth verify")],
)
def test_where_nothing_was_sent_a_run_ends_within_two_seconds(
    checkout: Checkout, command: str, number: int, code: int
) -> None:
    checkout.configure(grace=120)
    calls = ("details", "verify", "enumerate")
    checkout.server.always |= dict.fromkeys(calls, checkout.slowly())
    process = checkout.start(*command.split())
    left, said, took = checkout.stopped(process, number, lambda: any(checkout.heard(call) for call in calls))
    assert left == code, said
    assert took < SOON
    assert checkout.server.updates == []


def _to_process_1(outside: int, number: int) -> None:
    """Signal from outside the namespace, as a node does: the child of `unshare` is process 1 inside."""
    (child,) = Path(f"/proc/{outside}/task/{outside}/children").read_text(encoding="utf-8").split()
    os.kill(int(child), number)


@pytest.mark.parametrize(("call", "code", "longest"), [("details", 143, SOON), ("updatestatus", 6, GRACE + SOON)])
def test_the_same_holds_below_an_init_in_a_process_namespace(
    checkout: Checkout, call: str, code: int, longest: float
) -> None:
    before = ["unshare", "--pid", "--fork", "--kill-child", "tini", "--"]
    if shutil.which("tini") is None or subprocess.run([*before, "true"], check=False, capture_output=True).returncode:
        pytest.skip(
            "needs tini (Debian: apt install tini), and the right to make a process namespace; .ci/run has both"
        )
    checkout.configure()
    checkout.server.always[call] = checkout.slowly()
    process = checkout.start("apply", "--yes", before=before)
    left, said, took = checkout.stopped(process, signal.SIGTERM, lambda: checkout.heard(call), _to_process_1)
    assert left == code, said
    assert took < longest
    assert len(checkout.server.updates) == (call == "updatestatus")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_run_that_holds_the_lock_of_a_branch_and_has_sent_nothing_gives_it_up(
    checkout: Checkout, tmp_path: Path, number: int, code: int
) -> None:
    """The signal comes while the run fetches the ledger under its lock, from a remote that takes its time."""
    remote = make_remote(tmp_path)
    git(tmp_path, "clone", "--quiet", f"file://{remote}", str(checkout.folder))
    checkout.configure(grace=120, ledger="{path: ledger, branch: reconciler-ledger}")
    slow, waits = tmp_path / "slow", tmp_path / "waits"
    lock = "git --git-dir=" + str(remote) + " for-each-ref refs/reconciler"
    script = f'#!/bin/sh\nif [ -n "$({lock})" ]; then touch {waits}; sleep 20; fi\nexec git-upload-pack "$@"\n'
    slow.write_text(script, encoding="utf-8")
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    git(checkout.folder, "config", "remote.origin.uploadpack", str(slow))
    process = checkout.start("apply", "--yes")
    left, said, took = checkout.stopped(process, number, waits.exists)
    assert left == code, said
    assert took < SOON
    assert git(checkout.folder, "for-each-ref", "refs/reconciler") == ""
    assert git(remote, "for-each-ref", "refs/reconciler") == "", "the lock was given up"
    assert checkout.server.updates == []


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_while_the_program_is_loaded_ends_it_without_a_word(
    checkout: Checkout, tmp_path: Path, number: int, code: int
) -> None:
    checkout.configure()
    loading, slow = tmp_path / "loading", tmp_path / "slow"
    slow.mkdir()
    text = f"import pathlib, time\npathlib.Path({str(loading)!r}).touch()\ntime.sleep(60)\n"
    (slow / "click.py").write_text(text, encoding="utf-8")
    process = checkout.start("apply", "--yes", PYTHONPATH=str(slow))
    left, said, took = checkout.stopped(process, number, loading.exists)
    assert (left, said, took < SOON) == (code, "", True)


def test_a_signal_before_the_first_write_goes_on_to_whoever_ends_the_process(tmp_path: Path) -> None:
    clock = FakeClock()
    deadline = Deadline(clock)
    stopping = Stopping(None, {}, tmp_path, deadline, GRACE)
    with handled_signals() as signals:
        with pytest.raises(KeyboardInterrupt), watched_signals(stopping):
            signal.raise_signal(signal.SIGTERM)
        assert (signals.received, signals.code, deadline.left()) == (signal.SIGTERM, 143, 0)


def test_a_signal_while_writing_is_noted_and_leaves_the_grace(tmp_path: Path) -> None:
    clock = FakeClock()
    deadline = Deadline(clock)
    stopping = Stopping(None, {}, tmp_path, deadline, GRACE)
    with handled_signals() as signals, watched_signals(stopping):
        stopping.writing = True
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert (stopping.reason(), deadline.left(), signals.received) == ("terminated", GRACE, None)
