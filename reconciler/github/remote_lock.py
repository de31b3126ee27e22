"""A lock that travels: a ref on the remote that holds the ledger's branch, for runs on any machine.

A hold is a ref below `refs/reconciler/lock/<branch>/`, named for the part of the work that it covers, on a commit
that tells who holds it. It is made, moved and removed by pushes that name the value they replace (compare-and-swap:
git-push, `--force-with-lease=<ref>:<expect>`). GitHub takes refs outside `heads` and `tags`; git-bug uses such.

No two clocks are ever compared. A holder moves its ref every 15 seconds; an observer whose own steady clock has seen
the ref unmoved for 60 takes its holder for dead and takes the lock over, with the value that it saw. A holder that
could not move its ref for 45 seconds takes itself for dead, and starts no further write.
"""

import logging
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from reconciler.codec import canonical, decode
from reconciler.errors import LedgerUnwritable, LockHeld
from reconciler.github.git import Git, GitFailure
from reconciler.model.plan import Shard
from reconciler.model.record import LockOwner
from reconciler.ports import Clock

REFS = "refs/reconciler/lock"
HEARTBEAT = 15.0
"""Seconds between two moves of the ref."""
DEAD_AFTER = 60.0
"""Seconds without a move after which others take over."""
LAPSED_AFTER = 45.0
"""Seconds without a move after which the holder starts no further write: before anybody may take over."""
_LOOK = 5.0
EVERY = 30.0
"""Seconds between two lines about a run that is waited for."""
_log = logging.getLogger(__name__)
_REFUSALS = 5
_MEETINGS = 20
"""How often a run that met others which began at the same moment tries again, whatever its patience."""
_WHOLE = "whole"
_LOST = "the lock of the ledger's branch was taken over by another run"


def part_of(shard: Shard | None) -> str:
    """Return the name of the part that a run holds: all, or one shard of a division."""
    return _WHOLE if shard is None else f"{shard.number}of{shard.of}"


def excludes(one: str, other: str) -> bool:
    """Whether two parts may not be held at once: only different shards of one division may."""
    division = one.partition("of")[2]
    return one == other or not division or division != other.partition("of")[2]


@dataclass(slots=True)
class RemoteLock:
    """One hold. Thread-safe once it is held."""

    git: Git
    branch: str
    part: str
    owner: LockOwner
    clock: Clock
    remote: str = "origin"
    value: str = ""
    """The commit that our ref is on."""
    moved: float = 0.0
    lost: str | None = None
    dead: LockOwner | None = None
    """Who held it before and was taken for dead."""
    _refused: int = 0
    _made: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)

    def reason(self) -> str | None:
        """Return why no new write may start; None while the lock is surely ours."""
        with self._lock:
            if self.lost is None and self.clock.monotonic() - self.moved >= LAPSED_AFTER:
                self.lost = f"the lock of the ledger's branch could not be renewed for {LAPSED_AFTER:.0f} s"
            return self.lost

    def acquire(self, timeout: float) -> None:
        """Take the lock, waiting for at most `timeout` seconds.

        Raises LockHeld with who holds it, and LedgerUnwritable when the remote can't be asked or refuses the ref.
        """
        began, told, met, seen = self.clock.monotonic(), 0.0, 0, dict[str, tuple[str, float]]()
        while True:
            rivals = self._rivals()
            seen = {name: _still(seen.get(name), value, self.clock.monotonic()) for name, value in rivals.items()}
            dead = [name for name, (_, since) in seen.items() if self.clock.monotonic() - since >= DEAD_AFTER]
            for name in dead:
                self._take_over(name, rivals[name])
            if not rivals and self._take():
                _log.info("the lock of the ledger's branch %s is held, part %s", self.branch, self.part)
                return
            met += not rivals
            waited = self.clock.monotonic() - began
            if not dead and (rivals or met == _MEETINGS) and waited >= timeout:
                raise self._held(rivals or self._rivals())
            if rivals and not dead and waited >= told:
                words = "another run holds the lock of the ledger's branch %s: %.0f of at most %.0f s waited"
                _log.warning(words, self.branch, waited, timeout)
                told = waited + EVERY
            if not dead:
                self.clock.sleep(min(_LOOK, timeout - waited) if rivals else random.uniform(0.1, 1.0))  # noqa: S311 - it spreads runs

    def keep(self) -> None:
        """Move the ref when it is time to, until the lock is given up; the work of a thread."""
        while not self._ended.wait(HEARTBEAT):
            self.beat()

    def beat(self) -> None:
        """Move the ref once. That another holds it now is found out here."""
        with self._lock:
            if self.lost is not None:
                return
            began = self.clock.monotonic()
            try:
                value = self._commit()
                if self._push(value, self._ref, self.value):
                    self.value, self.moved = value, began
                else:
                    self._find_out()
            except GitFailure:
                pass  # tried again, until it has lapsed

    def _find_out(self) -> None:
        """A push whose answer was lost has moved the ref all the same; any other value is that of another run."""
        there = self._listed().get(self.part, "")
        if there in self._made:
            self.value = there
        else:
            self.lost = _LOST

    def give_up(self) -> None:
        """Remove the ref, if it is still ours."""
        self._ended.set()
        if self.value:
            _log.info("the lock of the ledger's branch %s is given up", self.branch)
        with self._lock, suppress(GitFailure):
            if self.value and not self._push("", self._ref, self.value):
                self._find_out()
                if self.lost is None:
                    self._push("", self._ref, self.value)
            self.value = ""

    @property
    def _ref(self) -> str:
        return f"{REFS}/{self.branch}/{self.part}"

    def _rivals(self) -> dict[str, str]:
        try:
            return {part: value for part, value in self._listed().items() if excludes(part, self.part)}
        except GitFailure as fault:
            raise _unreachable(fault) from fault

    def _take(self) -> bool:
        """Publish our hold, then look for rivals again: of two that publish at once, both step back and try again."""
        self.moved = self.clock.monotonic()
        try:
            self.value = self._commit()
            if not self._push(self.value, self._ref, ""):
                self.value = ""
                self._refused = 0 if self._rivals() else self._refused + 1
                if self._refused == _REFUSALS:  # once may be a run that came and went
                    raise LedgerUnwritable(
                        f"the remote takes no ref {self._ref}",
                        "give the job `contents: write`, or set `ledger.lock: file` where runs can't meet",
                    )
                return False
            if set(self._rivals()) == {self.part}:
                return True
            self._push("", self._ref, self.value)
        except GitFailure as fault:
            raise _unreachable(fault) from fault
        self.value = ""
        return False

    def _take_over(self, part: str, value: str) -> None:
        with suppress(GitFailure):
            dead = self._owner_at(part)
            if self._push("", f"{REFS}/{self.branch}/{part}", value):
                self.dead = dead
                _log.info("the lock of the ledger's branch %s was taken from a run that died", self.branch)

    def _listed(self) -> Mapping[str, str]:
        """Return the parts that are held, with the commits of their refs."""
        prefix = f"{REFS}/{self.branch}/"
        lines = self.git.run("ls-remote", self.remote, f"{prefix}*").splitlines()
        return {name.removeprefix(prefix): value for value, _, name in (line.partition("\t") for line in lines)}

    def _commit(self) -> str:
        """Make the commit that tells who holds; its number makes every one another."""
        tree = self.git.run("hash-object", "-t", "tree", "-w", "--stdin", stdin="")
        messages = ("-m", canonical(self.owner).decode(), "-m", f"move {len(self._made)}")
        self._made.append(self.git.run("commit-tree", tree, *messages))
        return self._made[-1]

    def _push(self, value: str, ref: str, expected: str) -> bool:
        """Move a ref from one value to another, "" for none. False when it had another value than expected."""
        lease = f"--force-with-lease={ref}:{expected}"
        done = self.git.attempt("push", "--porcelain", "--no-verify", lease, self.remote, f"{value}:{ref}")
        if done.returncode != 0 and "!" not in done.stdout:
            printed = done.stderr.strip().splitlines() or ["no message"]
            raise GitFailure(f"git push failed: {printed[-1]}", "check the remote and the token")
        return done.returncode == 0

    def _owner_at(self, part: str) -> LockOwner | None:
        try:
            self.git.run("fetch", "--no-tags", "--depth=1", self.remote, f"{REFS}/{self.branch}/{part}")
            return decode(self.git.run("log", "-1", "--format=%s", "FETCH_HEAD").encode(), LockOwner)
        except (GitFailure, ValueError):
            return None

    def _held(self, rivals: Mapping[str, str]) -> LockHeld:
        owners = {part: self._owner_at(part) for part in sorted(rivals)}
        holders = [owner.described(self.clock.now()) if owner else f"part {part}" for part, owner in owners.items()]
        return LockHeld(
            f"the ledger's branch {self.branch} is locked ({'; '.join(holders) or 'by runs that begin just now'})",
            "wait until that run has ended, or wait here with --lock-timeout 90s, which also takes over from a run "
            "that died; nothing was sent",
        )


def _unreachable(fault: GitFailure) -> LedgerUnwritable:
    return LedgerUnwritable(f"the lock of the ledger's branch can't be taken: {fault.message}", fault.hint)


def _still(known: tuple[str, float] | None, value: str, now: float) -> tuple[str, float]:
    """Return a value with the instant since which it has been seen."""
    return known if known is not None and known[0] == value else (value, now)


@contextmanager
def held(lock: RemoteLock, timeout: float) -> Iterator[RemoteLock]:
    """Hold a lock while a thread moves its ref. Raises as RemoteLock.acquire does."""
    try:
        lock.acquire(timeout)
        threading.Thread(target=lock.keep, name="keep-lock", daemon=True).start()
        yield lock
    finally:
        lock.give_up()
