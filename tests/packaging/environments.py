"""Clean virtual environments for an installation under test."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MAIN_JOB = Path(__file__).parent / "main_job.py"


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nothing of this project's own in it but what is installed."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    def install(self, *arguments: str) -> None:
        ran = _ran([str(self.python), "-m", "pip", "install", "--quiet", *arguments], self.folder)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def run(self, *command: str) -> str:
        """Run a program of the environment in an empty folder, with no variable of ours."""
        away = self.folder / "away"
        away.mkdir(exist_ok=True)
        ran = _ran([str(self.folder / "bin" / command[0]), *command[1:]], away)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def main_job(self) -> str:
        """Do the main job on the sandbox with what is installed."""
        return self.run("python", "-I", str(MAIN_JOB))


def new_environment(interpreter: str, folder: Path) -> Environment:
    """Make a virtual environment."""
    subprocess.run([interpreter, "-m", "venv", str(folder)], check=True, capture_output=True)
    return Environment(folder)


def _ran(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    ours = ("TPP_", "RECONCILER_", "GITHUB_", "PYTHONPATH", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
