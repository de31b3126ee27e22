"""A pull request brings files that look like programs. None of them runs, whoever opened it."""

from collections.abc import Callable

import pytest

from tests.github.repository import git
from tests.workflows.planted import plant
from tests.workflows.team import NEW, SHOP, WWW, Team

pytestmark = pytest.mark.slow


def _planted(acme: Team) -> Callable[[], list[str]]:
    acme.own_interpreters = True
    touched = plant(acme.folder)
    git(acme.folder, "-c", "core.safecrlf=false", "add", "--all", "--force")
    git(acme.folder, "commit", "--quiet", "--amend", "-m", "Decide, and plant")
    git(acme.folder, "push", "--quiet", "--force", "origin", "main")
    return touched


@pytest.mark.parametrize("fork", [False, True])
def test_no_file_of_a_pull_request_runs(acme: Team, fork: bool) -> None:
    touched = _planted(acme)
    assert acme.run("pull-request.yml", "pull_request", acme.pull_request(fork=fork), fork=fork).code == 0
    assert touched() == []
    authorities = {asked.token for asked in acme.github.asked}
    assert authorities <= {"ghs_0123456789abcdef"}


def test_no_file_of_the_branch_runs_in_the_jobs_that_write(acme: Team) -> None:
    touched = _planted(acme)
    acme.merged(12)
    assert acme.run("apply.yml", "push", {"ref": "refs/heads/main", "after": acme.head}).code == 0
    assert {guid: str(ticket.status) for guid, ticket in acme.tpp.world.tickets.items()} == {
        WWW: "Approved",
        SHOP: "Approved Between",
        NEW: "Pending",
    }
    assert acme.run("import.yml", "workflow_dispatch").code == 0
    assert acme.run("reconcile.yml", "schedule").code == 0
    assert touched() == []
