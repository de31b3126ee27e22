"""The lock: one run at a time, its owner named, and never stuck."""

import errno
import fcntl
import getpass
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.errors import LedgerUnwritable, LockHeld
from reconciler.ledger.files import ledger_files
from reconciler.ledger.lock import LOCK_FILE, hold_lock, this_process
from reconciler.model.record import LockOwner
from reconciler.model.value import replace
from tests.builders import NOW
from tests.ledger.ledgers import FIRST, SECOND, open_files

URL = "https://github.com/example/tickets/actions/runs/1"
MINE = LockOwner(41, "ci-7", "runner", FIRST, NOW, URL)
YOURS = LockOwner(42, "ci-8", "runner", SECOND, NOW + timedelta(minutes=4, seconds=30))
ROOT = Path(__file__).parents[2]

HOLD = """
import os, sys
from datetime import datetime
from pathlib import Path
from reconciler.ledger.lock import hold_lock
from reconciler.model.record import LockOwner
owner = LockOwner(41, "ci-7", "runner", sys.argv[2], datetime.fromisoformat(sys.argv[3]))
with hold_lock(Path(sys.argv[1]), owner):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(root: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", HOLD, str(root), FIRST, NOW.isoformat()]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_lock_is_held_and_leaves_nothing_behind(tmp_path: Path) -> None:
    root = tmp_path / "state/of/ledger"
    for owner in (MINE, YOURS):
        with hold_lock(root, owner) as lock:
            assert lock.dead is None
            assert (root / LOCK_FILE).exists()
        assert list(root.iterdir()) == []


def test_whoever_looks_at_the_lock_file_sees_who_holds_it_whatever_stood_there(tmp_path: Path) -> None:
    path = tmp_path / LOCK_FILE
    with hold_lock(tmp_path, MINE):
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.write_text("x" * 1000)
    with hold_lock(tmp_path, YOURS):
        assert path.read_text() == (
            f'{{"host":"ci-8","pid":42,"run":"{SECOND}","since":"2026-11-23T12:04:30Z","user":"runner","version":1}}\n'
        )


def test_the_second_is_refused_and_told_who_holds_the_lock_and_for_how_long(tmp_path: Path) -> None:
    with hold_lock(tmp_path, MINE), pytest.raises(LockHeld) as held, hold_lock(tmp_path, YOURS):
        pass
    assert held.value.message == (
        f"the ledger is locked ({tmp_path}/.lock) by run {FIRST}, process 41 of runner on ci-7, "
        f"since 2026-11-23T12:00:00Z (4 minutes ago), {URL}"
    )
    assert held.value.hint == (
        "wait until that run has ended, or end it; nothing was sent, and the lock goes with its process"
    )


def test_who_waits_tries_again_until_the_lock_is_free_or_patience_ends(tmp_path: Path) -> None:
    first = hold_lock(tmp_path, MINE)
    first.__enter__()
    answers = iter([True, True, False])
    before = open_files()
    with pytest.raises(LockHeld), hold_lock(tmp_path, YOURS, lambda: next(answers)):
        pass
    assert list(answers) == []
    assert open_files() == before

    def until_it_ends() -> bool:
        first.__exit__(None, None, None)
        return True

    with hold_lock(tmp_path, YOURS, until_it_ends) as lock:
        assert lock.dead is None


def test_another_process_is_kept_out_and_let_in_when_the_first_lets_go(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        with pytest.raises(LockHeld, match="process 41 of runner on ci-7"), hold_lock(tmp_path, YOURS):
            pass
        process.communicate()
        with hold_lock(tmp_path, YOURS) as lock:
            assert lock.dead is None


def test_the_lock_of_a_killed_process_is_taken_over_and_its_owner_named(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        process.kill()
        process.wait()
        with hold_lock(tmp_path, YOURS) as lock:
            assert lock.dead == LockOwner(41, "ci-7", "runner", FIRST, NOW)
            assert lock.dead.described(YOURS.since) == (
                f"run {FIRST}, process 41 of runner on ci-7, since 2026-11-23T12:00:00Z (4 minutes ago)"
            )


@pytest.mark.parametrize("left", ["", "{", "[]", '{"pid": 1}', "\x00"])
def test_a_lock_file_that_says_nothing_is_taken_over(tmp_path: Path, left: str) -> None:
    (tmp_path / LOCK_FILE).write_text(left)
    with hold_lock(tmp_path, MINE) as lock:
        assert lock.dead is None


def test_a_holder_that_has_not_said_who_it_is_is_told_so(tmp_path: Path) -> None:
    with hold_lock(tmp_path, MINE):
        (tmp_path / LOCK_FILE).write_text("")
        with pytest.raises(LockHeld, match="by a process that has not yet said who it is"), hold_lock(tmp_path, YOURS):
            pass


def test_the_lock_is_let_go_when_the_run_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path, MINE):
        raise ZeroDivisionError
    with hold_lock(tmp_path, YOURS) as lock:
        assert lock.dead is None


def test_a_ledger_that_cannot_be_locked_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file")
    with pytest.raises(LedgerUnwritable) as refused, hold_lock(tmp_path / "ledger", MINE):
        pass
    assert refused.value.message == f"the ledger can't be locked: {tmp_path}/ledger/.lock: Not a directory"
    assert refused.value.hint == "let the user that runs the reconciler write to the folder of the ledger"


def test_a_lock_file_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(LedgerUnwritable, match="Too many levels of symbolic links"), hold_lock(tmp_path, MINE):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_disk_that_knows_no_locks_or_has_no_space_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(code: int) -> Callable[..., int]:
        def fail(*_: object) -> int:
            raise OSError(code, os.strerror(code))

        return fail

    before = open_files()
    for module, function, code, remedy in (
        (fcntl, "flock", errno.ENOLCK, "let the user that runs the reconciler write to the folder of the ledger"),
        (os, "pwrite", errno.ENOSPC, "free some space on that disk"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, function, failing(code))
            with pytest.raises(LedgerUnwritable) as refused, hold_lock(tmp_path, MINE):
                pass
        assert refused.value.message == f"the ledger can't be locked: {tmp_path}/.lock: {os.strerror(code)}"
        assert refused.value.hint == remedy
        assert open_files() == before
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_is_no_part_of_the_ledger(tmp_path: Path) -> None:
    with hold_lock(tmp_path, MINE):
        assert ledger_files(tmp_path) == ()


def test_this_process_can_be_named() -> None:
    owner = this_process(FIRST, NOW, URL)
    assert owner == replace(MINE, pid=owner.pid, host=owner.host, user=owner.user)
    assert owner.pid > 0
    assert owner.host
    assert owner.user


def test_a_user_without_a_name_is_named_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run as users that no list of users knows; Python 3.13 raises another error for them."""

    def unknown(error: type[Exception]) -> Callable[[], str]:
        def fail() -> str:
            raise error

        return fail

    for error in (KeyError, OSError):
        monkeypatch.setattr(getpass, "getuser", unknown(error))
        assert this_process(FIRST, NOW).user == str(os.getuid())


@pytest.mark.parametrize(
    ("seconds", "age"),
    [
        (-5, "0 seconds ago"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (7200, "2 hours ago"),
        (90000, "1 day ago"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds: int, age: str) -> None:
    assert f"({age})" in MINE.described(NOW + timedelta(seconds=seconds))


def test_a_lock_is_held_until_its_name_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let go first, and a run that locks it in between loses its lock to the one that ends: then two may write."""
    unlink, held = Path.unlink, []

    def while_it_is_removed(path: Path, missing_ok: bool = False) -> None:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.append(path.name)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", while_it_is_removed)
    with hold_lock(tmp_path, MINE):
        pass
    assert held == [LOCK_FILE]


def test_a_lock_file_that_was_replaced_while_it_was_being_locked_is_locked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last owner removes its file when it lets go: a lock on a file without a name keeps nobody out."""
    flock, path = fcntl.flock, tmp_path / LOCK_FILE

    def as_the_owner_goes(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", as_the_owner_goes)
    with hold_lock(tmp_path, MINE), pytest.raises(LockHeld), hold_lock(tmp_path, YOURS):
        pass
