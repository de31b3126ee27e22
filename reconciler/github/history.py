"""Which commits of the branch say what is applied, so that none of them escapes its review.

A push that nobody reviewed must not be applied under the review of the push that follows it: what counts is who
brought the lines as they stand now.
"""

import re
from collections.abc import Iterable

from reconciler.github.git import Git

_BLAMED = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64}) \d+ \d+(?: \d+)?$", re.MULTILINE)


def commits_behind(git: Git, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the commits of the checked-out branch that brought the lines of these files, sorted.

    Only first parents count: what came in through a merge was reviewed as that merge. A line that is not committed
    is blamed on a commit of zeros, which nobody reviewed. Raises GitFailure, also for a file that git does not know.
    """
    found: set[str] = set()
    for path in sorted(set(paths)):
        found.update(_BLAMED.findall(git.run("blame", "--first-parent", "--porcelain", "--", path)))
    return tuple(sorted(found))


def commits_of_branch(git: Git) -> frozenset[str]:
    """Return all commits that the checked-out branch ever pointed at, as far as the checkout has them."""
    return frozenset(git.run("rev-list", "--first-parent", "HEAD").splitlines())
