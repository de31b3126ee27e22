"""Imports all of the program, then forks a process for whoever asks: `python server.py DESCRIPTOR`.

It ends when its standard input does.
"""

import atexit
import gc
import importlib
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import sys
import threading
import time
from typing import NoReturn

import reconciler

_NOT_NOW = ("reconciler.__main__",)


def import_everything() -> None:
    """Import each module of the package, and what they import when they are first needed."""
    for found in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if found.name not in _NOT_NOW:
            importlib.import_module(found.name)
    for name in ("rich.progress", "keyring"):
        importlib.import_module(name)
    gc.freeze()


def main() -> None:
    """Serve; whatever returns from here is a forked process that is to be the program."""
    listening = socket.socket(fileno=int(sys.argv[1]))
    import_everything()
    while True:
        ready, _, _ = select.select([listening, 0], [], [])
        if 0 in ready:
            os._exit(0)
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            if attend(connection):
                return
        connection.close()
        while _reaped():
            pass


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] > 0
    except ChildProcessError:
        return False


def attend(connection: socket.socket) -> bool:
    """Fork the program. Returns in that process; this one waits for it, forwards signals, and says how it ended.

    Whoever goes away without waiting was killed, and so is the program.
    """
    body, descriptors = _receive(connection)
    program = os.fork()
    if program == 0:
        connection.close()
        _become(body, descriptors)
        return True
    for descriptor in (*descriptors, 0, 1, 2):
        os.close(descriptor)
    ended = os.pidfd_open(program)
    while True:
        ready, _, _ = select.select([connection, ended], [], [])
        if ended in ready:
            break
        heard = connection.recv(16)
        for number in heard or [signal.SIGKILL]:
            os.kill(program, number)
        if not heard:
            break
    _, status = os.waitpid(program, 0)
    try:
        connection.sendall(b"%d" % os.waitstatus_to_exitcode(status))
    except OSError:
        pass  # whoever asked is gone
    os._exit(0)


def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    data, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    while len(data) < 4 or len(data) < 4 + struct.unpack("!I", data[:4])[0]:
        more = connection.recv(1 << 16)
        if not more:
            os._exit(1)
        data += more
    return data[4:], descriptors


def _become(body: bytes, descriptors: list[int]) -> None:
    """Take over what the client was started with."""
    parts = []
    while body:
        (length,) = struct.unpack("!I", body[:4])
        parts.append(body[4 : 4 + length])
        body = body[4 + length :]
    folder, mask, count, *rest = parts
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.umask(int(mask))
    os.environb.clear()
    os.environb.update(each.partition(b"=")[::2] for each in rest[int(count) :])
    time.tzset()
    sys.argv = [os.fsdecode(each) for each in rest[: int(count)]]


def run() -> None:
    """Be what stands on the command line after `python`."""
    while sys.argv[0] == "-I":
        sys.argv.pop(0)
    if sys.argv[0] == "-m":
        sys.argv.pop(0)
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


def end(code: int) -> NoReturn:
    """End as an interpreter does, but leave to the system what it would take apart: all those modules."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


main()
try:
    run()
except SystemExit as left:
    if isinstance(left.code, int):
        end(left.code)
    raise
