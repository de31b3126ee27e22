"""The installer of the action, as far as it goes without a package index."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows.act import ENVIRONMENT, ROOT
from tests.workflows.planted import plant

INSTALLER = ROOT / ".github" / "actions" / "reconciler" / "install.sh"


def _install(folder: Path, *, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(INSTALLER)],
        cwd=cwd or folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "RUNNER_TEMP": str(folder),
            "GITHUB_OUTPUT": str(folder / "output"),
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _fake(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_prepared_environment_is_used_as_it_is(tmp_path: Path) -> None:
    assert _install(tmp_path, RECONCILER_VENV=str(ENVIRONMENT)).returncode == 0
    program = Path((tmp_path / "output").read_text().strip().removeprefix("program="))
    assert program.read_text() == f'#!/bin/sh\nexec "{ENVIRONMENT}/bin/python" -I -m reconciler "$@"\n'
    done = subprocess.run([program, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith("reconciler ")) == (0, True)


def test_a_prepared_environment_without_the_reconciler_is_named(tmp_path: Path) -> None:
    done = _install(tmp_path, RECONCILER_VENV="/nowhere")
    assert done.returncode == 1
    assert done.stdout.startswith("::error title=reconciler not installed::RECONCILER_VENV names /nowhere")


@pytest.mark.parametrize("name", ["RECONCILER_VENV", "RECONCILER_PYTHON"])
def test_a_program_below_the_checkout_is_not_taken(tmp_path: Path, name: str) -> None:
    _fake(tmp_path / "venv/bin/reconciler", f"#!/bin/sh\ntouch {tmp_path}/touched\n")
    value = "venv" if name == "RECONCILER_VENV" else "venv/bin/reconciler"
    done = _install(tmp_path, **{name: value})
    assert (done.returncode, "below the checkout" in done.stdout) == (1, True)
    assert not (tmp_path / "touched").exists()


@pytest.mark.slow  # it makes a whole environment
def test_nothing_in_the_working_directory_runs_while_installing(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    touched = plant(checkout)
    done = _install(
        tmp_path,
        RECONCILER_PYTHON=sys.executable,
        PATH="/usr/bin:/bin:.:",
        PYTHONPATH=str(checkout),
        PIP_NO_INDEX="1",
        cwd=checkout,
    )
    assert done.returncode == 1
    assert "No matching distribution found" in done.stderr
    assert touched() == []


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", None])
def test_a_python_that_is_too_old_or_absent_is_named(tmp_path: Path, text: str | None) -> None:
    python = tmp_path / "bin" / "python3.8"
    if text is not None:
        _fake(python, text)
    done = _install(tmp_path, RECONCILER_PYTHON=str(python))
    assert done.returncode == 1
    assert f"{python} is absent or older than 3.11" in done.stdout


def test_dependencies_come_as_hashed_wheels_and_no_secret_is_there_to_steal(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    program = f'#!/bin/sh\necho "$TPP_TOKEN$TPP_PASSWORD$GITHUB_TOKEN $@" >>{calls}\n'
    made = f'{program}[ "$1 $2 $3" = "-I -m venv" ] && mkdir -p "$4/bin" && cp "$0" "$4/bin/python"; exit 0\n'
    python = _fake(tmp_path / "python3", made)
    secrets = {"TPP_TOKEN": "secret", "TPP_PASSWORD": "secret", "GITHUB_TOKEN": "secret"}
    done = _install(tmp_path, RECONCILER_PYTHON=str(python), RECONCILER_REF="v1.2.3", **secrets)
    assert done.returncode == 0, done.stderr
    said = calls.read_text()
    assert "secret" not in said
    first, second = (line for line in said.splitlines() if "pip install" in line)
    assert all(word in first for word in ("--require-hashes", "--only-binary :all:", "--no-deps"))
    assert all(word in second for word in ("--no-index", "--no-deps", "--no-build-isolation", str(ROOT)))
