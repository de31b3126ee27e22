"""git in a checkout: running it, with the token only for GitHub's own host, and what it knows of the branch.

Commits are followed along first parents: what came in through a merge counts as that merge.
"""

import base64
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.atomic import atomic_write
from reconciler.errors import ReconcilerError
from reconciler.github.actions import token_from
from reconciler.model.review import BranchCommit
from reconciler.ports import GLANCE, Deadline

LONGEST_SILENCE = 300
"""Seconds after which a git command that printed nothing is taken for stuck. One that shows progress goes on."""
LAST_PUSH = 20.0
"""Seconds that git gets for the ledger after the grace of a run that was told to end has passed."""
AUTHOR = ("tpp-reconciler", "tpp-reconciler@users.noreply.github.com")
"""Name and address under which the reconciler commits."""


class GitFailure(ReconcilerError):
    """git could not do it; the message has the lines in which it says why."""


@dataclass(frozen=True, slots=True)
class Git:
    """git in one work tree. `environ` carries identity and credentials; it is never shown.

    No command goes on beyond LAST_PUSH after the deadline.
    """

    root: Path
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    deadline: Deadline | None = None

    @classmethod
    def open(cls, root: Path, environ: Mapping[str, str], server_url: str, token: str) -> "Git":
        """Make a runner whose requests to `server_url` carry the token, and to no other host.

        git takes configuration from GIT_CONFIG_COUNT and its companions, so that the token is never an argument
        that other processes can read (git documentation, "git-config", ENVIRONMENT).
        """
        kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
        name, address = AUTHOR
        added = {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": address,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": address,
            "LC_ALL": "C.UTF-8",
        }
        if token:
            secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            added |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"http.{server_url.rstrip('/')}/.extraheader",
                "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {secret}",
            }
        return cls(root, kept | added)

    def run(
        self, *arguments: str, index: Path | None = None, work_tree: Path | None = None, stdin: str | None = None
    ) -> str:
        """Run git and return what it printed, without the last line end. Raises GitFailure."""
        done = self.attempt(*arguments, index=index, work_tree=work_tree, stdin=stdin)
        if done.returncode != 0:
            why = _why(done.stderr)
            raise GitFailure(f"git {_command(arguments)} failed: {why}", _hint(why, self.root))
        return done.stdout.rstrip("\n")

    def attempt(
        self, *arguments: str, index: Path | None = None, work_tree: Path | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run git and return how it went. `index` and `work_tree` stand in for those of the checkout."""
        environ = dict(self.environ)
        if index is not None:
            environ["GIT_INDEX_FILE"] = str(index)
        if work_tree is not None:
            environ["GIT_WORK_TREE"] = str(work_tree)
            environ["GIT_DIR"] = self._git_dir(environ)
        try:
            return self._start(arguments, environ, stdin=stdin)
        except subprocess.TimeoutExpired as fault:
            raise GitFailure(f"git {_command(arguments)} {fault.output}", "check the remote") from fault

    def _git_dir(self, environ: Mapping[str, str]) -> str:
        done = self._start(("rev-parse", "--absolute-git-dir"), environ, without=("GIT_WORK_TREE", "GIT_DIR"))
        if done.returncode != 0:
            raise GitFailure(f"{self.root} is not in a git repository", "check out the repository first")
        return done.stdout.strip()

    def _start(
        self,
        arguments: tuple[str, ...],
        environ: Mapping[str, str],
        without: tuple[str, ...] = (),
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        program = shutil.which("git", path=environ.get("PATH", os.defpath))
        if program is None:
            raise GitFailure("git is not installed", "install git, or run on a runner that has it")
        command = [program, *_with_progress(arguments)]
        with subprocess.Popen(  # noqa: S603 - a fixed program, arguments as a list, no shell
            command,
            cwd=self.root,
            env={name: value for name, value in environ.items() if name not in without},
            stdin=None if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            began = heard = time.monotonic()
            size = 0
            try:
                while True:
                    try:
                        out, errors = process.communicate(stdin, timeout=GLANCE)
                        return subprocess.CompletedProcess(command, process.returncode, out, errors)
                    except subprocess.TimeoutExpired as so_far:
                        stdin, now, before = None, time.monotonic(), size
                        size = len(so_far.output or b"") + len(so_far.stderr or b"")
                        heard = now if size != before else heard
                        why = self._ends(now - began, now - heard)
                        if why:
                            raise subprocess.TimeoutExpired(command, now - began, output=why) from None
            except BaseException:
                process.kill()
                raise

    def _ends(self, took: float, silent: float) -> str:
        """Return why a command that runs does so no longer, "" while it may."""
        if silent >= LONGEST_SILENCE:
            return f"said nothing for {silent:.0f} s"
        return f"took longer than {took:.0f} s" if self.deadline and self.deadline.left() <= -LAST_PUSH else ""


def _with_progress(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Have commands that may take long tell how far they are, which they do not by themselves without a terminal."""
    place = _place(arguments)
    return (*arguments[: place + 1], "--progress", *arguments[place + 1 :]) if arguments[place] in _LONG else arguments


_LONG = frozenset({"push", "fetch"})
_TELLS = re.compile(r"fatal:|error:|remote: (?:error|fatal)|\s*! \[")
_LONGEST = 500


def _why(printed: str) -> str:
    """Return the lines that say what went wrong, whatever stands around them; else the last one."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()] or ["no message"]
    return "; ".join([line for line in lines if _TELLS.match(line)] or lines[-1:])[:_LONGEST]


def _command(arguments: tuple[str, ...]) -> str:
    return arguments[_place(arguments)]


def _place(arguments: tuple[str, ...]) -> int:
    """Return where the name of the command stands: after options of git itself, and settings (`-c name=value`)."""
    place = 0
    while arguments[place].startswith("-"):
        place += 2 if arguments[place] == "-c" else 1
    return place


def _hint(why: str, root: Path) -> str:
    if "dubious ownership" in why:
        return f"another user owns the checkout: `git config --global --add safe.directory {root}`"
    if "not a git repository" in why:
        return "check out the repository first"
    return "run it by hand in the checkout to see more"


_HEADER = re.compile(r"\x01([0-9a-f]{40,64}) ([0-9a-f ]*)")
_ABSENT = re.compile(r"0+")


def git_from(environ: Mapping[str, str]) -> Git:
    """Return git in the working directory, with the token of the environment for GitHub's host."""
    server = environ.get("GITHUB_SERVER_URL", "https://github.com")
    return Git.open(Path.cwd(), environ, server, token_from(environ))


def tip_of(git: Git, branch: str, remote: str = "origin") -> str | None:
    """Return the newest commit of a branch on the remote, None when there is no such branch. Raises GitFailure."""
    listed = git.run("ls-remote", "--heads", remote, f"refs/heads/{branch}")
    return listed.split()[0] if listed else None


def head_of(git: Git) -> str:
    """Return the commit that is checked out. Raises GitFailure with the true cause, such as dubious ownership."""
    return git.run("rev-parse", "--verify", "HEAD")


def is_cut(git: Git) -> bool:
    """Return whether the history of HEAD lacks its older commits, as in a shallow checkout. Raises GitFailure.

    Whether the repository is called shallow says nothing: fetching the newest commit of another branch makes it so.
    """
    oldest = git.run("rev-list", "--first-parent", "--max-parents=0", "HEAD").splitlines()
    headers = [git.run("cat-file", "commit", sha).split("\n\n", 1)[0] for sha in oldest]
    return any(line.startswith("parent ") for header in headers for line in header.splitlines())


def names_in_repository(git: Git, paths: Iterable[str]) -> dict[str, str]:
    """Return for each path how git names it, below the root of the repository. Raises GitFailure for one outside."""
    root = Path(git.run("rev-parse", "--show-toplevel")).resolve()
    named = {}
    for path in paths:
        whole = Path(os.path.normpath(git.root / path))
        resolved = whole.parent.resolve() / whole.name
        if not resolved.is_relative_to(root):
            raise GitFailure(f"{path} is outside the repository {root}", "keep manifests and configuration inside it")
        named[path] = resolved.relative_to(root).as_posix()
    return named


def uncommitted(git: Git, names: Iterable[str]) -> dict[str, str]:
    """Return the files that are not as HEAD has them, with what is the matter. Raises GitFailure."""
    listed = sorted(set(names))
    if not listed:
        return {}
    printed = git.run(
        "status", "--porcelain=v1", "-z", "--ignored", "--untracked-files=all", "--", *map(_literal, listed)
    )
    tokens = iter(printed.split("\0"))
    found = {}
    for token in tokens:
        if not token:
            continue
        code, name = token[:2], token[3:]
        if code[0] in "RC":
            next(tokens, None)
        found[name] = {"??": "is not in git", "!!": "is ignored by git"}.get(code, "differs from the commit")
    return found


def commits_touching(git: Git, names: Iterable[str], since: str | None = None) -> tuple[BranchCommit, ...]:
    """Return the commits along first parents that touched any of these files or folders, oldest first.

    `since` is a commit that is left out, with all before it. What came in through a merge counts as that merge.
    Renames count as a removal and an addition. Raises GitFailure.
    """
    printed = git.run(
        "--no-replace-objects",
        "log",
        "--first-parent",
        "--diff-merges=first-parent",
        "--full-history",
        "--no-renames",
        "--root",
        "--reverse",
        "--raw",
        "-z",
        "--no-abbrev",
        "--format=format:%x01%H %P",
        f"{since}..HEAD" if since else "HEAD",
        "--",
        *map(_literal, sorted(set(names))),
    )
    return tuple(_commits(iter(printed.split("\0"))))


def _commits(tokens: Iterator[str]) -> Iterator[BranchCommit]:
    """Read the answer word by word, so that no name of a file can pass for anything else."""
    sha, parents, touched = "", (), dict[str, str | None]()
    for token in tokens:
        header = _HEADER.match(token)
        # git sets the first change behind the header of its commit, after a line end.
        change = token if header is None else token[header.end() :].lstrip("\n")
        if header is not None:
            if sha:
                yield BranchCommit(sha, parents, touched)
            sha, parents, touched = header[1], tuple(header[2].split()), {}
        if change.startswith(":"):
            blob = change.split(" ")[3]
            touched[next(tokens)] = None if _ABSENT.fullmatch(blob) else blob
    if sha:
        yield BranchCommit(sha, parents, touched)


def last_commit_of(git: Git, name: str) -> str | None:
    """Return the newest commit along first parents that touched a file, None when none did. Raises GitFailure."""
    return git.run("log", "-1", "--first-parent", "--format=%H", "HEAD", "--", _literal(name)) or None


def files_at(git: Git, commit: str, names: Iterable[str]) -> dict[str, str]:
    """Return the files of a commit with these names or in these folders, and their blobs. Raises GitFailure."""
    printed = git.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *sorted(set(names)))
    rows = (row.split("\t", 1) for row in printed.split("\0") if row)
    return {name: about.split(" ")[2] for about, name in rows}


def write_as_at(git: Git, commit: str, names: Iterable[str], folder: Path) -> list[str]:
    """Write files as they were at a commit below `folder`, and return their paths; those not there are left out."""
    written = []
    for name in names:
        shown = git.attempt("cat-file", "blob", f"{commit}:{name}")
        if shown.returncode == 0:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, shown.stdout.encode(), durable=False)
            written.append(str(path))
    return written


def text_of(git: Git, blob: str) -> bytes:
    """Return the content of a blob. Raises GitFailure."""
    return (git.run("cat-file", "blob", blob) + "\n").encode()


def is_plain_merge(git: Git, commit: BranchCommit) -> bool:
    """Return whether a merge holds what merging its parents gives, and nothing that somebody added by hand.

    Needs git 2.38 or newer (git documentation, "git-merge-tree"). Raises GitFailure.
    """
    if len(commit.parents) < 2:
        return True
    if len(commit.parents) > 2:
        return False
    done = git.attempt("--no-replace-objects", "merge-tree", "--write-tree", *commit.parents)
    if done.returncode not in (0, 1):
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise GitFailure(f"git merge-tree failed: {last}", "git 2.38 or newer is needed")
    tree = done.stdout.split("\n", 1)[0].strip()
    return done.returncode == 0 and tree == git.run("rev-parse", f"{commit.sha}^{{tree}}")


def commits_since(git: Git, base: str) -> frozenset[str]:
    """Return the first-parent commits of HEAD that `base` does not have. Raises GitFailure."""
    return frozenset(git.run("rev-list", "--first-parent", "HEAD", f"^{base}", "--").splitlines())


def commits_of_branch(git: Git) -> frozenset[str]:
    """Return all commits that the checked-out branch ever pointed at, as far as the checkout has them."""
    return frozenset(git.run("rev-list", "--first-parent", "HEAD").splitlines())


def _literal(name: str) -> str:
    return f":(top,literal){name}"
