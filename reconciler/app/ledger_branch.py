"""The ledger on its branch: fetched and verified, pushed while a run goes on; and the stop that lies there."""

import getpass
import tempfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.applying.circuit_breaker import CircuitBreaker
from reconciler.atomic import atomic_write
from reconciler.errors import InvalidInput, LedgerBroken, LedgerNotPushed, ReconcilerError
from reconciler.github.actions import Event, read_event
from reconciler.github.branch import fetch_ledger, push_ledger, remove_stop, set_stop
from reconciler.github.client import GitHubFailure, client_from
from reconciler.github.git import Git, git_from
from reconciler.github.noted import Noted, places
from reconciler.ledger.archive import remove_archived
from reconciler.ledger.chain import verify
from reconciler.ledger.files import LONGEST_SILENCE, is_ledger_file, ledger_files, segment_bytes
from reconciler.ledger.heads import heads_not_in
from reconciler.ledger.kept import KEPT
from reconciler.model.decision import Problem, Source
from reconciler.model.record import StopNotice
from reconciler.model.settings import LedgerBranch
from reconciler.ports import Clock

EVERY = 60.0
"""Seconds after which new lines are pushed."""
MANY = 500
"""Receipts after which new lines are pushed sooner."""
_POLL = 1.0


def pull_ledger(
    folder: Path, branch: str, environ: Mapping[str, str], environment: str | None, clock: Clock
) -> tuple[str | None, str]:
    """Fetch the ledger, verify it, and see that it still has what the last apply noted of it.

    Return the commit of its branch, None when there is none, and what could not be looked up. For a pull request of a
    fork, which writes nothing, nothing is looked up. Raises GitFailure, and LedgerBroken also for a branch that is
    gone, cut or forked.
    """
    git, event = git_from(environ), read_event(environ)
    pull = event.pull_request if event is not None else None
    is_fork = event is not None and pull is not None and pull.head_repository != event.repository
    github = client_from(environ, event, clock) if event is not None and not is_fork else None
    found: list[Noted] = []
    unknown: list[str] = []
    # Before the branch: a run that ends in between has come further than it noted, and not less far.
    if event is not None and github is not None:
        artifact = f"run-{environment}" if environment else "run"
        for look in places(github, artifact, event.base or event.branch, branch, _applied(git, event)):
            try:
                found += [noted] if (noted := look()) is not None else []
            except GitHubFailure as fault:
                if fault.status not in _NOT_ALLOWED:
                    raise
                unknown.append(f"{fault.message}; {fault.hint}")
            except ValueError as fault:
                unknown.append(str(fault))
    head = fetch_ledger(git, folder, branch)
    remove_archived(folder)
    verify(folder)
    for noted in found:
        _require(folder, head, noted, event.repository if event is not None else "")
    why = "; ".join(unknown)
    return head, f"what the last apply noted of the ledger can't be read: {why}" if why else ""


def _applied(git: Git, event: Event) -> tuple[str, ...]:
    """Return the newest commits of the branch that may have been applied already, the newest first."""
    newest = (event.pull_request.base_sha if event.pull_request else event.before) or event.sha
    listed = git.attempt("rev-list", "--first-parent", f"--max-count={_LOOKED_AT}", newest, "--")
    return tuple(listed.stdout.split()) if listed.returncode == 0 else (newest,)


_LOOKED_AT = 2
"""Commits whose check runs are asked for: that of the newest one may still be under way."""
_NOT_ALLOWED = (403, 404)


def _require(folder: Path, head: str | None, noted: Noted, repository: str) -> None:
    """Refuse a ledger that lacks what was noted of it elsewhere. Raises LedgerBroken with the way back."""
    lost = heads_not_in(folder, noted.ledger.heads)
    if not lost:
        return
    branch = noted.ledger.branch
    missing = ", ".join(f"line {each.lines} of {each.path}" for each in lost)
    state = "was cut or forked" if head is not None else "is gone"
    refs = f"gh api repos/{repository}/git/refs"
    commit = noted.ledger.commits[-1] if noted.ledger.commits else "COMMIT"
    way = (
        f"`{refs} -f ref=refs/heads/{branch} -f sha={commit}`"
        if head is None
        else f"`{refs}/heads/{branch} -X PATCH -f sha={commit} -F force=true`"
    )
    where = (
        "" if noted.ledger.commits else f"; `gh api repos/{repository}/activity?ref=refs/heads/{branch}` tells COMMIT"
    )
    raise LedgerBroken(
        f"the branch {branch} of the ledger {state}: it has not {missing}, which {noted.where} noted",
        f"put it back with {way}{where}, and take files back that are missing then with `reconciler github ledger "
        "restore`; a ledger that is begun anew on purpose needs another branch (input `ledger-branch`)",
    )


def keep_ledger(folder: Path, branch: str, environ: Mapping[str, str]) -> str | None:
    """Add what is in the folder to the branch and return its new head, None when nothing is new.

    Raises LedgerBroken and LedgerUnwritable.
    """
    if not folder.exists():
        return None
    verify(folder)
    git, event = git_from(environ), read_event(environ)
    message = f"Record a run of {git.run('rev-parse', '--short=12', 'HEAD')}\n\n{event.run_url if event else ''}\n"
    return push_ledger(git, folder, branch, message, beside=KEPT)


def push_archives(folder: Path, branch: LedgerBranch, environ: Mapping[str, str], lists: Sequence[Path]) -> str | None:
    """Put archives onto the branch in the place of the runs in them, and return its new head.

    Raises LedgerBroken and LedgerUnwritable.
    """
    message = "Archive old runs\n\n" + "\n".join(path.name for path in lists) + "\n"
    return push_ledger(git_from(environ), folder, branch.name, message, beside=KEPT, remote=branch.remote)


def stop_all(branch: str, why: str, environ: Mapping[str, str], clock: Clock) -> StopNotice:
    """Have every run stop writing, and return what they will say. Raises LedgerUnwritable and GitFailure."""
    notice = StopNotice(_who(environ), clock.now().replace(microsecond=0), why)
    set_stop(git_from(environ), branch, notice)
    return notice


def start_again(branch: str, environ: Mapping[str, str]) -> StopNotice | None:
    """End the stop and return what it said, None when there is none. Raises LedgerUnwritable and GitFailure."""
    return remove_stop(git_from(environ), branch, _who(environ))


def _who(environ: Mapping[str, str]) -> str:
    """Name whoever asks: the actor of the workflow run, or who commits in this checkout."""
    configured = git_from(environ).attempt("config", "user.email").stdout.strip()
    return environ.get("GITHUB_ACTOR") or configured or getpass.getuser()


def take_from_branch(git: Git, folder: Path, branch: LedgerBranch) -> None:
    """Add what the branch has to the folder; a file that is longer here, of a run that could not push, stays as it is.

    Raises GitFailure, and LedgerBroken for a file with other lines here and there.
    """
    with tempfile.TemporaryDirectory(prefix="ledger-") as scratch:
        fetched = Path(scratch)
        fetch_ledger(git, fetched, branch.name, branch.remote)
        runs = ledger_files(fetched)
        for name in runs:
            if (fetched / name).exists():
                _takes(fetched, folder, name)
        for path in (each for each in fetched.rglob("*") if each.is_file()):
            target = folder / path.relative_to(fetched)
            if path.relative_to(fetched).as_posix() not in runs and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(target, path.read_bytes())
    remove_archived(folder)


def restore_ledger(source: Path, folder: Path, branch: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Take the ledger files of an artifact back to the branch, and name those that had lines it did not have.

    `source` is the artifact, packed or unpacked. Raises LedgerBroken for files that don't fit the chain that is there,
    LedgerUnwritable, and InvalidInput for what has no ledger files.
    """
    git = git_from(environ)
    with tempfile.TemporaryDirectory(prefix="ledger-") as scratch:
        found, whole = _unpacked(source, Path(scratch) / "artifact"), Path(scratch) / "ledger"
        fetch_ledger(git, whole, branch)
        news = tuple(name for name in ledger_files(found) if _takes(found, whole, name))
        if not ledger_files(found):
            problem = Problem("ledger/none", Source(str(source)), "there are no files of a ledger", _ARTIFACT)
            raise InvalidInput((problem,))
        verify(whole)
        push_ledger(git, whole, branch, f"Take back what {len(news)} runs had written\n\n" + "\n".join(news))
        fetch_ledger(git, folder, branch)
        remove_archived(folder)
    return news


_ARTIFACT = "name the folder or the zip file of the artifact `ledger-part…` of the run that could not push"
_MOST_BYTES = 1024 * 1024 * 1024


def _unpacked(source: Path, folder: Path) -> Path:
    """Return the folder of an artifact. Only files of runs are taken out of a packed one."""
    if source.is_dir():
        return source
    try:
        with zipfile.ZipFile(source) as archive:
            for one in archive.infolist():
                if is_ledger_file(one.filename) and one.file_size <= _MOST_BYTES:
                    (folder / one.filename).parent.mkdir(parents=True, exist_ok=True)
                    atomic_write(folder / one.filename, archive.read(one))
    except (OSError, zipfile.BadZipFile) as fault:
        problem = Problem("ledger/artifact", Source(str(source)), f"the artifact can't be read: {fault}", _ARTIFACT)
        raise InvalidInput((problem,)) from None
    return folder


def _takes(rescued: Path, kept: Path, name: str) -> bool:
    """Put the lines of a file of one ledger where another lacks them. Raises LedgerBroken when others are there."""
    whole = segment_bytes(rescued, name)
    there = segment_bytes(kept, name) if name in ledger_files(kept) else b""
    if not whole.startswith(there) and not there.startswith(whole):
        raise LedgerBroken(
            f"{rescued / name} has other lines than {Path(name).name} on the branch",
            "one of them was changed: find out which (`git log` of the branch); nothing was pushed",
        )
    if len(whole) <= len(there):
        return False
    (kept / name).parent.mkdir(parents=True, exist_ok=True)
    atomic_write(kept / name, whole)
    return True


@dataclass(slots=True)
class LedgerPusher:
    """Pushes the file of one run: before its first update, every minute or 500 receipts, and at its end.

    A branch that takes no more lines stops the run: what nobody can find again must not be sent.
    """

    git: Git
    folder: Path
    file: Path
    branch: LedgerBranch
    clock: Clock
    breaker: CircuitBreaker
    commits: list[str] = field(default_factory=list)
    receipts: int = 0
    pushed: int = 0
    at: float = 0.0
    tried: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def begin(self) -> None:
        """Push what is there, and go on while the run does. Raises LedgerNotPushed: then nothing may be sent."""
        self._push("Begin")
        self.thread = threading.Thread(target=self._follow, name="push-ledger", daemon=True)
        self.thread.start()

    def count(self, receipts: int) -> None:
        """Learn that receipts came. Thread-safe."""
        with self.lock:
            self.receipts += receipts

    def push_when_due(self) -> None:
        """Push what is new when it is time to; stop the run when that has failed for too long."""
        now = self.clock.monotonic()
        if self.receipts == self.pushed or now - self.tried < (1 if self.receipts - self.pushed >= MANY else EVERY):
            return
        self.tried = now
        try:
            self._push("Go on with")
        except ReconcilerError as fault:
            if self.clock.monotonic() - self.at >= LONGEST_SILENCE.total_seconds():
                self.breaker.trip(fault.message)

    def end(self) -> str | None:
        """Push the rest, and say why it can't be pushed; None when it is on the branch."""
        self.ended.set()
        if self.thread is not None:
            self.thread.join()
        try:
            self._push("End")
        except ReconcilerError as fault:
            return f"{fault.message}; {fault.hint}"
        return None

    def _follow(self) -> None:
        while not self.ended.wait(_POLL):
            self.push_when_due()

    def _push(self, what: str) -> None:
        receipts = self.receipts
        try:
            message = f"{what} run {self.file.stem}"
            commit = push_ledger(
                self.git, self.folder, self.branch.name, message, remote=self.branch.remote, only=self.file, beside=KEPT
            )
        except LedgerNotPushed:
            raise
        except ReconcilerError as fault:
            raise LedgerNotPushed(
                f"the ledger could not be pushed to {self.branch.name}: {fault.message}", fault.hint
            ) from fault
        self.commits += [commit] if commit else []
        self.pushed, self.at = receipts, self.clock.monotonic()
        self.tried = self.at
