"""The installer of the action, as far as it goes without a package index."""

import subprocess
from pathlib import Path

import pytest

from tests.workflows.act import ENVIRONMENT, ROOT

INSTALLER = ROOT / ".github" / "actions" / "reconciler" / "install.sh"


def _install(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(INSTALLER)],
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
    assert (tmp_path / "output").read_text() == f"program={ENVIRONMENT}/bin/reconciler\n"


def test_a_prepared_environment_without_the_reconciler_is_named(tmp_path: Path) -> None:
    done = _install(tmp_path, RECONCILER_VENV="/nowhere")
    assert done.returncode == 1
    assert done.stdout.startswith("::error title=reconciler not installed::RECONCILER_VENV names /nowhere")


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
    made = f'{program}[ "$1 $2" = "-m venv" ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; exit 0\n'
    python = _fake(tmp_path / "python3", made)
    secrets = {"TPP_TOKEN": "secret", "TPP_PASSWORD": "secret", "GITHUB_TOKEN": "secret"}
    done = _install(tmp_path, RECONCILER_PYTHON=str(python), RECONCILER_REF="v1.2.3", **secrets)
    assert done.returncode == 0, done.stderr
    said = calls.read_text()
    assert "secret" not in said
    first, second = (line for line in said.splitlines() if "pip install" in line)
    assert all(word in first for word in ("--require-hashes", "--only-binary :all:", "--no-deps"))
    assert all(word in second for word in ("--no-index", "--no-deps", "--no-build-isolation", str(ROOT)))
