"""The lock that travels: one run at a time over one ledger branch, whatever the machines and their clocks say."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.app.context import SystemClock
from reconciler.errors import LedgerUnwritable, LockHeld
from reconciler.github.git import Git, GitFailure
from reconciler.github.remote_lock import RemoteLock, excludes, part_of
from reconciler.model.plan import parse_shard
from reconciler.model.record import LockOwner
from tests.fakes import NOW, FakeClock
from tests.github.repository import clone, git, make_remote

BRANCH = "reconciler-ledger"


@dataclass
class Watched(FakeClock):
    """A clock that calls somebody whenever somebody sleeps."""

    then: Callable[[], None] = field(default=lambda: None)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.then()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return make_remote(tmp_path / "origin")


def lock(remote: Path, name: str, part: str = "whole", clock: FakeClock | None = None) -> RemoteLock:
    owner = LockOwner(41, name, "runner", f"20261128T220000Z-{name}", NOW)
    return RemoteLock(clone(remote, remote.parent / name), BRANCH, part, owner, clock or FakeClock())


def refs(remote: Path) -> list[str]:
    listed = git(remote, "for-each-ref", "--format=%(refname)", "refs/reconciler")
    return listed.splitlines()


def test_a_second_run_is_told_who_holds_the_lock(remote: Path) -> None:
    first, second = lock(remote, "ci-1"), lock(remote, "ci-2")
    first.acquire(0)
    with pytest.raises(LockHeld, match="process 41 of runner on ci-1"):
        second.acquire(0)
    first.give_up()
    assert refs(remote) == []
    second.acquire(0)
    assert (second.reason(), refs(remote)) == (None, [f"refs/reconciler/lock/{BRANCH}/whole"])


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [(None, None, False), (None, "1/4", False), ("1/4", "2/4", True), ("1/4", "1/4", False), ("1/4", "2/3", False)],
)
def test_only_shards_of_one_division_run_at_the_same_time(
    remote: Path, one: str | None, other: str | None, both: bool
) -> None:
    parts = [part_of(parse_shard(each) if each else None) for each in (one, other)]
    assert excludes(*parts) == excludes(*reversed(parts)) == (not both)
    first, second = lock(remote, "ci-1", parts[0]), lock(remote, "ci-2", parts[1])
    first.acquire(0)
    if both:
        second.acquire(0)
    else:
        with pytest.raises(LockHeld):
            second.acquire(0)


def test_a_holder_that_moves_its_ref_is_waited_for_and_never_taken_over(
    remote: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = lock(remote, "ci-1")
    clock = Watched(then=first.beat)
    first.clock = clock
    second = lock(remote, "ci-2", clock=clock)
    first.acquire(0)
    with pytest.raises(LockHeld):
        second.acquire(90)
    assert sum(clock.slept) == pytest.approx(90)
    told = [record.getMessage().rpartition(": ")[2] for record in caplog.records]
    assert told == [f"{waited} of at most 90 s waited" for waited in (0, 30, 60)]
    assert first.reason() is None


def test_the_log_tells_when_a_lock_is_taken_and_given_up(remote: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="reconciler.github.remote_lock")
    lock(remote, "ci-1").acquire(0)
    second = lock(remote, "ci-2")
    second.acquire(90)
    second.give_up()
    second.give_up()
    told = [record.getMessage() for record in caplog.records if record.levelname == "INFO"]
    of = f"the lock of the ledger's branch {BRANCH}"
    assert told == [
        f"{of} is held, part whole",
        f"{of} was taken from a run that died",
        f"{of} is held, part whole",
        f"{of} is given up",
    ]


def test_nobody_waits_longer_than_was_said(remote: Path) -> None:
    lock(remote, "ci-1").acquire(0)
    second, clock = lock(remote, "ci-2"), FakeClock()
    second.clock = clock
    with pytest.raises(LockHeld):
        second.acquire(12)
    assert sum(clock.slept) == pytest.approx(12)


def test_a_holder_that_died_is_taken_over_after_a_minute_of_the_observers_own_clock(remote: Path) -> None:
    first, clock = lock(remote, "ci-1"), FakeClock(NOW + timedelta(hours=-7))
    second = lock(remote, "ci-2", clock=clock)
    first.acquire(0)
    second.acquire(90)
    assert 60 <= sum(clock.slept) < 70
    assert second.dead is not None
    assert second.dead.host == "ci-1"
    first.beat()
    assert first.reason() == "the lock of the ledger's branch was taken over by another run"
    first.give_up()
    assert refs(remote) == [f"refs/reconciler/lock/{BRANCH}/whole"]
    assert second.reason() is None


def test_a_dead_shard_of_another_division_does_not_stop_anybody_for_ever(remote: Path) -> None:
    lock(remote, "ci-1", "3of4").acquire(0)
    second = lock(remote, "ci-2")
    second.acquire(90)
    assert refs(remote) == [f"refs/reconciler/lock/{BRANCH}/whole"]


def test_a_holder_that_can_not_reach_the_remote_stops_before_anybody_may_take_over(remote: Path) -> None:
    held = lock(remote, "ci-1")
    held.acquire(0)
    remote.rename(remote.with_name("away"))
    for seconds in (15, 15, 14):
        held.clock.sleep(seconds)
        held.beat()
        assert held.reason() is None
    held.clock.sleep(1)
    assert held.reason() == "the lock of the ledger's branch could not be renewed for 45 s"
    remote.with_name("away").rename(remote)
    held.beat()
    assert held.reason() is not None, "once others may have taken over, nothing brings it back"


def test_a_remote_that_is_away_lets_no_run_begin(remote: Path) -> None:
    first = lock(remote, "ci-1")
    remote.rename(remote.with_name("away"))
    with pytest.raises(LedgerUnwritable, match="can't be taken"):
        first.acquire(90)


def test_a_remote_that_takes_no_such_ref_is_said_to_be_that(remote: Path) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'refs are protected' >&2; exit 1\n")
    hook.chmod(0o755)
    with pytest.raises(LedgerUnwritable, match="takes no ref refs/reconciler/lock"):
        lock(remote, "ci-1").acquire(0)


class LosesAnswers(Git):
    """git whose next push arrives, and whose answer does not."""

    def attempt(self, *arguments: str, **more: object) -> object:  # type: ignore[override]
        done = super().attempt(*arguments, **more)  # type: ignore[arg-type]
        if arguments[0] == "push":
            raise GitFailure("git push failed: the remote end hung up unexpectedly")
        return done


def test_a_push_whose_answer_was_lost_loses_no_lock(remote: Path) -> None:
    held = lock(remote, "ci-1")
    held.acquire(0)
    sound = held.git
    held.git = LosesAnswers(sound.root, sound.environ)
    held.beat()
    held.git = sound
    held.clock.sleep(15)
    held.beat()
    held.beat()
    assert held.reason() is None
    held.give_up()
    assert refs(remote) == []


def test_of_many_runs_that_begin_at_once_one_after_the_other_gets_it(remote: Path) -> None:
    inside: list[str] = []
    most, faults = [0], []

    class Hasty(SystemClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds / 20)

    def work(name: str) -> None:
        mine = lock(remote, name)
        mine.clock = Hasty()
        try:
            mine.acquire(120)
            inside.append(name)
            most[0] = max(most[0], len(inside))
            inside.remove(name)
            mine.give_up()
        except Exception as fault:  # noqa: BLE001 - told by the assertion
            faults.append(repr(fault))

    threads = [threading.Thread(target=work, args=(f"ci-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, faults, refs(remote)) == ([1], [], [])
