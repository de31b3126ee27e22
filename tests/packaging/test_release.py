"""The release workflow publishes what its tag says, without a stored secret."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.packaging.building import ROOT, VERSION, Built

RELEASE = ROOT / ".github/workflows/release.yml"
JOBS: dict[str, Any] = yaml.safe_load(RELEASE.read_text(encoding="utf-8"))["jobs"]


CI: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))


def test_a_pull_request_runs_what_a_release_runs() -> None:
    gate = (ROOT / ".ci/run").read_text(encoding="utf-8")
    released = _made([gate, *(step.get("run", "") for step in JOBS["build"]["steps"])])
    assert {"test", "pytest-slow", "pytest-release", "test-minimum", "dist-again"} <= released
    steps = [step.get("run", "") for job in CI["jobs"].values() for step in job["steps"]]
    wanted = released - {"test"} | {"lint", "types", "spelling", "pytest", "docs"}
    assert wanted - _made(steps) == set()
    assert [run for run in steps if "docker build" in run]
    assert {"pull_request", "schedule"} <= set(CI[True])  # YAML 1.1 reads `on` so


def _made(scripts: list[str]) -> set[str]:
    """The targets of make that scripts ask for."""
    lines = [line for script in scripts for line in re.findall(r"^make (.+)$", script, re.MULTILINE)]
    return {target for line in lines for target in line.split()}


def test_no_secret_is_stored_for_a_release() -> None:
    assert "secrets." not in RELEASE.read_text(encoding="utf-8")


def test_only_publishing_and_attesting_get_an_identity_and_they_run_no_code_of_the_project() -> None:
    with_identity = {name for name, job in JOBS.items() if "id-token" in job["permissions"]}
    assert with_identity == {"attest", "publish"}
    for name in with_identity:
        assert not [step for step in JOBS[name]["steps"] if "checkout" in step.get("uses", "")]


def test_what_is_published_was_built_tested_and_attested_before() -> None:
    assert set(JOBS["publish"]["needs"]) == {"build", "attest"}
    assert [step["run"] for step in JOBS["build"]["steps"] if step["name"] == "Test"] == [".ci/run"]


@pytest.mark.parametrize(
    ("tag", "entry", "code"), [("v1.2.3", "1.2.3", 0), ("v1.2.4", "1.2.4", 2), ("v1.2.3", "1.2.2", 1)]
)
def test_a_tag_needs_its_version_and_its_entry(tag: str, entry: str, code: int, built: Built, tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    for path in (built.wheel, built.sdist):
        shutil.copy(path, tmp_path / "dist")
    assert VERSION in built.wheel.name
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## [{entry}] - 2036-01-01\n", encoding="utf-8")
    (script,) = [step["run"] for step in JOBS["build"]["steps"] if step["name"].startswith("Compare the version")]
    environment = {"PATH": os.environ["PATH"], "TAG": tag}
    ran = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert ran.returncode == code
