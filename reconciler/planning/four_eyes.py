"""Four eyes judge the commits that brought the state of a branch, not the lines that are there. Pure."""

from collections.abc import Callable, Mapping, Sequence

from reconciler.model.policy import FourEyes
from reconciler.model.review import (
    Assessment,
    BranchCommit,
    NotReviewed,
    People,
    Review,
    Team,
)


def shortfall(people: People, rule: FourEyes) -> str | None:
    """Return why these people are not enough and what to do about it; None when they are, or when it is too early."""
    if isinstance(people, NotReviewed):
        return None if people.direct and rule.allow_direct_push else people.why
    return _missing(people, rule.reviewers) or _of_teams(people, rule) if isinstance(people, Assessment) else None


def _missing(people: Assessment, reviewers: int) -> str | None:
    review, objections, unaccounted = people.review, people.objections, people.unaccounted
    pull = f"PR #{review.pull_request}"
    if objections:
        return f"{pull} has changes requested by {', '.join(objections)}; have them approve it, or dismiss their review"
    independent = independent_reviewers(review)
    needed = reviewers + len(unaccounted)
    if len(independent) >= needed:
        return None
    more = f", {len(unaccounted)} more for {', '.join(unaccounted)}" if unaccounted else ""
    return (
        f"{pull} has {len(independent)} of {needed} independent approvals "
        f"(author {review.author}, approved by {', '.join(independent) or 'nobody'}{more}); "
        "have somebody approve who neither wrote nor pushed any of it"
    )


def _of_teams(people: Assessment, rule: FourEyes) -> str | None:
    """Return which members of teams are missing among those who approved."""
    teams = {team.name: team for team in people.teams}
    pull = f"PR #{people.review.pull_request}"
    independent = independent_reviewers(people.review)
    for asked in rule.of_teams:
        found = [teams.get(name, Team(name, why="it was not asked for")) for name in asked.teams]
        members = {login.casefold() for team in found for login in team.members}
        own = [login for login in independent if login.casefold() in members]
        if len(own) >= asked.count:
            continue
        if unknown := next((team for team in found if team.why), None):
            return f"{pull} needs {asked}, and who is in team {unknown.name} can't be established: {unknown.why}"
        return (
            f"{pull} has {len(own)} of {asked.count} approvals by members of {' or '.join(asked.teams)} "
            f"(approved by {', '.join(independent) or 'nobody'}); have a member approve"
        )
    return None


def independent_reviewers(review: Review) -> tuple[str, ...]:
    """Return the reviewers who are neither the author nor the last pusher (names compared without case)."""
    involved = {name.casefold() for name in (review.author, review.last_pusher) if name}
    return tuple(name for name in review.reviewers if name.casefold() not in involved)


def people_by_file(
    commits: Sequence[BranchCommit],
    behind: Mapping[str, People],
    rule_of: Callable[[str], FourEyes],
    known: Mapping[str, str | None],
) -> dict[str, People]:
    """Return who answers for each file as it is now, from the commits that touched it, oldest first.

    `rule_of` says who must have approved a file, `known` is what files were when all of it was reviewed. A commit
    without its review stands against the file until the file is again what was reviewed last, or until a review saw it
    whole, because it was not there or goes away: a review of what came later shows nobody what was there already.
    """
    good, now = dict(known), dict(known)
    against: dict[str, People] = {}
    found: dict[str, People] = {}
    for commit in commits:
        people = behind[commit.sha]
        for path, blob in commit.touched.items():
            enough = shortfall(people, rule_of(path)) is None
            whole = now.get(path) is None or blob is None
            if path in good and blob == good[path]:
                against.pop(path, None)
                found.setdefault(path, people)
            elif not enough:
                against.setdefault(path, people)
            elif path not in against or whole:
                against.pop(path, None)
                good[path], found[path] = blob, people
            now[path] = blob
    return found | against
