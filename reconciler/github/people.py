"""What GitHub knows of single people: whether they may write, and who pushed last."""

from reconciler.github.api import GitHub, GitHubFailure
from reconciler.github.wire import Wire, text

WRITERS = frozenset({"admin", "write"})
"""Permissions that allow merging (GitHub, "Get repository permissions for a user"); `maintain` is reported as write."""
_MACHINE_COMMITTER = "web-flow"


def may_write(github: GitHub, login: str) -> bool:
    """Say whether a person may write to the repository now. Raises GitHubFailure."""
    try:
        wire = github.get(f"/collaborators/{login}/permission")
    except GitHubFailure as fault:
        if fault.absent:
            return False
        raise
    return text(wire, "permission") in WRITERS


def last_pusher_of(github: GitHub, pull: Wire) -> str | None:
    """Return who pushed the head of a pull request, None when GitHub can't tell.

    The activity of the branch names the person; a branch that has none any more (a fork's, or an old one)
    leaves the committer of the head, unless that is GitHub itself. Raises GitHubFailure.
    """
    head = text(pull, "head", "sha")
    if text(pull, "head", "repo", "full_name") == github.repository:
        pushes = github.every("/activity", ref=f"refs/heads/{text(pull, 'head', 'ref')}")
        for wire in pushes:
            if text(wire, "after") == head:
                return text(wire, "actor", "login") or None
    commit = github.get(f"/commits/{head}")
    committer = text(commit, "committer", "login")
    return (committer if committer != _MACHINE_COMMITTER else text(commit, "author", "login")) or None
