"""A branch that the reconciler proposes changes from: rewritten freely until a person has pushed to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.errors import GuardRefused
from reconciler.github.git import AUTHOR, Git


@dataclass(frozen=True, slots=True)
class Proposal:
    """What became of a proposal: `changed` says whether the branch was pushed, `files` what differs from the base."""

    files: tuple[str, ...]
    changed: bool


def push_proposal(
    git: Git, branch: str, paths: Sequence[str], message: str, *, base: str, remote: str = "origin"
) -> Proposal:
    """Commit what changed under `paths` on top of HEAD and push it as `branch`.

    `base` is the branch that the proposal is for. Nothing changed means nothing pushed, and the same change as
    last time is not pushed again. Raises GuardRefused when a person has pushed to the branch, and GitFailure.
    """
    git.run("add", "--all", "--", *paths)
    files = tuple(git.run("diff", "--cached", "--name-only", "HEAD").splitlines())
    if not files:
        return Proposal((), changed=False)
    old = _remote_head(git, branch, remote)
    if old is not None:
        _fetch_history(git, remote)
        _refuse_others(git, branch, old, _remote_head(git, base, remote) or "HEAD")
        if _same_change(git, old):
            return Proposal(files, changed=False)
    commit = git.run("commit-tree", git.run("write-tree"), "-p", "HEAD", "-m", message)
    lease = f"--force-with-lease=refs/heads/{branch}:{old or ''}"
    git.run("push", "--porcelain", lease, remote, f"{commit}:refs/heads/{branch}")
    return Proposal(files, changed=True)


def _remote_head(git: Git, branch: str, remote: str) -> str | None:
    listed = git.run("ls-remote", "--heads", remote, f"refs/heads/{branch}")
    if not listed:
        return None
    head = listed.split()[0]
    git.run("fetch", "--no-tags", remote, head)
    return head


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
    """Say whether the branch already has exactly this tree on this base."""
    same_tree = git.run("rev-parse", f"{old}^{{tree}}") == git.run("write-tree")
    parent = git.attempt("rev-parse", f"{old}^")
    return same_tree and parent.stdout.strip() == git.run("rev-parse", "HEAD")
