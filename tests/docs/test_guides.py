"""What the guides give to other systems works: the pipelines' scripts run, the JWT mapping lets in whom it should."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.sandbox.running import Sandbox, running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed
from tests.docs.pages import ROOT, blocks
from tests.forking.program import programs

pytestmark = pytest.mark.slow

PIPELINES, GITHUB = ROOT / "docs/guides/pipelines.md", ROOT / "docs/guides/github.md"
GUID = "6ede0e12-f7c0-4068-9977-001076205c84"
MANIFEST = f"version: 1\ntickets:\n  - {{guid: {GUID}, status: Approved, explanation: Renewal}}\n"


def _file(page: Path, title: str) -> str:
    (found,) = [block.body for block in blocks(page) if block.options.get("title") == title]
    return found


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(Seed(tickets=(TicketSeed(GUID, r"\VED\Policy\Web\www.example.com"),))) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout of a team's repository, with a remote that it may push to."""
    checkout = tmp_path / "checkout"
    (checkout / "tickets").mkdir(parents=True)
    (checkout / "tickets/web.yaml").write_text(MANIFEST, encoding="utf-8")
    (checkout / "reconciler.yaml").write_text("version: 1\n", encoding="utf-8")
    (checkout / ".gitignore").write_text("ledger/\n*.json\n", encoding="utf-8")
    _git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote.git")
    _git(checkout, "init", "-q", "-b", "main")
    _git(checkout, "add", ".")
    _git(checkout, "commit", "-q", "-m", "Renew")
    _git(checkout, "remote", "add", "origin", str(tmp_path / "remote.git"))
    _git(checkout, "push", "-q", "origin", "main")
    return checkout


def _git(folder: Path, *arguments: str) -> str:
    somebody = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    ran = subprocess.run(["git", *somebody, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return ran.stdout


def _do(script: str, repository: Path, sandbox: Sandbox) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TPP_", "GITHUB_"))}
    environment |= {"PATH": f"{programs()}:{environment['PATH']}"}
    environment |= {"TPP_URL": sandbox.url, "TPP_TOKEN": sandbox.token}
    ran = subprocess.run(
        ["bash", "-c", script], cwd=repository, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def _gitlab() -> dict[str, str]:
    jobs: dict[str, Any] = yaml.safe_load(_file(PIPELINES, ".gitlab-ci.yml"))
    return {name: "set -e\n" + "\n".join(job["script"]) for name, job in jobs.items() if "script" in job}


def _azure() -> dict[str, str]:
    jobs = yaml.safe_load(_file(PIPELINES, "azure-pipelines.yml"))["jobs"]
    steps = [*jobs[0]["steps"], *jobs[1]["strategy"]["runOnce"]["deploy"]["steps"]]
    return {step["displayName"]: step["script"] for step in steps if step.get("displayName") in {"Plan", "Apply"}}


@pytest.mark.parametrize("scripts", [_gitlab(), _azure()], ids=["gitlab", "azure"])
def test_the_scripts_of_a_pipeline_plan_apply_and_keep_the_ledger(
    scripts: dict[str, str], repository: Path, sandbox: Sandbox
) -> None:
    for script in scripts.values():
        _do(script, repository, sandbox)
    assert len(list(sandbox.log.calls("ticketUpdateStatus"))) == 1
    assert "reconciler-ledger" in _git(repository, "ls-remote", "--heads", "origin")


def test_a_second_run_in_a_fresh_checkout_sends_nothing_again(
    repository: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    apply = _gitlab()["apply"]
    _do(apply, repository, sandbox)
    _git(tmp_path, "clone", "-q", str(tmp_path / "remote.git"), "again")
    _do(apply, tmp_path / "again", sandbox)
    assert len(list(sandbox.log.calls("ticketUpdateStatus"))) == 1
