"""What a machine does to a command: signals, closed and full streams, no threads or files left. Never exit 70."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.cli.process import SOON
from reconciler.sandbox.fault_injection import Hang
from tests.cli.repo import FIRST, Repo

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: Web tier renewal}}"


@pytest.fixture
def ready(repo: Repo) -> Iterator[Repo]:
    repo.decide(APPROVE)
    yield repo
    repo.sandbox.faults.clear()


def _start(
    repo: Repo, *arguments: str, stdout: int | None = subprocess.PIPE, before: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=repo.folder,
        env=os.environ | {"TPP_TOKEN": repo.sandbox.token},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,  # noqa: PLW1509 - there are no threads of ours that it could meet
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("import",)])
def test_a_signal_before_anything_was_sent_ends_it_whatever_the_server_does(
    ready: Repo, number: signal.Signals, command: tuple[str, ...]
) -> None:
    ready.sandbox.faults.add(Hang(300), operation="ticketDetails")
    ready.sandbox.faults.add(Hang(300), operation="ticketEnumerate")
    process = _start(ready, *command)
    while not [entry for entry in ready.sandbox.log.entries if "icket/" in entry.path]:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=150)  # half of what it would take if it waited
    assert process.returncode == 128 + number
    assert ready.writes() == []


def test_what_a_signal_leaves_open_is_given_less_than_the_two_seconds_that_are_promised() -> None:
    assert SOON < 2


@pytest.mark.parametrize(
    "command", [("plan",), ("plan", "--format", "json"), ("validate",), ("ledger", "log"), ("doctor",)]
)
def test_a_full_disk_behind_standard_output_is_told(ready: Repo, command: tuple[str, ...]) -> None:
    ready.run("apply", "--yes")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = _start(ready, *command, stdout=full.fileno())
        _, err = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "error: standard output could not be written: No space left on device" in err
    assert "Traceback" not in err


def test_an_apply_that_can_not_print_keeps_the_code_of_its_run(ready: Repo) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = _start(ready, "apply", "--yes", stdout=full.fileno())
        _, err = process.communicate(timeout=60)
    assert (process.returncode, len(ready.writes())) == (0, 1)
    assert "warning: the outcome could not be printed: No space left on device" in err


@pytest.mark.parametrize("descriptors", [(1,), (2,), (0, 1, 2)])
def test_closed_streams_change_no_outcome_and_no_file(ready: Repo, descriptors: tuple[int, ...]) -> None:
    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    process = _start(ready, "apply", "--yes", before=close)
    process.communicate(timeout=60)
    assert (process.returncode, len(ready.writes())) == (0, 1)
    assert ready.run("ledger", "verify").code == 0


def test_a_reader_that_goes_away_is_no_fault(ready: Repo) -> None:
    with _start(ready, "plan", "--format", "json") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        assert ("error" in err, process.wait(60)) == (False, 0)


def test_no_descriptors_left_is_the_machines_fault(ready: Repo) -> None:
    process = _start(ready, "plan", before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6)))
    _, err = process.communicate(timeout=60)
    assert process.returncode in (4, 7)
    assert "this is a bug" not in err


def test_no_threads_left_is_the_machines_fault(ready: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", start)
    for command in (("plan",), ("apply", "--yes")):
        said = ready.run(*command)
        assert said.code == 4
        assert "error: this machine does not let it go on: can't start new thread" in said.err


@pytest.mark.parametrize("proxy", ["http://[::1", "http://proxy:port", "nonsense://x", "http://"])
def test_a_malformed_proxy_is_told(ready: Repo, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    ready.write(
        "reconciler.yaml", "version: 1\nserver: https://tpp.invalid\ntickets: [tickets]\nrequests: {wait: 1s}\n"
    )
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    said = ready.run("plan")
    assert said.code == 4, said.err
    assert "this is a bug" not in said.err


def test_a_bug_leaves_its_traceback_at_every_level(ready: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("deep inside")

    monkeypatch.setattr("reconciler.applying.engine.perform", broken)
    said = ready.run("apply", "--yes")
    assert said.code == 70
    assert "in _one" in said.err
    monkeypatch.setattr("reconciler.app.plan.judge", broken)
    said = ready.run("plan")
    assert (said.code, "reconciler/app/plan.py" in said.err) == (70, True)
