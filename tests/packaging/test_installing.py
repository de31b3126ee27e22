"""The wheel, installed where nothing else is, does the main job; so it does with the oldest libraries it allows."""

from pathlib import Path

import pytest

from tests.packaging.building import ROOT, VERSION, Built
from tests.packaging.environments import new_environment
from tests.packaging.interpreters import VERSIONS, interpreter
from tests.packaging.promises import LOCK, MINIMUM

pytestmark = pytest.mark.release


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.usefixtures("package_index")
def test_the_wheel_works_in_a_clean_environment(version: str, built: Built, tmp_path: Path) -> None:
    environment = new_environment(interpreter(version), tmp_path / "venv")
    environment.install(f"{built.wheel}[sandbox]")
    assert environment.run("reconciler", "--version") == f"reconciler {VERSION}\n"
    assert environment.main_job() == "1 update, nothing left to do\n"
    assert "nothing" in environment.run("reconciler", "demo").lower()
    environment.run("python", "-m", "pip", "check")


@pytest.mark.parametrize("version", VERSIONS[1:])
@pytest.mark.usefixtures("package_index")
def test_the_network_code_holds_on_newer_pythons(version: str, built: Built, tmp_path: Path) -> None:
    """It hooks into http.client, of which every version of Python brings a slightly different one."""
    environment = new_environment(interpreter(version), tmp_path / "venv")
    environment.install(f"{built.wheel}[sandbox,keyring]", "hypothesis", "pytest", "pytest-xdist", "trustme")
    told = environment.run("python", "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), str(ROOT / "tests/tpp"))
    assert " passed" in told


@pytest.mark.usefixtures("package_index")
def test_the_oldest_allowed_libraries_are_enough(built: Built, tmp_path: Path) -> None:
    environment = new_environment(interpreter("3.11"), tmp_path / "venv")
    environment.install("--constraint", str(MINIMUM), f"{built.wheel}[sandbox,keyring]")
    assert environment.main_job() == "1 update, nothing left to do\n"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.usefixtures("package_index")
def test_the_lock_installs_with_hashes_alone_and_is_enough_to_validate(
    version: str, built: Built, tmp_path: Path
) -> None:
    environment = new_environment(interpreter(version), tmp_path / "venv")
    environment.install("--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK))
    environment.install("--no-deps", "--no-index", str(built.wheel))
    environment.run("python", "-m", "pip", "check")
    (tmp_path / "venv/away/tickets").mkdir(parents=True)
    assert environment.run("reconciler", "--help").startswith("Usage: reconciler")


@pytest.mark.usefixtures("package_index")
def test_a_type_checker_sees_the_types_of_the_installed_package(built: Built, tmp_path: Path) -> None:
    environment = new_environment(interpreter("3.11"), tmp_path / "venv")
    environment.install(str(built.wheel), "mypy")
    checked = environment.run(
        "python", "-m", "mypy", "-c", "from reconciler.model.status import Status; reveal_type(Status.PENDING)"
    )
    assert "reconciler.model.status.Status" in checked
