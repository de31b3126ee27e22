"""What git knows of the branch: which commits touched which files, along first parents, and what is not committed."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from reconciler.github.git import Git, GitFailure
from reconciler.model.review import BranchCommit

_HEADER = re.compile(r"\x01([0-9a-f]{40,64}) ([0-9a-f ]*)")
_ABSENT = re.compile(r"0+")


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
