"""The command line as a process of its own, on a pseudo-terminal where a person sits."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RECONCILER = (sys.executable, "-m", "reconciler")


@dataclass
class Terminal:
    """A process on a terminal, with everything that it prints there. Answers are typed as soon as it is asked."""

    process: "subprocess.Popen[bytes]"
    master: int
    answers: Mapping[str, str] = field(default_factory=dict)
    seen: bytearray = field(default_factory=bytearray)

    def wait(self) -> int:
        """Read and type until the process ends; return its exit code."""
        waiting = dict(self.answers)
        while chunk := self._read():
            self.seen += chunk
            for question, answer in list(waiting.items()):
                if question.encode() in self.seen:
                    os.write(self.master, answer.encode() + b"\n")
                    del waiting[question]
        os.close(self.master)
        return self.process.wait(timeout=60)

    def _read(self) -> bytes:
        try:
            return os.read(self.master, 65536)
        except OSError:  # the other side is closed
            return b""

    @property
    def text(self) -> str:
        return self.seen.decode("utf-8", "replace")


def on_terminal(
    folder: Path, *arguments: str, environ: Mapping[str, str], answers: Mapping[str, str] | None = None
) -> Terminal:
    """Start the command line in `folder` with all of its ends on a terminal."""
    master, slave = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS", "NO_COLOR")}
    try:
        process = subprocess.Popen(
            [*RECONCILER, *arguments],
            cwd=folder,
            env=kept | {"TERM": "xterm", "COLUMNS": "100"} | dict(environ),
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
    finally:
        os.close(slave)
    return Terminal(process, master, answers or {})


def piped(folder: Path, *arguments: str, environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the command line in `folder` without a terminal."""
    command: Sequence[str] = [*RECONCILER, *arguments]
    return subprocess.run(
        command, cwd=folder, env=dict(os.environ) | dict(environ), capture_output=True, text=True, check=False
    )
