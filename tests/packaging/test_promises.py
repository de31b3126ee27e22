"""The ranges in pyproject.toml, the lock of the action and the list of minima agree."""

import json
import re
import subprocess

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.building import ROOT
from tests.packaging.promises import LOCK, MINIMUM, pinned, promised
from tests.without_grammars import program


@pytest.mark.parametrize("requirement", promised().values(), ids=str)
def test_the_lock_of_the_action_satisfies_every_range(requirement: Requirement) -> None:
    assert requirement.specifier.contains(pinned(LOCK)[canonicalize_name(requirement.name)])


def test_every_locked_package_has_hashes() -> None:
    lines = LOCK.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    requirements = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert requirements
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", line) for line in requirements)


@pytest.mark.parametrize("requirement", promised("sandbox", "keyring", "metrics").values(), ids=str)
def test_every_range_starts_at_a_version_that_is_tested(requirement: Requirement) -> None:
    lowest = {clause.version for clause in requirement.specifier if clause.operator == ">="}
    tested = pinned(MINIMUM)[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(tested)
    assert {_whole(version) for version in lowest} == {_whole(tested)}


def test_the_list_of_minima_names_nothing_else() -> None:
    assert set(pinned(MINIMUM)) == set(promised("sandbox", "keyring", "metrics"))


def test_the_bill_of_materials_lists_what_is_locked() -> None:
    command = [*program("cyclonedx_py"), "requirements", "--pyproject", "pyproject.toml"]
    command += ["--mc-type", "application", "--output-reproducible", "--output-format", "JSON", str(LOCK)]
    bill = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "tpp-reconciler"
    assert {canonicalize_name(part["name"]): part["version"] for part in bill["components"]} == pinned(LOCK)


def _whole(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in version.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
