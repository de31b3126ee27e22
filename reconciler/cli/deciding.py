"""Who decided each change of a plan: the reviews of the commits whose lines it stands in, not of the newest push."""

import os
from collections.abc import Sequence
from pathlib import Path

from reconciler.cli.clock import SystemClock
from reconciler.cli.origin import origin_of, people_of
from reconciler.cli.planning import Request
from reconciler.cli.wiring import House
from reconciler.github.git import Git, GitFailure
from reconciler.github.history import commits_behind, commits_of_branch
from reconciler.github.provenance import Origin
from reconciler.model.plan import Plan
from reconciler.model.value import replace
from reconciler.planning.guards import Circumstances, People
from reconciler.planning.planner import enforce_again


def hold_to_reviews(house: House, plan: Plan, request: Request) -> Plan:
    """Refuse the changes of files whose lines came without the review that four eyes ask for.

    `plan` was made without looking at reviews. Where GitHub or git can't tell, `request.people` decide.
    """
    policy = house.settings.policy
    if policy.four_eyes is None:
        return plan
    seen = Circumstances(
        policy,
        house.clock.now(),
        request.people,
        request.identities,
        request.stopped,
        decided_by=_people_by_file(house.clock, plan),
    )
    held = enforce_again(plan, seen)
    found = {control.name: control for control in held.controls}
    controls = tuple(found[known.name] if known.name == "four-eyes" else known for known in plan.controls)
    return replace(held, controls=controls)


def origin_of_changes(clock: SystemClock, plan: Plan) -> Origin:
    """Return where the changes of a plan come from, for the ledger: the weakest review of all files behind them."""
    return _origin(clock, _changed_files(plan))


def branch_commits() -> frozenset[str]:
    """Return the commits of the checked-out branch, none where git can't tell."""
    try:
        return commits_of_branch(_git())
    except GitFailure:
        return frozenset()


def _people_by_file(clock: SystemClock, plan: Plan) -> dict[str, People]:
    if not os.environ.get("GITHUB_REPOSITORY"):
        return {}
    return {path: people_of(_origin(clock, [path]), final=True) for path in _changed_files(plan)}


def _changed_files(plan: Plan) -> list[str]:
    return sorted({step.source.path for step in plan.changes})


def _origin(clock: SystemClock, paths: Sequence[str]) -> Origin:
    """Fall back on the newest push where git does not know the files."""
    if not os.environ.get("GITHUB_REPOSITORY"):
        return origin_of(clock)
    try:
        commits = commits_behind(_git(), paths)
    except GitFailure:
        return origin_of(clock)
    return origin_of(clock, commits, branch=branch_commits())


def _git() -> Git:
    return Git.open(Path.cwd(), os.environ, "", "")
