"""A team's repository with the workflows of the first release, upgraded by a pull request: it goes on as before."""

import shutil
from pathlib import Path

import pytest

from tests.github.repository import git
from tests.workflows.job import job
from tests.workflows.team import SHOP, WWW, Team

pytestmark = pytest.mark.slow

FIRST = Path(__file__).parents[1] / "data" / "first-release"


def test_a_team_that_upgrades_goes_on_planning_and_applying(acme: Team) -> None:
    workflows = acme.folder / ".github" / "workflows"
    shutil.rmtree(workflows)
    shutil.copytree(FIRST, acme.folder, dirs_exist_ok=True)
    acme.commit("README.md", "As the first release set it up.\n")
    assert git(acme.folder, "status", "--porcelain") == ""
    said = job(acme, "init", "--upgrade", "--yes")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "first-release" not in said.stdout
    assert "      checks: write" in (workflows / "apply.yml").read_text()

    acme.commit("README.md", "As this release has it.\n")
    payload = acme.pull_request()
    planned = acme.run("pull-request.yml", "pull_request", payload)
    assert planned.code == 0, planned.log
    (comment,) = acme.github.world.comments_on(7)
    assert "changes ok: 2 of 100 changes" in comment, comment
    applied = acme.run("apply.yml", "push", acme.merge())
    assert applied.code == 0, applied.log
    assert {entry.guid for entry in acme.tpp.log.updates} == {WWW, SHOP}
