"""What a GitHub repository holds, as plain values that tests set up and look at."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.github.settings import Settings

BOT = "github-actions[bot]"
WRITER = {
    "contents": "write",
    "issues": "write",
    "pull-requests": "write",
    "actions": "read",
    "checks": "write",
    "id-token": "write",
}
READER = {"contents": "read"}


@dataclass
class PullCommit:
    """A commit of a pull request. An author or committer without an account has an address and no login."""

    sha: str
    author: str | None
    committer: str | None = None
    message: str = "A change"
    address: str = ""


@dataclass
class Pull:
    number: int
    author: str
    head: str
    base: str = "main"
    branch: str = "change"
    repository: str = "acme/approvals"
    title: str = "A change"
    body: str = ""
    state: str = "open"
    merge_commit: str | None = None
    merged_by: str | None = None
    reviews: list[tuple[str, str, str]] = field(default_factory=list)
    """Who said what of which commit: (login, state, commit), in order of time."""
    base_sha: str = ""
    commits: list[PullCommit] = field(default_factory=list)
    """Those of the branch, oldest first; none means the head alone, by the author."""

    @property
    def merged(self) -> bool:
        return self.merged_by is not None


@dataclass
class Issue:
    number: int
    title: str
    body: str
    author: str = BOT
    state: str = "open"
    labels: list[str] = field(default_factory=list)


@dataclass
class Comment:
    id: int
    issue: int
    body: str
    author: str = BOT


@dataclass
class World:
    """One repository with its people. `permission` is what each person may do in it."""

    repository: str = "acme/approvals"
    permission: dict[str, str] = field(default_factory=dict)
    bots: set[str] = field(default_factory=lambda: {BOT})
    teams: dict[str, list[str]] = field(default_factory=dict)
    """The members of each team of the organization, those of child teams among them."""
    tokens: dict[str, dict[str, str]] = field(default_factory=lambda: {"ghs_0123456789abcdef": dict(WRITER)})
    """What each token may do, as `permissions:` of a job spells it."""
    pulls: dict[int, Pull] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    brought: dict[str, list[int]] = field(default_factory=dict)
    """The pull requests that GitHub names for a commit."""
    pushes: list[tuple[str, str, str]] = field(default_factory=list)
    """Activity, newest first: (ref, commit after it, who pushed)."""
    checks: list[dict[str, Any]] = field(default_factory=list)
    """Check runs, the newest last, each with the app that made it."""
    approvals: dict[int, list[tuple[str, ...]]] = field(default_factory=dict)
    """Environment reviews of workflow runs: login, state, and the environments (venafi-apply when none is named)."""
    runs: list[dict[str, Any]] = field(default_factory=list)
    started: list[dict[str, Any]] = field(default_factory=list)
    """Runs whose artifacts are kept: id, event, head_sha, and the id of the head's repository; newest first."""
    artifacts: Path | None = None
    """Where the stand-in of actions/upload-artifact keeps what each run uploads."""
    expired: bool = False
    """Whether artifacts are past the days that GitHub keeps them for."""

    reviews_to_come: list[tuple[str, str, str]] = field(default_factory=list)
    """What people say of the next pull request as soon as it is made."""

    settings: Settings = field(default_factory=Settings)

    def next_number(self) -> int:
        return 1 + max([0, *self.pulls, *self.issues])

    def next_comment(self) -> int:
        return 1 + max([100, *self.comments])

    def comments_on(self, issue: int) -> list[str]:
        return [comment.body for comment in self.comments.values() if comment.issue == issue]

    def type_of(self, login: str) -> str:
        return "Bot" if login in self.bots else "User"
