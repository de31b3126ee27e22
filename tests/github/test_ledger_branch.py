"""The branch that the ledger lives on between runs."""

import subprocess
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.ledger_branch import EVERY, MANY, LedgerPusher
from reconciler.applying.circuit_breaker import CircuitBreaker
from reconciler.errors import LedgerBroken, LedgerUnwritable
from reconciler.github.branch import fetch_ledger, push_ledger
from reconciler.github.git import LAST_PUSH, Git, GitFailure
from reconciler.model.settings import LedgerBranch
from reconciler.ports import Deadline
from tests.fakes import FakeClock, NoStop
from tests.github.repository import clone, files, git, make_remote

BRANCH = "reconciler-ledger"


def _line(folder: Path, name: str, text: str = "line 1\n") -> None:
    path = folder / "2026" / "11" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_first_push_makes_a_branch_without_the_manifests(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    work, ledger = clone(remote, tmp_path / "work"), tmp_path / "work" / "ledger"
    assert fetch_ledger(work, ledger, BRANCH) is None
    _line(ledger, "a.jsonl")
    (ledger / "index.sqlite").write_text("a cache")
    assert push_ledger(work, ledger, BRANCH, "Record a run")
    assert files(remote, BRANCH) == {"2026/11/a.jsonl": "line 1"}
    assert git(tmp_path / "work", "status", "--porcelain") == "?? ledger/"


def test_the_next_run_finds_what_the_last_one_wrote(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    first = tmp_path / "one" / "ledger"
    _line(first, "a.jsonl", "line 1\nüñí\n")
    push_ledger(clone(remote, tmp_path / "first"), first, BRANCH, "Record")
    second, ledger = clone(remote, tmp_path / "second"), tmp_path / "second" / "ledger"
    assert fetch_ledger(second, ledger, BRANCH) == git(remote, "rev-parse", BRANCH)
    assert (ledger / "2026/11/a.jsonl").read_bytes() == "line 1\nüñí\n".encode()
    assert push_ledger(second, ledger, BRANCH, "Record") is None


WRITERS = 32


@pytest.mark.slow
def test_runs_that_push_at_once_lose_nothing(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    works = [clone(remote, tmp_path / f"work{number}") for number in range(WRITERS)]
    for number, work in enumerate(works):
        _line(work.root / "ledger", f"{number}.jsonl", f"run {number}\n")
    threads = [
        threading.Thread(target=push_ledger, args=(work, work.root / "ledger", BRANCH, "Record")) for work in works
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(remote, BRANCH) == {f"2026/11/{number}.jsonl": f"run {number}" for number in range(WRITERS)}
    assert git(remote, "rev-list", "--count", BRANCH) == str(WRITERS)


def test_no_setting_of_the_machine_changes_a_byte(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    work = clone(remote, tmp_path / "work")
    _line(work.root / "ledger", "a.jsonl", "line 1\nline 2\n")
    push_ledger(work, work.root / "ledger", BRANCH, "Record")
    other = clone(remote, tmp_path / "other")
    (tmp_path / "attributes").write_text("*.jsonl text eol=crlf\n")
    for name, value in (("core.autocrlf", "true"), ("core.attributesFile", str(tmp_path / "attributes"))):
        other.run("config", name, value)
    fetch_ledger(other, other.root / "ledger", BRANCH)
    assert (other.root / "ledger/2026/11/a.jsonl").read_bytes() == b"line 1\nline 2\n"


def test_a_file_may_grow_but_not_change(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    work = clone(remote, tmp_path / "work")
    ledger = work.root / "ledger"
    for text in ("line 1\n", "line 1\nline 2\n"):
        _line(ledger, "a.jsonl", text)
        assert push_ledger(work, ledger, BRANCH, "Record")
    _line(ledger, "a.jsonl", "line 1\n")
    assert push_ledger(work, ledger, BRANCH, "Record") is None
    for text in ("line 0\nline 2\n", "line 0\n", "line 1\nline 3\nline 4\n"):
        _line(ledger, "a.jsonl", text)
        with pytest.raises(LedgerBroken, match=r"a\.jsonl"):
            push_ledger(work, ledger, BRANCH, "Record")
    assert files(remote, BRANCH) == {"2026/11/a.jsonl": "line 1\nline 2"}


def test_a_run_that_fetched_another_while_it_was_writing_does_not_take_it_for_changed(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    other, ours = clone(remote, tmp_path / "other"), clone(remote, tmp_path / "ours")
    _line(other.root / "ledger", "other.jsonl", "intent\n")
    push_ledger(other, other.root / "ledger", BRANCH, "Record")
    fetch_ledger(ours, ours.root / "ledger", BRANCH)
    _line(other.root / "ledger", "other.jsonl", "intent\nreceipt\n")
    push_ledger(other, other.root / "ledger", BRANCH, "Record")
    _line(ours.root / "ledger", "ours.jsonl")
    assert push_ledger(ours, ours.root / "ledger", BRANCH, "Record")
    assert files(remote, BRANCH) == {"2026/11/other.jsonl": "intent\nreceipt", "2026/11/ours.jsonl": "line 1"}


def test_lines_after_ours_in_the_file_of_our_own_run_are_refused(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    ours, other = clone(remote, tmp_path / "ours"), clone(remote, tmp_path / "other")
    ledger = ours.root / "ledger"
    _line(ledger, "ours.jsonl", "intent\n")
    push_ledger(ours, ledger, BRANCH, "Record")
    _line(other.root / "ledger", "ours.jsonl", "intent\nforged\n")
    push_ledger(other, other.root / "ledger", BRANCH, "Forge")
    with pytest.raises(LedgerBroken, match="other lines than here"):
        push_ledger(ours, ledger, BRANCH, "Record", only=ledger / "2026/11/ours.jsonl")


def test_files_that_are_not_here_stay_on_the_branch(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    work = clone(remote, tmp_path / "work")
    for name in ("a", "b"):
        ledger = tmp_path / name
        _line(ledger, f"{name}.jsonl")
        push_ledger(work, ledger, BRANCH, "Record")
    assert list(files(remote, BRANCH)) == ["2026/11/a.jsonl", "2026/11/b.jsonl"]


def test_a_branch_that_refuses_is_told_with_the_way_out(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    ledger = tmp_path / "ledger"
    _line(ledger, "a.jsonl")
    with pytest.raises(LedgerUnwritable, match="reconciler-ledger") as refused:
        push_ledger(clone(remote, tmp_path / "work"), ledger, BRANCH, "Record")
    assert "contents: write" in refused.value.hint


def test_an_empty_ledger_makes_no_branch(tmp_path: Path) -> None:
    remote = make_remote(tmp_path)
    work = clone(remote, tmp_path / "work")
    assert push_ledger(work, tmp_path / "none", BRANCH, "Record") is None
    assert git(remote, "branch", "--list", BRANCH) == ""


@dataclass
class _Run:
    """The file of a run that goes on, and its pusher."""

    remote: Path
    file: Path
    pusher: LedgerPusher
    clock: FakeClock

    def write(self, text: str) -> None:
        with self.file.open("a") as stream:
            stream.write(text)

    @property
    def pushed(self) -> str:
        return files(self.remote, "reconciler-ledger")[self.file.relative_to(self.pusher.folder).as_posix()]


@pytest.fixture
def going(tmp_path: Path) -> _Run:
    remote = make_remote(tmp_path)
    work = clone(remote, tmp_path / "work")
    file = tmp_path / "ledger" / "2026" / "11" / "20261123T120000Z-aaaaaa.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("opened\n")
    clock = FakeClock()
    pusher = LedgerPusher(
        work, tmp_path / "ledger", file, LedgerBranch("reconciler-ledger"), clock, CircuitBreaker(NoStop())
    )
    return _Run(remote, file, pusher, clock)


def test_receipts_are_pushed_every_minute_or_five_hundred_and_whole_lines_only(going: _Run) -> None:
    going.pusher._push("Begin")
    going.write("one\ntw")
    going.pusher.count(1)
    going.clock.sleep(EVERY - 1)
    going.pusher.push_when_due()
    assert going.pushed == "opened"
    going.clock.sleep(1)
    going.pusher.push_when_due()
    assert going.pushed == "opened\none"
    going.write("o\n")
    going.pusher.count(MANY)
    going.clock.sleep(2)
    going.pusher.push_when_due()
    assert going.pushed == "opened\none\ntwo"
    assert len(going.pusher.commits) == 3


def test_a_branch_that_takes_no_more_lines_stops_the_run(going: _Run) -> None:
    going.pusher._push("Begin")
    hook = going.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    going.write("one\n")
    going.pusher.count(1)
    going.clock.sleep(EVERY)
    going.pusher.push_when_due()
    assert going.pusher.breaker.reason() is None
    going.clock.sleep(EVERY)
    going.pusher.push_when_due()
    assert "could not be pushed" in (going.pusher.breaker.reason() or "")
    assert "could not be pushed" in (going.pusher.end() or "")


def test_what_was_written_last_is_pushed_at_the_end(going: _Run) -> None:
    going.pusher.begin()
    going.write("ended\n")
    assert going.pusher.end() is None
    assert going.pushed == "opened\nended"


@pytest.mark.parametrize(("left", "goes_on"), [(LAST_PUSH, True), (0.0, False)])
def test_git_gets_20_seconds_after_the_grace_of_a_run_that_was_told_to_end(
    tmp_path: Path, left: float, goes_on: bool
) -> None:
    clock = FakeClock()
    deadline = Deadline(clock)
    deadline.end_within(0)
    clock.sleep(20 - left)
    work = replace(clone(make_remote(tmp_path), tmp_path / "work"), deadline=deadline)
    if goes_on:
        assert work.attempt("-c", "alias.wait=!sleep 0.5", "wait").returncode == 0
    else:
        with pytest.raises(GitFailure, match="took longer than"):
            work.attempt("-c", "alias.wait=!exec sleep 60", "wait")


@pytest.mark.slow
def test_pushing_one_new_file_costs_what_that_file_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files the branch has: as many git processes, and as many objects that are sent."""
    started: list[str] = []
    start = Git._start

    def counted(self: Git, arguments: tuple[str, ...], *rest: Any, **more: Any) -> Any:
        started.append(arguments[0])
        return start(self, arguments, *rest, **more)

    monkeypatch.setattr(Git, "_start", counted)
    counts = {}
    for old in (2, 400):
        place = tmp_path / str(old)
        place.mkdir()
        remote = make_remote(place)
        work, ledger = clone(remote, place / "work"), place / "work" / "ledger"
        for number in range(old):
            _line(ledger, f"{number}.jsonl", f"run {number}\n")
        push_ledger(work, ledger, BRANCH, "Record")
        started.clear()
        _line(ledger, "new.jsonl")
        assert push_ledger(work, ledger, BRANCH, "Record", only=ledger / "2026/11/new.jsonl")
        one = len(started)
        _line(ledger, "newer.jsonl", "another line\n")
        assert push_ledger(work, ledger, BRANCH, "Record")
        counts[old] = one, len(started) - one
        sent = git(remote, "rev-list", "--objects", "--no-object-names", f"{BRANCH}~1..{BRANCH}").split()
        assert len(sent) == 5, "a commit, the trees that lead to the file, and the file"
    assert counts[2] == counts[400]
    assert max(counts[2]) < 12


@pytest.mark.parametrize(("says", "ends"), [("", True), ("echo 50% >&2; ", False)])
def test_git_may_take_as_long_as_it_shows_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, ends: bool
) -> None:
    """The first push of a ledger of years takes many minutes: silence ends it, and no length does."""
    monkeypatch.setattr("reconciler.github.git.LONGEST_SILENCE", 0.6)
    monkeypatch.setattr("reconciler.github.git.GLANCE", 0.05)
    work = clone(make_remote(tmp_path), tmp_path / "work")
    working = ("-c", f"alias.work=!for i in 1 2 3 4 5 6; do {says}sleep 0.3; done", "work")
    if ends:
        with pytest.raises(GitFailure, match=r"^git work said nothing for 1 s$"):
            work.attempt(*working)
    else:
        assert work.attempt(*working).returncode == 0


def test_a_push_shows_progress_and_the_first_one_looks_for_no_likeness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search for what 300 runs of 1,000 have in common takes minutes, and makes the pack little smaller."""
    pushed: list[subprocess.CompletedProcess[str]] = []
    start = Git._start

    def seen(self: Git, arguments: tuple[str, ...], *rest: Any, **more: Any) -> Any:
        done = start(self, arguments, *rest, **more)
        if "push" in arguments:
            pushed.append(done)
        return done

    monkeypatch.setattr(Git, "_start", seen)
    remote = make_remote(tmp_path)
    work, ledger = clone(remote, tmp_path / "work"), tmp_path / "work" / "ledger"
    for text in ("one\n", "one\ntwo\n"):
        _line(ledger, "1.jsonl", text)
        assert push_ledger(work, ledger, BRANCH, "Record")
    assert ["pack.window=0" in each.args for each in pushed] == [True, False]
    assert ["Writing objects: 100%" in each.stderr for each in pushed] == [True, True]
