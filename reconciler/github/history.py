"""Which commits of the branch bring what is applied, so that none of them escapes its review."""

from collections.abc import Sequence

from reconciler.github.git import Git


def commits_since(git: Git, since: str | None, paths: Sequence[str]) -> tuple[str, ...]:
    """Return the commits of the checked-out branch after `since` that touch `paths`, newest first.

    `since` is the last commit that was applied under the same rules, from the ledger. Only first parents count:
    what came in through a merge is reviewed as that merge. HEAD alone is returned when `since` is not known or no
    ancestor of HEAD (a force push, or a shallow checkout), and when nothing since then touches the paths.
    """
    head = git.run("rev-parse", "HEAD")
    if since is None or git.attempt("merge-base", "--is-ancestor", since, head).returncode != 0:
        return (head,)
    listed = git.run("rev-list", "--first-parent", f"{since}..{head}", "--", *paths)
    return tuple(listed.splitlines()) or (head,)
