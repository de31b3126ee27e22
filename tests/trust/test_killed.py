"""A real process, killed at every step of the protocol and at any moment: nothing is done twice, nothing is lost."""

import random
import re
import signal
import time
from pathlib import Path

import pytest

from reconciler.model.status import Status
from reconciler.sandbox.fault_injection import Hang
from tests.builders import guid
from tests.forking.program import forked
from tests.trust.dies import STEPS
from tests.trust.repository import DIES, FOUR, LATER, Repository, a_repository

OFTEN = [(step, 1) for step in STEPS] + [("update:before", 3), ("update:after", 2), ("intent:after", 3)]


def check_finished(repository: Repository) -> None:
    """Every ticket is as its decision wants it, and there is nothing left to do."""
    tickets = repository.sandbox.world.tickets
    assert guid(1) not in tickets
    assert tickets[guid(2)].status is Status.APPROVED_AFTER
    assert len(tickets[guid(3)].approvals) == 1
    assert tickets[guid(4)].status is Status.REJECTED
    assert set(repository.effects()) == set(FOUR)
    repository.assert_trustworthy()


@pytest.mark.slow
@pytest.mark.parametrize(("step", "nth"), OFTEN)
def test_a_run_killed_at_any_step_is_finished_by_the_next_one(step: str, nth: int, tmp_path: Path) -> None:
    with a_repository(tmp_path) as repository:
        code, _, err = repository.run(str(DIES), step, str(nth), "apply", "--yes", python=forked())
        assert code == -signal.SIGKILL, err
        if repository.ledger.exists():
            repository.assert_trustworthy()
        code, out, err = repository.run(str(LATER), "apply", "--yes", python=forked())
        assert code == 0, out + err
        check_finished(repository)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_a_run_killed_at_a_random_moment_is_finished_by_the_next_one(part: int, tmp_path: Path) -> None:
    moments = random.Random(part)
    with a_repository(tmp_path, latency=0.02) as repository:
        for _ in range(4):
            heard = len(repository.sandbox.log.entries)
            process = repository.start("apply", "--yes")
            wait_for(lambda heard=heard: len(repository.sandbox.log.entries) > heard, process)
            time.sleep(moments.uniform(0.0, 0.4))
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=120)
            if repository.ledger.exists():
                repository.assert_trustworthy()
        code, out, err = repository.run(str(LATER), "apply", "--yes")
        assert code == 0, out + err
        check_finished(repository)


@pytest.mark.parametrize("effect", [False, True])
def test_a_run_killed_while_the_server_works_on_its_update_is_finished_by_the_next_one(
    effect: bool, tmp_path: Path
) -> None:
    with a_repository(tmp_path) as repository:
        repository.sandbox.faults.add(Hang(0.4, effect), operation="ticketUpdateStatus", times=2)
        process = repository.start("apply", "--yes")
        wait_for(lambda: repository.sandbox.log.updates, process)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=120)
        wait_for(lambda: all(entry.status is not None for entry in repository.sandbox.log.entries))
        code, out, err = repository.run(str(LATER), "apply", "--yes", "--quiet")
        assert code == 0, out + err
        told = r"of (1 update|2 updates) that an earlier run had left open: [12] applied"
        assert re.search(told, " ".join(out.split())), out
        check_finished(repository)


def test_a_run_that_follows_at_once_sends_nothing_after_what_a_killed_one_sent(tmp_path: Path) -> None:
    with a_repository(tmp_path) as repository:
        repository.sandbox.faults.add(Hang(10), operation="ticketUpdateStatus", times=2)
        process = repository.start("apply", "--yes")
        wait_for(lambda: len(repository.sandbox.log.updates) == 2, process)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=120)
        assert repository.effects() == {}, "the server is still at work"
        code, out, err = repository.run("apply", "--yes")
        assert code == 5, out + err
        assert out.count("unclear until ") == 2
        assert len(repository.sandbox.log.updates) == len(FOUR), "the two others, and nothing twice"
        repository.assert_trustworthy()
        wait_for(lambda: all(entry.status is not None for entry in repository.sandbox.log.entries))
        assert repository.run(str(LATER), "apply", "--yes")[0] == 0
        check_finished(repository)


def wait_for(condition, process=None, seconds: float = 120.0) -> None:
    """Wait until something holds; an end of the process means that it never will."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.005)


MANY = {guid(number): "status: Approved" for number in range(10, 22)}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_starts_no_write_finishes_those_in_flight_and_reports_every_step(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with a_repository(tmp_path, MANY, latency=0.05) as repository:
        process = repository.start("apply", "--yes")
        wait_for(lambda: len(repository.effects()) >= 2, process)
        process.send_signal(number)
        sent = len(repository.sandbox.log.updates)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, out + err
        assert len(repository.sandbox.log.updates) <= sent + 2, "no write is started once the signal has come"
        outcomes = [outcome.value for outcome in repository.outcomes()]
        assert len(outcomes) == len(MANY)
        assert outcomes.count("applied") == len(repository.effects())
        assert set(outcomes) == {"applied", "not-attempted"}
        repository.assert_trustworthy()
        assert repository.run("apply", "--yes")[0] == 0
        assert set(repository.effects()) == set(MANY)
        repository.assert_trustworthy()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_does_not_wait_for_a_request_that_hangs(number: signal.Signals, tmp_path: Path) -> None:
    with a_repository(tmp_path) as repository:
        repository.configure(read_timeout=300)
        repository.sandbox.faults.add(Hang(300), operation="ticketUpdateStatus")
        process = repository.start("apply", "--yes")
        wait_for(lambda: len(repository.sandbox.log.updates) == 2, process)
        process.send_signal(number)
        out, err = process.communicate(timeout=150)  # half of what it would take if it waited
        assert process.returncode == 6, out + err
        assert sorted(outcome.value for outcome in repository.outcomes()) == ["not-attempted"] * 2 + ["unknown"] * 2
        assert len(repository.sandbox.log.updates) == 2
        repository.assert_trustworthy()
