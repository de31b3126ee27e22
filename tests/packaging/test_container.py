"""The container's build steps, run without a container engine, and the promises of the Containerfile."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.packaging.building import ROOT, copy_of_the_project
from tests.packaging.interpreters import interpreter

STEPS = [
    line.split(None, 1)
    for line in (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]


def test_the_container_does_not_run_as_root() -> None:
    (user,) = [value for step, value in STEPS if step == "USER"]
    uid, gid = user.split(":")
    assert int(uid) > 0
    assert int(gid) > 0


def test_all_that_is_run_to_build_the_container_is_the_tested_script() -> None:
    built, packages = [value for step, value in STEPS if step == "RUN"]
    assert built == 'VERSION="${VERSION}" /source/container/install.sh /opt/reconciler'
    assert packages.startswith(
        "apt-get update && apt-get install --yes --no-install-recommends ca-certificates git tini"
    )
    assert "ADD" not in {step for step, _ in STEPS}


def test_no_secret_is_baked_in() -> None:
    settings = " ".join(value for step, value in STEPS if step in {"ENV", "ARG"})
    assert not [word for word in ("TOKEN", "PASSWORD", "SECRET", "TPP_") if word in settings]


@pytest.mark.release
@pytest.mark.usefixtures("package_index")
def test_the_build_steps_give_an_installation_that_needs_no_home_and_nobody_can_write_to(tmp_path: Path) -> None:
    project, prefix = copy_of_the_project(tmp_path / "source"), tmp_path / "reconciler"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHON": interpreter("3.13"), "VERSION": "1.2.3"}
    environment |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "XDG_"))}
    built = subprocess.run(
        [project / "container/install.sh", prefix], env=environment, capture_output=True, text=True, check=False
    )
    assert (built.returncode, built.stdout, built.stderr) == (0, "reconciler 1.2.3\n", "")
    assert not list(prefix.glob("lib/*/site-packages/pip")) + list(prefix.glob("lib/*/site-packages/hatchling"))
    ran = subprocess.run(
        [prefix / "bin/reconciler", "validate", "--config", "reconciler.yaml"],
        cwd=_examples(tmp_path),
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert _writable(prefix / "lib") == []


def _examples(folder: Path) -> Path:
    return folder / "source/examples"


def _writable(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.stat().st_mode & 0o222 and not path.is_symlink()]
