"""Finds Python interpreters of several versions wherever a machine may keep them."""

import functools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
_HOMES = (Path.home() / ".pyenv/versions", Path.home() / ".local/share/uv/python", Path("/opt/hostedtoolcache/Python"))
_PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"


def interpreter(version: str) -> str:
    """Return a program that is Python of this version, or skip the test that asked."""
    for candidate in _candidates(version):
        if _version_of(candidate) == version:
            return candidate
    pytest.skip(f"no Python {version} on this machine (looked on PATH, in pyenv's, uv's and the runner's folders)")


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    for home in _HOMES:
        for pattern in (f"{version}*/bin/python", f"{version}*/x64/bin/python", f"*-{version}*/bin/python"):
            yield from sorted(str(path) for path in home.glob(pattern))


@functools.cache
def _version_of(program: str) -> str:
    ran = subprocess.run([program, "-c", _PROBE], capture_output=True, text=True, check=False)
    return ran.stdout.strip() if ran.returncode == 0 else ""
