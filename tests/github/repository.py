"""Git repositories in a folder: a bare one in GitHub's place, and clones of it."""

import subprocess
from pathlib import Path

from reconciler.github.git import Git

PERSON = ["-c", "user.name=Ann", "-c", "user.email=ann@acme.example"]
CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}


def git(folder: Path, *arguments: str) -> str:
    """Run git as a person."""
    done = subprocess.run(
        ["git", *PERSON, *arguments], cwd=folder, env=CLEAN, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def make_remote(folder: Path) -> Path:
    """Make a bare repository whose main has one file."""
    remote, seed = folder / "remote.git", folder / "seed"
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    git(folder, "clone", "--quiet", str(remote), str(seed))
    git(seed, "checkout", "--quiet", "-B", "main")
    commit(seed, "tickets/web.yaml", "version: 1\n")
    git(seed, "push", "--quiet", "origin", "main")
    return remote


def clone(remote: Path, folder: Path) -> Git:
    """Clone main the way a workflow does, and return the reconciler's git for it."""
    git(remote.parent, "clone", "--quiet", "--depth=1", "--branch=main", f"file://{remote}", str(folder))
    return Git.open(folder, CLEAN, "https://github.com", "")


def commit(folder: Path, path: str, text: str, message: str = "A change") -> str:
    """Commit one file as a person and return the commit."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    git(folder, "add", "--", path)
    git(folder, "commit", "--quiet", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def files(remote: Path, branch: str, ending: str = "") -> dict[str, str]:
    """Return the files of a branch with their text, or those whose names end so."""
    names = git(remote, "ls-tree", "-r", "--name-only", branch).splitlines()
    return {name: git(remote, "show", f"{branch}:{name}") for name in names if name.endswith(ending)}
