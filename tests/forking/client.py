"""Stands for `python` on a command line: hands everything that it was started with to the server, and ends as told.

It loads next to nothing; that is its purpose.
"""

import _signal as signal
import _socket as socket
import os
import struct
import sys

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def request() -> bytes:
    """Return folder, mask, arguments and variables, each with how many bytes it has."""
    arguments = [os.fsencode(each) for each in sys.argv[2:]]
    variables = [name + b"=" + value for name, value in os.environb.items()]
    mask = os.umask(0)
    parts = [os.getcwdb(), b"%d" % mask, b"%d" % len(arguments), *arguments, *variables]  # noqa: PTH109 - imports little
    body = b"".join(struct.pack("!I", len(each)) + each for each in parts)
    return struct.pack("!I", len(body)) + body


def main() -> None:
    """Have a process forked, tell it of signals, and wait for its end."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    for number in FORWARDED:
        signal.signal(number, lambda heard, _frame: connection.send(bytes([heard])))
    connection.connect(sys.argv[1])
    body = request()
    sent = connection.sendmsg([body], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("3i", 0, 1, 2))])
    connection.sendall(body[sent:])
    code = int(connection.recv(16) or b"70")
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
