"""Every recipe of CONTRIBUTING, followed to the letter in a copy of the project."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks

pytestmark = pytest.mark.slow

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
_NEEDED = ("reconciler", "schemas", "tests", "examples", "docs", "pyproject.toml", "Makefile")
_LEFT_OUT = shutil.ignore_patterns("node_modules", "__pycache__", ".*_cache")


def _recipes() -> Iterator[tuple[str, list[Block]]]:
    text = CONTRIBUTING.read_text(encoding="utf-8")
    starts = [(match.start(), match[1]) for match in re.finditer(r"^### (.+)$", text, re.MULTILINE)]
    ends = [start for start, _ in starts[1:]] + [text.index("\n## Releases")]
    for (start, title), end in zip(starts, ends, strict=True):
        yield title, [block for block in blocks(CONTRIBUTING) if start < block.start < end]


RECIPES = dict(_recipes())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy = tmp_path / "project"
    copy.mkdir()
    for name in _NEEDED:
        source = ROOT / name
        shutil.copytree(source, copy / name, ignore=_LEFT_OUT) if source.is_dir() else shutil.copy(source, copy / name)
    return copy


def test_there_is_a_recipe_for_each_thing_that_is_often_added() -> None:
    assert list(RECIPES) == [
        "Add a bad file",
        "Add a guard",
        "Add a guard with a setting, in local time",
        "Add a verdict's reason",
        "Add a parameter of an update",
        "Add an output",
        "Add a way to sign in",
        "Change what is sent again",
        "Add a server",
    ]


MOST_FILES = {
    "Add a guard": 3,
    "Add a guard with a setting, in local time": 6,
    "Add a verdict's reason": 5,
    "Add a parameter of an update": 2,
    "Add an output": 2,
    "Add a way to sign in": 3,
    "Change what is sent again": 1,
}
"""How many files of the package a task may touch, besides schemas, tests and documentation."""


@pytest.mark.parametrize("title", MOST_FILES)
def test_what_is_often_added_touches_few_files(title: str) -> None:
    diffs = "".join(block.body for block in RECIPES[title] if block.language == "diff")
    touched = set(re.findall(r"^\+\+\+ b/(reconciler/\S+)", diffs, re.MULTILINE))
    assert 0 < len(touched) <= MOST_FILES[title]


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_leads_where_it_says(title: str, project: Path) -> None:
    for block in RECIPES[title]:
        match block.language:
            case "yaml":
                (project / block.options["title"]).write_text(block.body, encoding="utf-8")
            case "diff":
                _patch(project, block.body)
            case "sh":
                for line in block.body.splitlines():
                    _run(project, line)
            case "text":
                assert (project / block.options["title"]).read_text(encoding="utf-8") == block.body


def test_without_its_change_the_test_of_a_recipe_fails(project: Path) -> None:
    diff = next(block.body for block in RECIPES["Add a guard"] if block.language == "diff")
    parts = re.split(r"(?=^--- )", diff, flags=re.MULTILINE)
    _patch(project, "".join(part for part in parts if "tests/planning/test_guards.py" in part))
    with pytest.raises(AssertionError, match="far-ahead"):
        _run(project, ".venv/bin/pytest tests/planning/test_guards.py")


def _patch(project: Path, diff: str) -> None:
    ran = subprocess.run(
        ["patch", "--strip=1", "--fuzz=1", "--no-backup-if-mismatch"],
        cwd=project, input=diff, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, f"a recipe's change does not fit any more:\n{ran.stdout}{ran.stderr}"


def _run(project: Path, line: str) -> None:
    words = shlex.split(line)
    settings = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    command = [word for word in words if word.partition("=")[0] not in settings]
    if command[0] == "make":
        ran_by = ["make", f"BIN={Path(sys.executable).parent}", "READY=", *command[1:]]
    else:
        assert command[0] == ".venv/bin/pytest"
        options = ["-q", "-p", "no:cacheprovider", "--override-ini=addopts=--import-mode=importlib"]
        ran_by = [sys.executable, "-m", "pytest", *options, *command[1:]]
    ran = subprocess.run(
        ran_by,
        cwd=project, env={**os.environ, **settings, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    expected = 1 if "UPDATE_EXPECTED" in settings and ran.returncode == 1 else 0
    assert ran.returncode == expected, ran.stdout + ran.stderr
