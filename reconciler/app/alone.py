"""A run alone on its ledger: the lock on this machine and on the ledger's branch, and what may stop it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler.app.context import Context
from reconciler.app.ledger_branch import take_from_branch
from reconciler.app.stopping import BranchWatch, Stopping, watched_signals
from reconciler.errors import LedgerUnwritable
from reconciler.github.branch import BranchLook
from reconciler.github.git import Git, GitFailure, git_from
from reconciler.github.remote_lock import EVERY, RemoteLock, held, part_of
from reconciler.ledger.lock import Lock, hold_lock
from reconciler.model.plan import Plan, parse_shard
from reconciler.model.record import LockOwner
from reconciler.model.settings import LedgerBranch
from reconciler.model.value import replace
from reconciler.ports import Clock

_LOOK = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Alone:
    """The lock of the ledger, the dead run that it was taken over from, and what may stop this run."""

    lock: Lock
    dead: LockOwner | None
    stopping: Stopping


@contextmanager
def alone(
    context: Context, plan: Plan, branch: LedgerBranch | None, owner: LockOwner, timeout: float
) -> Iterator[Alone]:
    """Keep other runs out, on this machine and where the branch is shared. Raises LockHeld, LedgerUnwritable.

    Both are waited for within one `timeout`.
    """
    ends_at = context.clock.monotonic() + timeout
    with (
        watched_signals(_stopping(context)) as stopping,
        hold_lock(context.ledger, owner, _patience(context.clock, timeout)) as lock,
        _remote_lock(context, plan, branch, owner, ends_at) as remote,
    ):
        stopping.lock = remote
        yield Alone(lock, lock.dead or (remote.dead if remote else None), stopping)


def _patience(clock: Clock, timeout: float) -> Callable[[], bool]:
    """Return what waits a while for another run on this machine, as long as there is time."""
    began, told = clock.monotonic(), 0.0

    def wait() -> bool:
        nonlocal told
        waited = clock.monotonic() - began
        if waited >= timeout:
            return False
        if waited >= told:
            _log.warning("another run holds the lock of the ledger: %.0f of at most %g s waited", waited, timeout)
            told = waited + EVERY
        clock.sleep(min(_LOOK, timeout - waited))
        return True

    return wait


@contextmanager
def _remote_lock(
    context: Context, plan: Plan, branch: LedgerBranch | None, owner: LockOwner, ends_at: float
) -> Iterator[RemoteLock | None]:
    """Keep runs on other machines out, and take what they wrote. Raises LockHeld, LedgerUnwritable, LedgerBroken."""
    if branch is None or not branch.lock:
        yield None
        return
    git = git_of_run(context)
    part = part_of(parse_shard(plan.shard) if plan.shard else None)
    lock = RemoteLock(git, branch.name, part, owner, context.clock, branch.remote)
    with held(lock, max(ends_at - context.clock.monotonic(), 0.0)):
        try:
            take_from_branch(git, context.ledger, branch)
        except GitFailure as fault:
            why = f"the ledger could not be fetched from {branch.name}: {fault.message}"
            raise LedgerUnwritable(why, fault.hint) from fault
        yield lock


def git_of_run(context: Context) -> Git:
    """Return git for a run, which it does not keep long once it was told to end."""
    return replace(git_from(context.environ), deadline=context.deadline)


def _stopping(context: Context) -> Stopping:
    """Return what is looked at before each write; where the ledger's branch is named, the stop on it too."""
    branch, settings = context.ledger_branch, context.settings
    look = BranchLook(git_of_run(context), branch.name, branch.remote) if branch else None
    watch = BranchWatch(look, context.clock) if look else None
    grace = settings.requests.grace
    return Stopping(settings.stop_file, context.environ, context.ledger, context.deadline, grace, watch)
