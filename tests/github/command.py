"""The command line as a process would run it, without starting one."""

import io
import os
import subprocess
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from reconciler.cli.main import main
from tests.github.repository import CLEAN


def run(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder and an environment of its own, and with streams of its own."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        patched.chdir(folder)
        for name in [*os.environ]:
            patched.delenv(name)
        for name, value in {**CLEAN, **(environ or {})}.items():
            patched.setenv(name, value)
        with pytest.raises(SystemExit) as left:
            main([*arguments])
    said = (each.buffer.getvalue().decode() for each in (out, err))
    return subprocess.CompletedProcess(arguments, left.value.code or 0, *said)
