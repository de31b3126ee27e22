"""The stop on the ledger's branch: set and ended by anybody who may push, seen by every run before it writes."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.app.stopping import EVERY, LONGEST_BLIND, BranchWatch
from reconciler.github.branch import BranchLook, fetch_ledger, local_stop, notice_of, push_ledger, remove_stop, set_stop
from reconciler.github.git import GitFailure
from reconciler.model.record import StopNotice
from tests.cli.conftest import repo  # noqa: F401 - a fixture
from tests.cli.repo import FIRST, Repo
from tests.fakes import FakeClock
from tests.github.repository import CLEAN, clone, files, git, make_remote

BRANCH = "reconciler-ledger"
NOTICE = StopNotice("joe", datetime(2026, 11, 23, 10, tzinfo=UTC), "INC0001234: wrong issuer")
SAYS = "joe stopped all writes at 2026-11-23T10:00:00Z: INC0001234: wrong issuer"


def test_it_is_one_file_beside_the_ledger_and_goes_away_again(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    work, ledger = clone(remote, tmp_path / "work"), tmp_path / "work" / "ledger"
    line = ledger / "2026" / "11" / "a.jsonl"
    line.parent.mkdir(parents=True)
    line.write_text("line 1\n")
    push_ledger(work, ledger, BRANCH, "Record")
    assert set_stop(work, BRANCH, NOTICE)
    assert not set_stop(work, BRANCH, NOTICE)
    assert set(files(remote, BRANCH)) == {"2026/11/a.jsonl", "STOP"}
    other, fetched = clone(remote, tmp_path / "other"), tmp_path / "other" / "ledger"
    fetch_ledger(other, fetched, BRANCH)
    assert str(local_stop(fetched)) == SAYS
    line.write_text("line 1\nline 2\n")
    push_ledger(work, ledger, BRANCH, "Record")
    assert BranchLook(other, BRANCH)() == NOTICE
    assert remove_stop(work, BRANCH, "ann") == NOTICE
    assert remove_stop(work, BRANCH, "ann") is None
    assert set(files(remote, BRANCH)) == {"2026/11/a.jsonl"}
    fetch_ledger(other, fetched, BRANCH)
    assert local_stop(fetched) is None


def test_it_can_be_set_before_there_is_a_ledger(tmp_path: Path) -> None:
    work = clone(make_remote(tmp_path), tmp_path / "work")
    assert remove_stop(work, BRANCH, "ann") is None
    assert set_stop(work, BRANCH, NOTICE)
    assert BranchLook(work, BRANCH)() == NOTICE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "somebody stopped all writes: no reason is given"),
        ("\n  stop! \nplease", "somebody stopped all writes: stop!"),
        ("{broken", "somebody stopped all writes: {broken"),
        ('{"by": "eve"}', 'somebody stopped all writes: {"by": "eve"}'),
        ("x" * 500, "somebody stopped all writes: " + "x" * 200),
    ],
)
def test_a_file_that_was_made_by_hand_stops_too(text: str, says: str) -> None:
    assert str(notice_of(text)) == says


class Looks:
    """What each look finds, in order; the last one again and again."""

    def __init__(self, *found: StopNotice | str | None) -> None:
        self.found, self.count = list(found), 0

    def __call__(self) -> StopNotice | None:
        self.count += 1
        now = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(now, str):
            raise GitFailure(now)
        return now


def test_a_run_looks_before_its_first_write_and_every_half_minute(clock: FakeClock) -> None:
    looks = Looks(None, NOTICE)
    watch = BranchWatch(looks, clock)
    assert [watch.reason() for _ in range(100)] == [None] * 100
    assert looks.count == 1
    clock.sleep(EVERY)
    assert watch.reason() == f"{SAYS} (`reconciler github start` ends it)"
    assert looks.count == 2


def test_a_run_that_cannot_look_for_two_minutes_writes_no_more(clock: FakeClock) -> None:
    watch = BranchWatch(Looks(None, "git ls-remote failed"), clock)
    assert watch.reason() is None
    clock.sleep(LONGEST_BLIND - 1)
    assert watch.reason() is None
    clock.sleep(1)
    assert watch.reason() == "the stop on the ledger's branch can't be read: git ls-remote failed"


def test_nothing_is_written_before_the_first_look_succeeds(clock: FakeClock) -> None:
    begun = clock.monotonic()
    assert BranchWatch(Looks("away", "away", None), clock).reason() is None
    assert clock.monotonic() - begun < LONGEST_BLIND
    watch = BranchWatch(Looks("away"), clock)
    assert watch.reason() == "the stop on the ledger's branch can't be read: away"
    assert clock.monotonic() - begun >= LONGEST_BLIND


@pytest.fixture
def run(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:  # noqa: F811 - the fixture
    """A repo in a clone of a repository, with a decision to apply."""
    remote = make_remote(repo.folder / "remote")
    subprocess.run(["git", "init", "-q"], cwd=repo.folder, env=CLEAN, check=True)
    git(repo.folder, "remote", "add", "origin", f"file://{remote}")
    git(repo.folder, "fetch", "-q", "origin", "main")
    git(repo.folder, "reset", "-q", "origin/main")
    for name, value in zip(("user.name", "user.email"), ("Ann", "ann@acme.example"), strict=True):
        git(repo.folder, "config", name, value)
    monkeypatch.setenv("RECONCILER_LEDGER_BRANCH", BRANCH)
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    return repo


def test_a_stop_that_comes_after_the_plan_is_seen_before_the_first_write(run: Repo) -> None:
    said = run.run("github", "stop", "INC0001234:  wrong issuer")
    assert (said.code, "ann@acme.example stopped all writes at 2" in said.out) == (0, True)
    applied = run.run("apply", "--yes")
    assert (applied.code, run.writes()) == (3, [])
    assert "ann@acme.example stopped all writes" in applied.out
    assert "INC0001234: wrong issuer" in applied.out


def test_a_plan_shows_who_stopped_and_why_and_start_ends_it(run: Repo) -> None:
    assert run.run("github", "stop", "INC0001234").code == 0
    assert run.run("github", "ledger", "pull").code == 0
    shown = run.run("plan")
    assert shown.code == 3
    assert "ann@acme.example stopped all writes" in shown.out
    assert "`reconciler github start` ends it" in " ".join(shown.out.split())
    assert "`reconciler github start` ends a stop on the ledger's branch" in " ".join(shown.out.split())
    comment = " ".join(run.run("plan", "--format", "markdown").out.split())
    assert "INC0001234" in comment
    assert run.run("github", "start").out.startswith("ended: ann@acme.example stopped all writes at")
    assert run.run("github", "start").out == f"there is no stop on {BRANCH}\n"
    assert run.run("github", "ledger", "pull").code == 0
    assert run.run("apply", "--yes").code == 0
    assert len(run.writes()) == 1


def test_a_stop_needs_a_reason(run: Repo) -> None:
    assert run.run("github", "stop", " ").code == 2
    assert run.run("github", "stop").code == 2
