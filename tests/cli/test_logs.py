"""What is logged: enough to follow a run and its calls, at the level that was asked for, and who waits is told so."""

import json
import logging
import os
import signal
import subprocess
import sys
from threading import Event

import pytest

from reconciler.cli import progress
from reconciler.cli.logs import start_logging
from reconciler.cli.progress import Terminal
from reconciler.sandbox.fault_injection import Say
from tests.cli.repo import FIRST, Repo

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: fine}}"


def _lines(repo: Repo, level: str, *command: str) -> list[dict[str, object]]:
    err = repo.run(*command, "--log-level", level, "--log-format", "json").err
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def _messages(repo: Repo, level: str, *command: str) -> list[str]:
    return [str(line["message"]) for line in _lines(repo, level, *command)]


def test_info_tells_a_run_with_every_intent_and_receipt(repo: Repo) -> None:
    repo.decide(APPROVE)
    lines = _lines(repo, "info", "apply", "--yes")
    messages = [str(line["message"]) for line in lines]
    assert f"intent: {FIRST} to Approved" in messages
    assert f"receipt: {FIRST} applied" in messages
    began = next(message for message in messages if message.endswith("is held"))
    run = began.split()[1]
    assert f"run {run} ended: 1 applied" in messages
    intent = next(line for line in lines if str(line["message"]).startswith("intent"))
    assert (intent["run"], intent["ticket"]) == (run, FIRST)
    assert len(str(intent["operation"])) == 12


def test_info_tells_what_is_made_again_and_that_the_server_pushed_back(repo: Repo) -> None:
    repo.decide(APPROVE)
    repo.sandbox.faults.add(Say(429, headers=(("Retry-After", "1"),)), operation="ticketDetails", times=1)
    messages = _messages(repo, "info", "plan")
    assert "the server pushed back with HTTP 429, pause of 1 s" in messages
    assert any(message.endswith("is made again: busy") for message in messages)


def test_debug_tells_a_call_when_it_begins_and_when_it_ends(repo: Repo) -> None:
    repo.decide(APPROVE)
    messages = _messages(repo, "debug", "plan")
    begun = [message for message in messages if message.endswith(" begins")]
    assert begun
    assert len(begun) == len([message for message in messages if " 200 in " in message])


def test_at_the_default_level_a_run_that_is_quick_logs_nothing(repo: Repo) -> None:
    repo.decide(APPROVE)
    assert repo.run("plan").err == ""


def test_who_waits_without_a_terminal_is_told_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("warning", "text")
    told = Event()
    handler = logging.Handler()
    handler.emit = lambda _record: told.set()  # type: ignore[method-assign]
    progress._log.addHandler(handler)
    try:
        with Terminal(every=0.01).progress("Reading tickets", 5000, lambda: "16 calls in flight") as advance:
            advance(1200)
            assert told.wait(10)
    finally:
        progress._log.removeHandler(handler)
    line = capsys.readouterr().err.splitlines()[0]
    assert line.startswith("info: Reading tickets: 1,200 of 5,000 done, ")
    assert "/s, 16 calls in flight, about " in line
    assert line.endswith(" s left")


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")
def test_a_signal_shows_where_all_threads_are_and_the_run_goes_on(repo: Repo) -> None:
    code = (
        "import os, signal, sys; from reconciler.cli import main; "
        "original = main._run\n"
        "def run(*args):\n"
        "    secret = 'p4ssw0rd'; os.kill(os.getpid(), signal.SIGUSR1); return original(*args)\n"
        "main._run = run; main.main(['version'])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, check=False)
    assert ran.returncode == 0
    assert "most recent call first" in ran.stderr
    assert "p4ssw0rd" not in ran.stderr
