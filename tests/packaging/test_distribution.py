"""What sdist and wheel contain, and that the same files always give the same bytes."""

import email
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packaging.building import ROOT, VERSION, Built, build, build_release, copy_of_the_project

pytestmark = pytest.mark.slow


def _files(project: Path, *folders: str) -> set[str]:
    paths = (path for folder in folders for path in (project / folder).rglob("*"))
    return {str(path.relative_to(project)) for path in paths if path.is_file()} - {"reconciler/_version.py"}


def test_the_wheel_has_code_types_schemas_and_examples(built: Built) -> None:
    names = set(zipfile.ZipFile(built.wheel).namelist())
    beside = {f"reconciler/{name}" for name in _files(built.project, "schemas", "examples")}
    code = _files(built.project, "reconciler")
    metadata = {f"tpp_reconciler-{VERSION}.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD")}
    metadata |= {f"tpp_reconciler-{VERSION}.dist-info/{name}" for name in ("entry_points.txt", "licenses/LICENSE")}
    assert names == code | beside | metadata | {"reconciler/_version.py"}
    assert {"reconciler/py.typed", "reconciler/schemas/decisions.schema.json"} <= names


def test_the_sdist_has_what_a_packager_needs_to_build_and_test(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = _files(built.project, "reconciler", "schemas", "examples", "tests", "docs", "container", ".ci", ".github")
    wanted |= {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "Makefile", "pyproject.toml"}
    assert wanted <= names
    assert not [name for name in names if ".venv" in name or "__pycache__" in name]


def test_a_wheel_built_from_the_sdist_is_the_wheel(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (project,) = tmp_path.iterdir()
    again = build(project, tmp_path / "dist")
    assert _digest(again.wheel) == _digest(built.wheel)


def test_built_twice_gives_the_same_bytes(built: Built, tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path / "elsewhere" / "under another name")
    for path in project.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(path.stat().st_mode & 0o700)
    again = build_release(project, tmp_path / "dist", TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="7")
    assert (_digest(again.wheel), _digest(again.sdist)) == (_digest(built.wheel), _digest(built.sdist))


def test_the_metadata_promises_what_is_tested(built: Built) -> None:
    assert built.wheel.name == f"tpp_reconciler-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(built.wheel) as wheel:
        metadata = email.message_from_bytes(wheel.read(f"tpp_reconciler-{VERSION}.dist-info/METADATA"))
    assert metadata["Name"] == "tpp-reconciler"
    assert metadata["Version"] == VERSION
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra", [])) == {"sandbox", "keyring", "metrics"}
    assert {url.split(", ")[0] for url in metadata.get_all("Project-URL", [])} == {
        "Homepage",
        "Documentation",
        "Changelog",
        "Issues",
    }
    assert metadata["Author"]


def test_the_description_leads_nowhere_that_an_index_does_not_have(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        metadata = email.message_from_bytes(wheel.read(f"tpp_reconciler-{VERSION}.dist-info/METADATA"))
    assert metadata["Description-Content-Type"] == "text/markdown"
    targets = re.findall(r"\]\(([^)\s]+)\)", str(metadata.get_payload()))
    files = {target for target in targets if not target.startswith(("https://", "#"))}
    assert len(targets) > 10
    assert files == set()
    pictures = re.findall(r"!\[[^\]]*\]\((\S+)\)", str(metadata.get_payload()))
    raw = "https://raw.githubusercontent.com/example-org/tpp-reconciler/main/"
    assert [url for url in pictures if not (ROOT / url.removeprefix(raw)).is_file()] == []


@pytest.mark.parametrize(("tag", "version"), [("v1.4.0", "1.4.0"), (None, "0.0.0")])
def test_the_version_comes_from_the_tag(tag: str | None, version: str, tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path / "project")
    if tag:
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "release"], ["tag", tag]):
            subprocess.run(["git", *_AS_SOMEBODY, *command], cwd=project, check=True, capture_output=True)
    ran = subprocess.run([sys.executable, "-m", "hatchling", "version"], cwd=project, capture_output=True, check=True)
    assert ran.stdout.decode().strip() == version


_AS_SOMEBODY = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
