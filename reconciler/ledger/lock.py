"""One lock per ledger, so that two runs on one machine never write at the same time.

The lock is the kernel's (flock) on a file that tells who holds it. The kernel lets go when a process dies, however
it dies, so a lock is never stuck; the file that a dead process left behind is taken over and its owner named.

On NFS the lock works between machines only when the server's lock service does (Linux maps flock to a lock of the
whole file there since 2.6.12, flock(2)). Machines that don't share a file system don't see it at all: in CI the
concurrency group of the workflow keeps runs apart.
"""

import fcntl
import getpass
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reconciler.atomic import make_folder
from reconciler.codec import canonical, decode, plain
from reconciler.errors import LedgerUnwritable, LockHeld
from reconciler.model.record import LockOwner

LOCK_FILE = ".lock"
_LONGEST_OWNER = 1 << 16


def this_process(run: str, since: datetime, url: str | None = None) -> LockOwner:
    """Return this process as the owner of a lock for a run."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return LockOwner(os.getpid(), socket.gethostname(), user, run, since, url)


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock of the ledger in `root`, while it is held. `dead` is the owner that died holding it, if one did."""

    root: Path
    descriptor: int
    dead: LockOwner | None = None

    def require_held(self) -> None:
        """Raise LedgerUnwritable when the lock file is not the one that was locked: another run may hold a new one."""
        require_named(self.descriptor, self.root / LOCK_FILE)


def require_named(descriptor: int, path: Path) -> None:
    """Raise LedgerUnwritable when an open file is not the one that `path` names any more."""
    if not _is_named(descriptor, path):
        raise LedgerUnwritable(
            f"{path} was removed, replaced or moved while the run was going",
            "put the ledger's folder back as it was (`git clean`, a checkout or a move took it away), then run again: "
            "what was sent and not recorded is found by reading the tickets",
        )


@contextmanager
def hold_lock(root: Path, owner: LockOwner, wait: Callable[[], bool] = lambda: False) -> Iterator[Lock]:
    """Hold the lock of the ledger in `root`; `owner.since` is now.

    While another process holds it, `wait` is called, which waits a while and says whether to try once more. Raises
    LockHeld when it does not, and LedgerUnwritable when the lock file can't be written.
    """
    path = root / LOCK_FILE
    try:
        make_folder(root)
        descriptor = _open_locked(path, owner.since, wait)
    except OSError as error:
        raise LedgerUnwritable(
            f"the ledger can't be locked: {path}: {error.strerror or error}",
            "let the user that runs the reconciler write to the folder of the ledger",
        ) from error
    try:
        dead = _read_owner(descriptor)
        _write_owner(descriptor, path, owner)
        yield Lock(root, descriptor, dead)
    finally:
        if _is_named(descriptor, path):
            with suppress(OSError):
                path.unlink()
        os.close(descriptor)


def _open_locked(path: Path, now: datetime, wait: Callable[[], bool]) -> int:
    """Open and lock the file that has the name now: its last owner removes it while letting go."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read_owner(descriptor)
            os.close(descriptor)
            if wait():
                continue
            raise _held(path, holder, now) from None
        except OSError:
            os.close(descriptor)
            raise
        if _is_named(descriptor, path):
            return descriptor
        os.close(descriptor)


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


def _held(path: Path, holder: LockOwner | None, now: datetime) -> LockHeld:
    who = "a process that has not yet said who it is" if holder is None else holder.described(now)
    return LockHeld(
        f"the ledger is locked ({path}) by {who}",
        "wait until that run has ended, or end it; nothing was sent, and the lock goes with its process",
    )


def _read_owner(descriptor: int) -> LockOwner | None:
    """Return who is written in the lock file, None when nobody is or it can't be understood."""
    try:
        return decode(os.pread(descriptor, _LONGEST_OWNER, 0), LockOwner)
    except ValueError:
        return None


def _write_owner(descriptor: int, path: Path, owner: LockOwner) -> None:
    text = canonical({name: value for name, value in plain(owner).items() if value is not None}) + b"\n"
    try:
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))
    except OSError as error:
        raise LedgerUnwritable(
            f"the ledger can't be locked: {path}: {error.strerror or error}", "free some space on that disk"
        ) from error
