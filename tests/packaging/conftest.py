"""One build per worker, and the question whether packages can be had at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.building import Built, build_release, copy_of_the_project


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    return build_release(copy_of_the_project(folder / "project"), folder / "dist")


@pytest.fixture(scope="session")
def package_index(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("index")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "click==8.1.3"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no package index can be reached from here")
