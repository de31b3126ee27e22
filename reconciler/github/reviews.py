"""Who decided: from commits to the pull requests that brought them, to the people behind those, and the plan they saw.

Only opinions that say something about what was merged count. Comments, badges and labels are no evidence: whoever can
push a branch can forge them. Each fact is asked for once a run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.github.client import TEAMS_TOKEN, GitHub, GitHubFailure, packed_file
from reconciler.github.wire import Wire, member, number, objects, text
from reconciler.model.review import Assessment, NotReviewed, People, Review, Team
from reconciler.model.status import parse_instant
from reconciler.model.value import replace

WRITERS = frozenset({"admin", "write"})
"""Permissions that allow merging (GitHub, "Get repository permissions for a user"); `maintain` is reported as write."""
MOST_COMMITS = 250
"""As many commits of a pull request as GitHub lists (GitHub, "List commits on a pull request")."""
_OPINIONS = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})
_GITHUB_ITSELF = "web-flow"
_CO_AUTHOR = re.compile(r"^co-authored-by:\s*(.*?)\s*<([^<>]*)>\s*$", re.IGNORECASE | re.MULTILINE)
_HIDDEN_ADDRESS = re.compile(r"(?:\d+\+)?([A-Za-z0-9-]+(?:\[bot\])?)@users\.noreply\.github\.com", re.IGNORECASE)
_PUSHES = frozenset({"push", "force_push", "branch_creation"})


@dataclass(slots=True)
class GitHubReviews:
    """The reviews of one repository as they are during one run. `branch` is the one whose commits are judged.

    `teams` are those whose members the policy asks for, `reader` is what reads them.
    """

    github: GitHub
    branch: str
    run_id: str = ""
    teams: tuple[str, ...] = ()
    reader: GitHub | None = None
    _pulls: dict[int, Assessment] = field(default_factory=dict)
    _behind: dict[str, int | None] = field(default_factory=dict)
    _writers: dict[str, bool] = field(default_factory=dict)
    _approvals: tuple[str, ...] | None = None
    _teams: tuple[Team, ...] | None = None

    def behind(self, sha: str, branch_commits: frozenset[str] = frozenset()) -> People:
        """Return who reviewed the pull request that brought a commit; what can't be established is not reviewed."""
        try:
            pull = self.pull_behind(sha, branch_commits)
            if pull is None:
                return NotReviewed(
                    f"commit {sha[:12]} came to {self.branch} without a merged pull request; revert it "
                    f"(`git revert {sha[:12]}`) and bring it in again, each by a pull request that is reviewed",
                    direct=True,
                )
            return self.of_pull(pull)
        except GitHubFailure as fault:
            return _unknown(sha, fault)

    def pull_behind(self, sha: str, branch_commits: frozenset[str] = frozenset()) -> int | None:
        """Return the pull request whose merge brought a commit to the branch, None for a direct push.

        The list of GitHub also has open pull requests and those that were merged elsewhere. `merge_commit_sha` is the
        commit itself, or another one of `branch_commits`: the last of a rebase. Raises GitHubFailure.
        """
        if sha not in self._behind:
            self._behind[sha] = next(self._merged(sha, branch_commits | {sha}), None)
        return self._behind[sha]

    def of_pull(self, pull: int) -> Assessment:
        """Return who decided on one pull request, merged or still open. Raises GitHubFailure."""
        if pull not in self._pulls:
            self._pulls[pull] = self._assess(pull)
        return self._pulls[pull]

    def _merged(self, sha: str, branch_commits: frozenset[str]) -> Iterator[int]:
        for wire in self.github.every(f"/commits/{sha}/pulls"):
            merged = bool(text(wire, "merged_at")) and text(wire, "base", "ref") == self.branch
            found = number(wire, "number")
            if merged and text(wire, "merge_commit_sha") in branch_commits and found is not None:
                yield found

    def _assess(self, pull: int) -> Assessment:
        wire = self.github.get(f"/pulls/{pull}")
        author, head = text(wire, "user", "login"), text(wire, "head", "sha")
        commits = tuple(self.github.every(f"/pulls/{pull}/commits"))
        pushers = self._pushers(wire, {text(commit, "sha") for commit in commits})
        hands = _Hands.of(wire, commits, pushers)
        latest = self._opinions(pull)
        approving = [
            login
            for login, opinion in latest.items()
            if text(opinion, "state") == "APPROVED" and text(opinion, "commit_id") == head
        ]
        asking = [login for login, opinion in latest.items() if text(opinion, "state") == "CHANGES_REQUESTED"]
        counted = (login for login in approving if login.casefold() not in hands.known and self._may_write(login))
        reviewers = tuple(sorted(counted, key=str.casefold))
        times = tuple(moment for login in reviewers if (moment := _moment(latest[login], "submitted_at")) is not None)
        return Assessment(
            Review(
                pull_request=pull,
                author=author,
                url=text(wire, "html_url"),
                last_pusher=pushers.get(head) or hands.last,
                reviewers=reviewers,
                merged_by=text(wire, "merged_by", "login") or None,
                approvals=self._environment_approvals(),
                reviewed_at=times if len(times) == len(reviewers) else (),
                merged_at=_moment(wire, "merged_at"),
            ),
            objections=tuple(sorted((login for login in asking if self._may_write(login)), key=str.casefold)),
            unaccounted=hands.unaccounted,
            head=head,
            teams=self._known_teams(),
        )

    def _known_teams(self) -> tuple[Team, ...]:
        if self._teams is None:
            self._teams = tuple(map(self._team, self.teams))
        return self._teams

    def _team(self, name: str) -> Team:
        if self.reader is None:
            return Team(name, why=f"{TEAMS_TOKEN} is not set; hand over a token that may read members")
        try:
            return Team(name, frozenset(self.reader.members(name)))
        except GitHubFailure as fault:
            if fault.absent:
                owner = self.github.repository.partition("/")[0]
                return Team(name, why=f"{owner} has no such team, or {TEAMS_TOKEN} does not see it")
            return Team(name, why=fault.in_words)

    def _opinions(self, pull: int) -> dict[str, Wire]:
        """Return the latest word of each person; GitHub lists reviews in order of time."""
        latest: dict[str, Wire] = {}
        for wire in self.github.every(f"/pulls/{pull}/reviews"):
            login = text(wire, "user", "login")
            if text(wire, "state") in _OPINIONS and text(wire, "user", "type") == "User" and login:
                latest[login] = wire
        return latest

    def _pushers(self, pull: Wire, commits: set[str]) -> dict[str, str]:
        """Return who pushed commits of a pull request. Nobody can tell for a fork's branch.

        A push names the last commit that it brought (GitHub, "List repository activities").
        """
        if text(pull, "head", "repo", "full_name") != self.github.repository:
            return {}
        found = {}
        for wire in self.github.every("/activity", ref=f"refs/heads/{text(pull, 'head', 'ref')}"):
            if text(wire, "activity_type") in _PUSHES and text(wire, "after") in commits:
                found[text(wire, "after")] = text(wire, "actor", "login")
        return found

    def _may_write(self, login: str) -> bool:
        if login not in self._writers:
            try:
                wire = self.github.get(f"/collaborators/{login}/permission")
                self._writers[login] = text(wire, "permission") in WRITERS
            except GitHubFailure as fault:
                if not fault.absent:
                    raise
                self._writers[login] = False
        return self._writers[login]

    def approvers_of(self, environment: str) -> tuple[str, ...]:
        """Return the people who let this workflow run use one environment (`actions: read`). Raises GitHubFailure.

        Source: GitHub documentation, REST API, "Get the review history for a workflow run".
        """
        given = self.github.every(f"/actions/runs/{self.run_id}/approvals")
        found = {
            text(wire, "user", "login")
            for wire in given
            if text(wire, "state") == "approved"
            and text(wire, "user", "type") == "User"
            and any(text(each, "name") == environment for each in objects(member(wire, "environments")))
        }
        return tuple(sorted(found - {""}))

    def _environment_approvals(self) -> tuple[str, ...]:
        """Return who let this workflow run use its environments (`actions: read`)."""
        if self._approvals is None:
            given = self.github.every(f"/actions/runs/{self.run_id}/approvals") if self.run_id else ()
            people = {text(wire, "user", "login") for wire in given if text(wire, "state") == "approved"}
            self._approvals = tuple(sorted(people - {""}))
        return self._approvals


@dataclass(frozen=True, slots=True)
class _Hands:
    """Everybody who had a hand in a pull request: known logins in small letters, and those nobody can place."""

    known: frozenset[str]
    unaccounted: tuple[str, ...]
    last: str | None

    @classmethod
    def of(cls, pull: Wire, commits: tuple[Wire, ...], pushers: dict[str, str]) -> "_Hands":
        logins = {text(pull, "user", "login"), *pushers.values()}
        bots = {text(pull, "user", "login")} if text(pull, "user", "type") == "Bot" else set[str]()
        bots |= {login for login in pushers.values() if login.endswith("[bot]")}
        unknown = set[str]()
        addresses = _logins_by_address(commits)
        for commit in commits:
            for role in ("author", "committer"):
                login = text(commit, role, "login")
                if login:
                    logins.add(login)
                else:
                    unknown.add(text(commit, "commit", role, "email") or text(commit, "sha")[:12])
                if role == "author" and (member(commit, role, "type") == "Bot" or login.endswith("[bot]")):
                    bots.add(login)
            for name, address in _CO_AUTHOR.findall(text(commit, "commit", "message")):
                hidden = _HIDDEN_ADDRESS.fullmatch(address)
                login = hidden[1] if hidden else addresses.get(address.casefold(), "")
                if login:
                    logins.add(login)
                else:
                    unknown.add(address or name)
        if len(commits) >= MOST_COMMITS:
            unknown.add(f"commits beyond the first {MOST_COMMITS}")
        last = text(commits[-1], "committer", "login") if commits else ""
        last = last if last != _GITHUB_ITSELF else text(commits[-1], "author", "login")
        known = frozenset(login.casefold() for login in logins - {"", _GITHUB_ITSELF})
        return cls(known, tuple(sorted(bots | unknown)), last or None)


def _logins_by_address(commits: tuple[Wire, ...]) -> dict[str, str]:
    return {
        address.casefold(): text(commit, role, "login")
        for commit in commits
        for role in ("author", "committer")
        if (address := text(commit, "commit", role, "email")) and text(commit, role, "login")
    }


def _moment(wire: Wire, name: str) -> datetime | None:
    """Return a time that GitHub tells, None when it tells none that can be read."""
    try:
        return parse_instant(text(wire, name))
    except ValueError:
        return None


def _unknown(sha: str, fault: GitHubFailure) -> NotReviewed:
    return NotReviewed(
        f"who reviewed commit {sha[:12]} can't be established: {fault.message}"
        + (f"; {fault.hint}" if fault.hint else "")
    )


_BY_NUMBER = "id:"


@dataclass(slots=True)
class AccountNumbers:
    """Puts the number of a GitHub account in the place of its login. Each is asked for once a run."""

    github: GitHub
    _numbers: dict[str, str] = field(default_factory=dict)

    def of(self, review: Review) -> Review:
        """Return a review that names nobody by login. Raises GitHubFailure."""
        return replace(
            review,
            author=self._number(review.author),
            last_pusher=self._number(review.last_pusher) if review.last_pusher else None,
            reviewers=tuple(map(self._number, review.reviewers)),
            merged_by=self._number(review.merged_by) if review.merged_by else None,
            approvals=tuple(map(self._number, review.approvals)),
        )

    def _number(self, login: str) -> str:
        if not login or login.startswith(_BY_NUMBER):
            return login
        if login not in self._numbers:
            self._numbers[login] = f"{_BY_NUMBER}{self._asked(login) or 'unknown'}"
        return self._numbers[login]

    def _asked(self, login: str) -> int | None:
        """Return the number of an account (GitHub, "Get repository permissions for a user"). Raises GitHubFailure."""
        try:
            return number(self.github.get(f"/collaborators/{login}/permission"), "user", "id")
        except GitHubFailure as fault:
            if fault.absent:
                return None
            raise


_MOST_REVIEWERS = 3
_LOOKED = frozenset({"APPROVED", "CHANGES_REQUESTED", "COMMENTED"})


def commits_reviewed(github: GitHub, pull: int, head: str) -> dict[str, str]:
    """Return which earlier commits reviewers saw last, the newest review first, with their names."""
    latest: dict[str, str] = {}
    for wire in github.every(f"/pulls/{pull}/reviews"):
        login = text(wire, "user", "login")
        if text(wire, "state") in _LOOKED and text(wire, "user", "type") == "User" and login:
            latest.pop(login, None)
            latest[login] = text(wire, "commit_id")
    found: dict[str, str] = {}
    for login, commit in list(latest.items())[: -_MOST_REVIEWERS - 1 : -1]:
        if commit != head:
            found[commit] = f"{found[commit]}, {login}" if commit in found else login
    return found


def reviewed_plan(github: GitHub, head: str, name: str) -> bytes | None:
    """Return the newest plan that a run of a pull request made for a commit (`actions: read`), None when none is kept.

    Runs of forks don't count: what they upload is theirs. Raises GitHubFailure.
    """
    for run in github.every("/actions/runs", key="workflow_runs", head_sha=head, event="pull_request"):
        if text(run, "head_sha") != head or not _is_of_this_repository(run):
            continue
        for artifact in github.every(f"/actions/runs/{number(run, 'id')}/artifacts", key="artifacts", name=name):
            if text(artifact, "name") == name and member(artifact, "expired") is False:
                return packed_file(github, number(artifact, "id") or 0, "plan.json")
    return None


def _is_of_this_repository(run: Wire) -> bool:
    own = number(run, "repository", "id")
    return own is not None and own == number(run, "head_repository", "id")
