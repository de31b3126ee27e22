"""Who decided: from the commits that are applied to the pull requests, and to the people behind those.

Only opinions that say something about what was merged count. Comments, badges and labels are no evidence:
whoever can push a branch can forge them.
"""

from collections.abc import Sequence

from reconciler.github.api import GitHub
from reconciler.github.event import Event
from reconciler.github.people import last_pusher_of, may_write
from reconciler.github.wire import Wire, is_object, member, number, text
from reconciler.model.review import Review

_OPINIONS = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})


def review_of(
    github: GitHub, event: Event, commits: Sequence[str], branch_commits: frozenset[str] = frozenset()
) -> Review | None:
    """Return who decided on commits of a branch, None when one of them came without a pull request.

    `branch_commits` are commits known to be of the branch, besides `commits` themselves.

    With several pull requests behind them the weakest review is returned: the one with the fewest reviewers.
    So a push without a review can't hide behind the reviewed one that follows it. Raises GitHubFailure.
    """
    numbers = [pull_behind(github, sha, event.branch, branch_commits | frozenset(commits)) for sha in commits]
    if not numbers or None in numbers:
        return None
    approvals = environment_approvals(github, event.run_id)
    found = [review_of_pull(github, wanted, approvals) for wanted in dict.fromkeys(numbers) if wanted is not None]
    return min(found, key=lambda review: (len(review.reviewers), -review.pull_request))


def review_of_pull(github: GitHub, pull: int, approvals: tuple[str, ...] = ()) -> Review:
    """Return who decided on one pull request, merged or still open. Raises GitHubFailure."""
    wire = github.get(f"/pulls/{pull}")
    author = text(wire, "user", "login")
    head = text(wire, "head", "sha")
    return Review(
        pull_request=pull,
        author=author,
        url=text(wire, "html_url"),
        last_pusher=last_pusher_of(github, wire),
        reviewers=_reviewers(github, pull, head, author),
        merged_by=text(wire, "merged_by", "login") or None,
        approvals=approvals,
    )


def environment_approvals(github: GitHub, run_id: str) -> tuple[str, ...]:
    """Return who let this workflow run use its environments (`actions: read`). Raises GitHubFailure."""
    if not run_id:
        return ()
    given = github.every(f"/actions/runs/{run_id}/approvals")
    return tuple(sorted({text(wire, "user", "login") for wire in given if text(wire, "state") == "approved"} - {""}))


def pull_behind(github: GitHub, sha: str, branch: str, branch_commits: frozenset[str] = frozenset()) -> int | None:
    """Return the pull request whose merge brought a commit to the branch, None for a direct push.

    The list of GitHub also has open pull requests and those that were merged elsewhere. `merge_commit_sha` is
    the commit itself, or another one of `branch_commits`: the last of a rebase, or the merge of a
    head. Raises GitHubFailure.
    """
    for wire in github.every(f"/commits/{sha}/pulls"):
        merged = bool(text(wire, "merged_at")) and text(wire, "base", "ref") == branch
        if merged and text(wire, "merge_commit_sha") in branch_commits | {sha}:
            return number(wire, "number")
    return None


def _reviewers(github: GitHub, pull: int, head: str, author: str) -> tuple[str, ...]:
    """Return the people whose latest opinion approves the head, who may write, and who are not the author."""
    latest: dict[str, Wire] = {}
    for wire in github.every(f"/pulls/{pull}/reviews"):
        if text(wire, "state") in _OPINIONS and _is_person(wire):
            latest[text(wire, "user", "login")] = wire
    return tuple(
        sorted(
            (
                login
                for login, wire in latest.items()
                if text(wire, "state") == "APPROVED"
                and text(wire, "commit_id") == head
                and login.casefold() != author.casefold()
                and may_write(github, login)
            ),
            key=str.casefold,
        )
    )


def _is_person(wire: Wire) -> bool:
    user = member(wire, "user")
    return is_object(user) and text(user, "type") == "User" and bool(text(user, "login"))
