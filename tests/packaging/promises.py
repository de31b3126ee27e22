"""What pyproject.toml promises, and what a requirements file pins."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.building import ROOT

LOCK = ROOT / ".github/actions/reconciler/requirements.txt"
MINIMUM = ROOT / ".ci/minimum.txt"
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)


def promised(*extras: str) -> dict[str, Requirement]:
    """Return the requirements of the distribution and of these extras, by canonical name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def pinned(path: Path) -> dict[str, str]:
    """Return the exact versions that a requirements file names, by canonical name."""
    text = path.read_text(encoding="utf-8")
    return {canonicalize_name(match["name"]): match["version"] for match in _PIN.finditer(text)}
