"""Branches that the reconciler writes to: that of the ledger, only ever added to, and those of proposals.

One run writes files of the ledger that no other run writes, so branches that moved meanwhile merge without conflict.

The stop for everybody is a file STOP at the root of the ledger's branch, which every run looks at before it writes.
Anybody who may push to the branch can set it, also by hand in GitHub's editor: any file of that name stops.
"""

import gzip
import hashlib
import logging
import random
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reconciler.codec import Newer, decode, decode_document, json_text, sha256
from reconciler.errors import GuardRefused, LedgerBroken, LedgerNotPushed
from reconciler.github.git import AUTHOR, Git, tip_of
from reconciler.model.evidence import ArchivedRun, ArchiveList
from reconciler.model.record import StopNotice
from reconciler.model.status import format_instant

_log = logging.getLogger(__name__)

ATTEMPTS = 64
"""Pushes that are tried when other runs push at the same time."""
_UNMOVED = 3
"""Pushes that may be refused while nobody else moves the branch: a lock of the remote that was held, no rule."""
_LONGEST_PAUSE = 4.0
_AS_THEY_ARE = ("-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "core.attributesFile=")
"""Settings with which git changes no byte of a file that it writes, whatever the machine's own say."""
_UNLIKE = ("-c", "pack.window=0")
"""For the first push of a ledger: what its lines have in common is little, and a search for it takes minutes for years.

Later pushes look for it, because a file that grows has most of what it had (git documentation, "git-config").
"""
STOP = "STOP"
"""The file that stops all writes (`github stop`)."""
FILES = "*.jsonl"
"""What of the ledger folder is evidence. Locks, indexes and caches stay behind."""


def fetch_ledger(git: Git, folder: Path, branch: str, remote: str = "origin") -> str | None:
    """Write the ledger of the branch into `folder` and return the commit, None when there is no such branch.

    Nothing that is in the folder is deleted, but for a stop that the branch does not have. Raises GitFailure.
    """
    head = _fetch(git, branch, remote, "--depth=1")
    folder.mkdir(parents=True, exist_ok=True)
    if head is not None:
        (folder / STOP).unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix="ledger-") as scratch:
            index = Path(scratch) / "index"
            git.run("read-tree", head, index=index)
            git.run(*_AS_THEY_ARE, "checkout-index", "--all", "--force", index=index, work_tree=folder.resolve())
    return head


def push_ledger(  # noqa: PLR0913 - what goes where, and how it is told
    git: Git,
    folder: Path,
    branch: str,
    message: str,
    *,
    only: Path | None = None,
    beside: Sequence[str] = (),
    remote: str = "origin",
) -> str | None:
    """Add the files of `folder`, or `only` one of them, to the branch and return its head, None when it has them all.

    `beside` are patterns of files that never change and lie beside the runs.
    A run that is in an archive here is taken off the branch, and one that is in an archive there is not put back.
    Only whole lines are pushed: what a run is writing just now comes next time. When another run was faster, its files
    are kept and ours are added to them; a file of which the branch has more lines stays as it is there, unless it is
    `only`. Raises LedgerBroken when a file is on the branch with other content than an earlier part of ours, and
    LedgerNotPushed when it can't be pushed.
    """

    def add(head: str | None, index: Path) -> str:
        there = _blobs(git, head) if head is not None else {}
        packed = _archived(git, there)
        paths = (only,) if only is not None else sorted(path for path in folder.rglob(FILES) if path.is_file())
        for path in paths:
            name, data = path.relative_to(folder).as_posix(), path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            if there.get(name) == _blob(whole, head) or (name in packed and _is_in(packed[name], name, whole)):
                continue
            theirs = _content(git, head, name) if name in there else b""
            if only is None and whole and theirs.startswith(whole):
                continue  # another run's, fetched while it was still writing: the branch has more of it by now
            _refuse_rewriting(name, whole, theirs)
            blob = git.run("hash-object", "-w", "--no-filters", "--stdin", stdin=whole.decode())
            git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", index=index)
        for path in sorted(path for pattern in beside for path in folder.glob(pattern)):
            name = path.relative_to(folder).as_posix()
            if name not in there:
                blob = git.run("hash-object", "-w", "--no-filters", str(path.resolve()))
                git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", index=index)
        here = _in_archives(folder) if only is None else {}
        gone = [name for name in here if name in there]
        for name in gone:
            lines = here[name]()
            if there[name] != _blob(lines, head):
                _refuse_rewriting(name, lines, _content(git, head, name))
        if gone:
            git.run("update-index", "--force-remove", "-z", "--stdin", index=index, stdin="\0".join(gone) + "\0")
        return message

    return push_onto(git, branch, add, remote)


def push_onto(git: Git, branch: str, change: Callable[[str | None, Path], str], remote: str = "origin") -> str | None:
    """Change the newest tree of a branch, push that, and return its new head; None when nothing is changed.

    `change` gets the head and a git index that holds its tree, and returns the message. When somebody else was faster,
    it is called again for the newer head. Raises LedgerNotPushed when it can't be pushed.
    """
    last, unmoved = "", 0
    for attempt in range(ATTEMPTS):
        head = _fetch(git, branch, remote, "--depth=1")
        commit = _commit(git, head, change)
        if commit is None:
            return None
        done = git.attempt(
            *(_UNLIKE if head is None else ()), "push", "--porcelain", remote, f"{commit}:refs/heads/{branch}"
        )
        if done.returncode == 0:
            _log.info("the ledger was pushed to %s", branch)
            return commit
        _log.info("the push to %s was refused, because another run was faster or holds a lock", branch)
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        unmoved = unmoved + 1 if _fetch(git, branch, remote, "--depth=1") == head else 0
        if unmoved == _UNMOVED:
            break
        pause = min(0.1 * 2**attempt, _LONGEST_PAUSE)
        time.sleep(random.uniform(0, pause))  # noqa: S311 - it spreads pushes, and hides nothing
    raise LedgerNotPushed(
        f"the ledger could not be pushed to {branch}: {last}",
        "the files are in the run's artifact; give the job `contents: write`, allow the branch, and take them back: "
        "`reconciler github ledger restore`",
    )


def _fetch(git: Git, branch: str, remote: str, *how: str) -> str | None:
    """Fetch the newest commit of a branch and return it, None when there is no such branch."""
    head = tip_of(git, branch, remote)
    if head is not None:
        git.run("fetch", "--no-tags", *how, remote, head)
    return head


def _commit(git: Git, head: str | None, change: Callable[[str | None, Path], str]) -> str | None:
    with tempfile.TemporaryDirectory(prefix="ledger-") as scratch:
        index = Path(scratch) / "index"
        git.run("read-tree", *([head] if head else ["--empty"]), index=index)
        message = change(head, index)
        tree = git.run("write-tree", index=index)
        if head is None and tree == git.run("hash-object", "-t", "tree", "--stdin", stdin=""):
            return None
        if head is not None and git.run("rev-parse", f"{head}^{{tree}}") == tree:
            return None
        return git.run("commit-tree", tree, *(["-p", head] if head else []), "-m", message)


def _blobs(git: Git, head: str) -> dict[str, str]:
    """Return the files of the branch with their blobs."""
    rows = (row.split("\t", 1) for row in git.run("ls-tree", "-r", "-z", head).split("\0") if row)
    return {name: about.split()[2] for about, name in rows}


def _archived(git: Git, there: Mapping[str, str]) -> dict[str, ArchivedRun]:
    """Return the runs that are in archives of the branch, by their paths."""
    names = [name for name in sorted(there) if _LIST.fullmatch(name)]
    lists = [there[name] for name in names]
    found: dict[str, ArchivedRun] = {}
    text = git.run("cat-file", "--batch", stdin="\n".join(lists)) if lists else ""
    for name in names:  # a line that names the object and its size, the object, and a line feed
        about, _, rest = text.partition("\n")
        size = int(about.split()[2])
        found |= {run.path: run for run in _listed(rest[:size].encode(), name)}
        text = rest[size + 1 :]
    return found


def _listed(data: bytes, place: str) -> tuple[ArchivedRun, ...]:
    try:
        return decode_document(data, ArchiveList, "archive").runs
    except ValueError as error:
        remedy = error.hint if isinstance(error, Newer) else "find out who changed it (`git log` of the branch)"
        raise LedgerBroken(f"{place}: {error}", remedy) from None


_LIST = re.compile(r"archive/[^/]+\.json")


def _is_in(run: ArchivedRun, name: str, lines: bytes) -> bool:
    """Check that an archive has all of a file left here by an earlier clone. Raises LedgerBroken for others."""
    every = lines.splitlines()
    if len(every) > run.lines or (len(every) == run.lines and sha256(every[-1]) != run.hash):
        raise LedgerBroken(
            f"{name} is in an archive on the ledger's branch, with other lines than here",
            "find out which of the two was changed (`git log` of the branch); nothing was pushed",
        )
    return True


def _in_archives(folder: Path) -> dict[str, Callable[[], bytes]]:
    """Return what reads the lines of each run that is in an archive here."""
    found: dict[str, Callable[[], bytes]] = {}
    for path in sorted(folder.glob("archive/*.json")):
        packed = path.with_suffix(".jsonl.gz")
        found |= {run.path: partial(_unpacked, packed, run) for run in _listed(path.read_bytes(), str(path))}
    return found


def _unpacked(packed: Path, run: ArchivedRun) -> bytes:
    with packed.open("rb") as file:
        file.seek(run.offset)
        return gzip.decompress(file.read(run.size))


def _blob(data: bytes, head: str | None) -> str:
    """Return the name that git gives to a content (git documentation, "gitformat-loose"), without running it."""
    digest = hashlib.new("sha256" if head is not None and len(head) == _SHA256 else "sha1", usedforsecurity=False)
    digest.update(b"blob %d\0" % len(data) + data)
    return digest.hexdigest()


_SHA256 = 64
"""Digits of a commit in a repository whose object format is sha256."""


def _content(git: Git, head: str | None, name: str) -> bytes:
    return git.attempt("show", f"{head}:{name}").stdout.encode()


def _refuse_rewriting(name: str, mine: bytes, theirs: bytes) -> None:
    """A file of the branch may only grow."""
    if not mine.startswith(theirs):
        raise LedgerBroken(
            f"{name} is on the ledger's branch with other lines than here",
            "find out who changed it (`git log` of the branch); nothing was pushed",
        )


@dataclass(frozen=True, slots=True)
class ProposedBranch:
    """What became of a proposal: `changed` says whether the branch was pushed, `files` what differs from the base."""

    files: tuple[str, ...]
    changed: bool


def push_proposal(
    git: Git, branch: str, paths: Sequence[str], message: str, *, base: str, remote: str = "origin"
) -> ProposedBranch:
    """Commit what changed under `paths` on top of HEAD and push it as `branch`.

    `base` is the branch that the proposal is for. Nothing changed means nothing pushed, and the same change as
    last time is not pushed again. Raises GuardRefused when a person has pushed to the branch, and GitFailure.
    """
    git.run("add", "--all", "--", *paths)
    files = tuple(git.run("diff", "--cached", "--name-only", "HEAD").splitlines())
    if not files:
        return ProposedBranch((), changed=False)
    old = _fetch(git, branch, remote)
    if old is not None:
        _fetch_history(git, remote)
        _refuse_others(git, branch, old, _fetch(git, base, remote) or "HEAD")
        if _same_change(git, old):
            return ProposedBranch(files, changed=False)
    commit = git.run("commit-tree", git.run("write-tree"), "-p", "HEAD", "-m", message)
    lease = f"--force-with-lease=refs/heads/{branch}:{old or ''}"
    git.run("push", "--porcelain", lease, remote, f"{commit}:refs/heads/{branch}")
    return ProposedBranch(files, changed=True)


def _fetch_history(git: Git, remote: str) -> None:
    """Complete a shallow checkout: without its history every commit of main looks like one of the branch's."""
    if git.run("rev-parse", "--is-shallow-repository") == "true":
        git.run("fetch", "--no-tags", "--unshallow", remote)


def _refuse_others(git: Git, branch: str, head: str, base: str) -> None:
    """Refuse when anybody else's commit is on the branch and not on the base yet."""
    authors = set(git.run("log", "--format=%ce", f"{base}..{head}").splitlines())
    if others := sorted(authors - {AUTHOR[1]}):
        raise GuardRefused(
            f"{branch} has commits of {', '.join(others)}, which are not overwritten",
            "merge or close its pull request and delete the branch; the next run proposes what is still new",
        )


def _same_change(git: Git, old: str) -> bool:
    """Return whether the branch already has exactly this tree on this base."""
    same_tree = git.run("rev-parse", f"{old}^{{tree}}") == git.run("write-tree")
    parent = git.attempt("rev-parse", f"{old}^")
    return same_tree and parent.stdout.strip() == git.run("rev-parse", "HEAD")


_LONGEST_REASON = 200


def notice_of(text: str) -> StopNotice:
    """Return what a STOP file says; one that was written by hand says what its first line says."""
    try:
        return decode(text.encode(), StopNotice)
    except ValueError:
        first = next((line.strip() for line in text.splitlines() if line.strip()), "no reason is given")
        return StopNotice("somebody", None, first[:_LONGEST_REASON])


def local_stop(ledger: Path) -> StopNotice | None:
    """Return the stop that lies in a ledger's folder, None when there is none."""
    try:
        return notice_of((ledger / STOP).read_text(encoding="utf-8", errors="replace"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as fault:
        return StopNotice("somebody", None, f"the file can't be read: {fault.strerror}")


def set_stop(git: Git, branch: str, notice: StopNotice, remote: str = "origin") -> bool:
    """Put the file on the branch, in the place of an earlier one. False when it says that already.

    Raises LedgerUnwritable and GitFailure.
    """

    def put(_head: str | None, index: Path) -> str:
        blob = git.run("hash-object", "-w", "--no-filters", "--stdin", stdin=_stop_text(notice))
        git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{STOP}", index=index)
        return f"Stop all writes\n\n{notice}\n"

    return push_onto(git, branch, put, remote) is not None


def remove_stop(git: Git, branch: str, by: str, remote: str = "origin") -> StopNotice | None:
    """Take the file from the branch and return what it said, None when there is none.

    Raises LedgerUnwritable and GitFailure.
    """
    look = BranchLook(git, branch, remote)
    found = look()
    if found is None:
        return None

    def take(_head: str | None, index: Path) -> str:
        git.run("update-index", "--force-remove", STOP, index=index)
        return f"Start writing again\n\n{by} ended this: {found}\n"

    push_onto(git, branch, take, remote)
    return found


class BranchLook:
    """Looks at the file on the branch; what has not moved since the last look is not fetched again."""

    def __init__(self, git: Git, branch: str, remote: str = "origin") -> None:
        """Look at nothing yet."""
        self._git, self._branch, self._remote = git, branch, remote
        self._head: str | None = None
        self._found: StopNotice | None = None

    def __call__(self) -> StopNotice | None:
        """Return the stop as the remote has it now, None when there is none. Raises GitFailure."""
        head = tip_of(self._git, self._branch, self._remote)
        if head != self._head:
            self._found = self._stop_at(head) if head is not None else None
            self._head = head
        return self._found

    def _stop_at(self, head: str) -> StopNotice | None:
        self._git.run("fetch", "--no-tags", "--depth=1", self._remote, head)
        if not self._git.run("ls-tree", head, "--", STOP):
            return None
        return notice_of(self._git.run("show", f"{head}:{STOP}"))


def _stop_text(notice: StopNotice) -> str:
    at = format_instant(notice.at) if notice.at else None
    return json_text({"version": notice.version, "by": notice.by, "at": at, "why": notice.why})
