"""Running git, with the token handed over in the environment and only for GitHub's own host."""

import base64
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.ports import GLANCE, Deadline

LONGEST_SILENCE = 300
"""Seconds after which a git command that printed nothing is taken for stuck. One that shows progress goes on."""
LAST_PUSH = 20.0
"""Seconds that git gets for the ledger after the grace of a run that was told to end has passed."""
AUTHOR = ("tpp-reconciler", "tpp-reconciler@users.noreply.github.com")
"""Name and address under which the reconciler commits."""


class GitFailure(ReconcilerError):
    """git could not do it; the message has the lines in which it says why."""


@dataclass(frozen=True, slots=True)
class Git:
    """git in one work tree. `environ` carries identity and credentials; it is never shown.

    No command goes on beyond LAST_PUSH after the deadline.
    """

    root: Path
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    deadline: Deadline | None = None

    @classmethod
    def open(cls, root: Path, environ: Mapping[str, str], server_url: str, token: str) -> "Git":
        """Make a runner whose requests to `server_url` carry the token, and to no other host.

        git takes configuration from GIT_CONFIG_COUNT and its companions, so that the token is never an argument
        that other processes can read (git documentation, "git-config", ENVIRONMENT).
        """
        kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
        name, address = AUTHOR
        added = {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": address,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": address,
            "LC_ALL": "C.UTF-8",
        }
        if token:
            secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            added |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"http.{server_url.rstrip('/')}/.extraheader",
                "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {secret}",
            }
        return cls(root, kept | added)

    def run(
        self, *arguments: str, index: Path | None = None, work_tree: Path | None = None, stdin: str | None = None
    ) -> str:
        """Run git and return what it printed, without the last line end. Raises GitFailure."""
        done = self.attempt(*arguments, index=index, work_tree=work_tree, stdin=stdin)
        if done.returncode != 0:
            why = _why(done.stderr)
            raise GitFailure(f"git {_command(arguments)} failed: {why}", _hint(why, self.root))
        return done.stdout.rstrip("\n")

    def attempt(
        self, *arguments: str, index: Path | None = None, work_tree: Path | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run git and return how it went. `index` and `work_tree` stand in for those of the checkout."""
        environ = dict(self.environ)
        if index is not None:
            environ["GIT_INDEX_FILE"] = str(index)
        if work_tree is not None:
            environ["GIT_WORK_TREE"] = str(work_tree)
            environ["GIT_DIR"] = self._git_dir(environ)
        try:
            return self._start(arguments, environ, stdin=stdin)
        except subprocess.TimeoutExpired as fault:
            raise GitFailure(f"git {_command(arguments)} {fault.output}", "check the remote") from fault

    def _git_dir(self, environ: Mapping[str, str]) -> str:
        done = self._start(("rev-parse", "--absolute-git-dir"), environ, without=("GIT_WORK_TREE", "GIT_DIR"))
        if done.returncode != 0:
            raise GitFailure(f"{self.root} is not in a git repository", "check out the repository first")
        return done.stdout.strip()

    def _start(
        self,
        arguments: tuple[str, ...],
        environ: Mapping[str, str],
        without: tuple[str, ...] = (),
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        program = shutil.which("git", path=environ.get("PATH", os.defpath))
        if program is None:
            raise GitFailure("git is not installed", "install git, or run on a runner that has it")
        command = [program, *_with_progress(arguments)]
        with (
            tempfile.TemporaryFile() as printed,
            subprocess.Popen(  # noqa: S603 - a fixed program, arguments as a list, no shell
                command,
                cwd=self.root,
                env={name: value for name, value in environ.items() if name not in without},
                stdin=None if stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=printed,
                text=True,
                encoding="utf-8",
                errors="replace",
            ) as process,
        ):
            began = heard = time.monotonic()
            size = 0
            try:
                while True:
                    try:
                        out, _ = process.communicate(stdin, timeout=GLANCE)
                        printed.seek(0)
                        errors = printed.read().decode("utf-8", "replace")
                        return subprocess.CompletedProcess(command, process.returncode, out, errors)
                    except subprocess.TimeoutExpired:
                        stdin, now, before = None, time.monotonic(), size
                        size = os.fstat(printed.fileno()).st_size
                        heard = now if size != before else heard
                        why = self._ends(now - began, now - heard)
                        if why:
                            raise subprocess.TimeoutExpired(command, now - began, output=why) from None
            except BaseException:
                process.kill()
                raise

    def _ends(self, took: float, silent: float) -> str:
        """Return why a command that runs does so no longer, "" while it may."""
        if silent >= LONGEST_SILENCE:
            return f"said nothing for {silent:.0f} s"
        return f"took longer than {took:.0f} s" if self.deadline and self.deadline.left() <= -LAST_PUSH else ""


def _with_progress(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Have commands that may take long tell how far they are, which they do not by themselves without a terminal."""
    place = _place(arguments)
    return (*arguments[: place + 1], "--progress", *arguments[place + 1 :]) if arguments[place] in _LONG else arguments


_LONG = frozenset({"push", "fetch"})
_TELLS = re.compile(r"fatal:|error:|remote: (?:error|fatal)|\s*! \[")
_LONGEST = 500


def _why(printed: str) -> str:
    """Return the lines that say what went wrong, whatever stands around them; else the last one."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()] or ["no message"]
    return "; ".join([line for line in lines if _TELLS.match(line)] or lines[-1:])[:_LONGEST]


def _command(arguments: tuple[str, ...]) -> str:
    return arguments[_place(arguments)]


def _place(arguments: tuple[str, ...]) -> int:
    """Return where the name of the command stands: after options of git itself, and settings (`-c name=value`)."""
    place = 0
    while arguments[place].startswith("-"):
        place += 2 if arguments[place] == "-c" else 1
    return place


def _hint(why: str, root: Path) -> str:
    if "dubious ownership" in why:
        return f"another user owns the checkout: `git config --global --add safe.directory {root}`"
    if "not a git repository" in why:
        return "check out the repository first"
    return "run it by hand in the checkout to see more"
