"""Classifiers, CI and documents promise the same platforms and versions of Python."""

import re
import tomllib
from typing import Any

import yaml

from tests.docs.pages import ROOT
from tests.packaging.interpreters import VERSIONS

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
_COMPATIBILITY = (ROOT / "docs/reference/compatibility.md").read_text(encoding="utf-8")


def _classified(kind: str) -> list[str]:
    return [each.removeprefix(kind) for each in _PROJECT["classifiers"] if each.startswith(kind)]


def test_every_promised_version_of_python_is_run_and_no_other() -> None:
    promised = [each for each in _classified("Programming Language :: Python :: ") if each.startswith("3.")]
    (tested,) = [job["strategy"]["matrix"]["python"] for job in _JOBS.values() if "strategy" in job]
    assert promised == tested == list(VERSIONS)
    assert _PROJECT["requires-python"] == f">={promised[0]}"
    assert f"Python {promised[0]} to {promised[-1]}, on Linux and macOS." in _COMPATIBILITY
    installation = (ROOT / "docs/installation.md").read_text(encoding="utf-8")
    assert f"Python {promised[0]} to {promised[-1]} on Linux or macOS" in installation


def test_every_promised_system_has_a_job_that_tests_on_it() -> None:
    systems = {"POSIX :: Linux": "ubuntu-", "MacOS": "macos-"}
    assert set(_classified("Operating System :: ")) == set(systems)
    tests = [job["runs-on"] for job in _JOBS.values() if re.search("make (pytest|test)", str(job["steps"]))]
    assert {name for name in systems.values() for runner in tests if runner.startswith(name)} == set(systems.values())
    assert "On Windows use WSL or the container" in _COMPATIBILITY
