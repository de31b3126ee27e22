"""Builds the project from a copy of its files, so that nothing of the work tree is written to."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
VERSION = "1.2.3"
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "build", "dist", "site", "node_modules", "_version.py"
)


@dataclass(frozen=True)
class Built:
    """What was built, and from which files."""

    project: Path
    wheel: Path
    sdist: Path


def copy_of_the_project(folder: Path) -> Path:
    """Copy everything that a checkout has, without git's own folder."""
    return Path(shutil.copytree(ROOT, folder, ignore=_LEFT_OUT))


def build(project: Path, into: Path, **variables: str) -> Built:
    """Build sdist and wheel as the release does. `variables` are added to the environment."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", **variables}
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(into)]
    ran = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    (wheel,) = into.glob("*.whl")
    (sdist,) = into.glob("*.tar.gz")
    return Built(project, wheel, sdist)


def build_release(project: Path, into: Path, **variables: str) -> Built:
    """Build as if a tag said version 1.2.3."""
    return build(project, into, SETUPTOOLS_SCM_PRETEND_VERSION_FOR_TPP_RECONCILER=VERSION, **variables)
