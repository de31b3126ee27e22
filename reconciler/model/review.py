"""Who decided: the people and the change behind a commit, as far as anybody could establish them."""

from msgspec import Struct

from reconciler.model.value import Count


class Review(Struct, frozen=True, omit_defaults=True):
    """The pull request that brought a commit to the branch.

    `reviewers` approved the head that was merged, have write access and are not the author;
    `approvals` are people who approved a deployment environment for the workflow run.
    """

    pull_request: Count
    author: str
    url: str = ""
    last_pusher: str | None = None
    reviewers: tuple[str, ...] = ()
    merged_by: str | None = None
    approvals: tuple[str, ...] = ()


class Provenance(Struct, frozen=True, omit_defaults=True):
    """Where a run comes from: tool version, server, acting identity, commit, review and workflow run."""

    tool: str
    target: str
    environment: str | None = None
    identity: str | None = None
    commit: str | None = None
    repository: str | None = None
    review: Review | None = None
    workflow_run: str | None = None
