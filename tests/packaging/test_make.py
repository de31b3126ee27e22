"""What a newcomer types first."""

import os
import re
import subprocess
from pathlib import Path

from tests.packaging.building import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_help_lists_every_target_once() -> None:
    targets = re.search(r"^\.PHONY: ((?:[^\n]*\\\n)*[^\n]*)$", MAKEFILE, re.MULTILINE)
    assert targets
    said = _make("help")
    assert sorted(line.split()[0] for line in said.splitlines()) == sorted(targets[1].replace("\\\n", " ").split())


def test_help_is_what_make_says_by_itself() -> None:
    assert _make() == _make("help")


def test_without_a_python_that_is_new_enough_make_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    (tmp_path / "pyproject.toml").touch()
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    for arguments in ([], [f"PYTHON={old}"]):
        command = ["make", "setup", *arguments]
        environment = {"PATH": f"{tmp_path}:{_only_the_shell(tmp_path)}"}
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 2
        assert "Python 3.11 or newer with venv is needed (Debian: apt install python3-venv)" in ran.stderr
        assert not (tmp_path / ".venv").exists()


def _make(*arguments: str) -> str:
    """Run make as from a shell, also where these tests were started by make."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    ran = subprocess.run(["make", *arguments], cwd=ROOT, env=shell, capture_output=True, text=True, check=True)
    return ran.stdout


def _only_the_shell(folder: Path) -> Path:
    """Return a folder of programs in which there is no Python at all."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("sh", "make", "touch", "grep", "sed", "expand"):
        link = programs / name
        if not link.exists():
            link.symlink_to(Path("/usr/bin") / name)
    return programs
