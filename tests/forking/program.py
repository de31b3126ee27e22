"""The program without the half second of processor time that its imports cost: a process that has them is forked.

Each run is a process of its own, with the arguments, variables, folder and descriptors of whoever starts it, and ends
as the program would: with its exit code, or by its signal. What it does not have is an interpreter that looks around
where it was started; whatever is about that, about signals or about the time that an end takes starts the real one.
"""

import atexit
import functools
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CLIENT = Path(__file__).with_name("client.py")
_SERVER = Path(__file__).with_name("server.py")
_OTHERS = ("TPP_", "CHANGE_RECORDS_", "RECONCILER_", "GITHUB_", "ACTIONS_", "PYTEST_", "COV_", "PYTHON")


@functools.cache
def forked() -> tuple[str, ...]:
    """Return how a command begins that stands for `python`: `-m reconciler`, or a script, and its arguments follow.

    Each process of tests has one server, which ends with it.
    """
    folder = tempfile.mkdtemp(prefix="forks-")
    address = str(Path(folder) / "socket")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        server = subprocess.Popen(
            [sys.executable, str(_SERVER), str(listening.fileno())],
            env=kept | {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            pass_fds=[listening.fileno()],
            start_new_session=True,
        )
    atexit.register(_end, server, folder)
    return sys.executable, "-I", "-S", str(_CLIENT), address


@functools.cache
def programs() -> Path:
    """Return a folder for the variable PATH in which `reconciler` is such a command. A sandbox stays, and is none."""
    own = Path(sys.executable).parent / "reconciler"
    begin = forked()
    program = Path(begin[-1]).parent / "reconciler"
    first = f'[ "$1" = sandbox ] && exec {shlex.quote(str(own))} "$@"'
    program.write_text(f'#!/bin/sh\n{first}\nexec {shlex.join((*begin, str(own)))} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program.parent


def _end(server: "subprocess.Popen[bytes]", folder: str) -> None:
    server.communicate()
    shutil.rmtree(folder, ignore_errors=True)
