"""Does what a page tells its reader to do: writes its files, types its commands, and compares what is printed.

`python -m tests.docs.console README.md docs/guides/*.md` writes what is printed now into the pages.

A fenced block of yaml with title="tickets/web.yaml" is a file. In a block of console a line after `$ ` is typed (`> `
continues it) and what follows is its output; `…` stands for any lines. With run="background" it starts a sandbox, with
order="any" its lines may come in any order. A page with `<!-- sandbox -->` finds one running. What stands in
`<!-- before: ... -->` is typed unseen, in its place: what happens to the reader of a story.
"""

import difflib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import Block, blocks
from tests.forking.program import programs

SANDBOX = "http://127.0.0.1:8480"
_PORT = ":8480"
"""What stands for the sandbox's port, under whichever name of this machine."""
ANY_LINES = "…"
_UNSEEN = re.compile(r"<!-- before: (.*?)\s-->", re.DOTALL)
_END = "\x1e"
_VARIES = (
    (
        re.compile(
            r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?20(?:2\d|3[0-5])-\d\d-\d\d"
            r"[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?: ?UTC|Z)?"
            r"(?: \(\w{3} \d\d:\d\d(?::\d\d)? [A-Z]\w*/\w+\))?"  # the same moment where people live
        ),
        "TIME",
    ),
    (re.compile(r"\bsha256:[0-9a-f]{8,64}"), "DIGEST"),
    (re.compile(r"\b20\d{6}T\d{6}Z?(?:-[0-9a-z]+)*"), "RUN"),
    (re.compile(r"(?<=the ledger is intact: )\d+ lines"), "LINES"),  # a ticket may be seen to be gone at once, or later
    (re.compile(r"(?<=, commit )[0-9a-f]{12}\b|(?<=ledger: reconciler-ledger )[0-9a-f]{12}\b"), "COMMIT"),
    (re.compile(r"\b20\d\d/\d\d/(?=RUN)"), "YYYY/MM/"),
    (re.compile(r"\b(?:op:|intent )[0-9a-f]{12}"), "TAG"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s|seconds?)\b"), "DURATION"),
    (re.compile(r"\b0\.0\.\d+\.dev\d+\S*|\b\d+\.\d+\.\d+(?:\.dev\d+)?\+g\S+"), "VERSION"),
    (re.compile(r"(?<=export TPP_TOKEN=)\S+"), "TOKEN"),
    (re.compile(r"(?<=One that only reads: )\S+"), "TOKEN"),
    (re.compile(r"\btickets/20\d\d/\d\d/"), "tickets/YYYY/MM/"),
    (re.compile(r"\bledger/20\d\d/\d\d/"), "ledger/YYYY/MM/"),
)


@dataclass(frozen=True)
class Typed:
    """One command of a block, with the output that the page shows below it."""

    command: str
    shown: str


@dataclass
class Repo:
    """A folder and a shell in which a page is followed."""

    folder: Path
    shell: "subprocess.Popen[str]" = field(repr=False)
    stack: ExitStack = field(repr=False)
    url: str = SANDBOX
    token: str = ""

    def type(self, command: str) -> str:
        """Type a command and return what it printed, on both streams, in the words of the page."""
        assert self.shell.stdin
        assert self.shell.stdout
        real = re.sub(r"(?<=export TPP_TOKEN=)\S+", self.token, command.replace(_PORT, self.port))
        self.shell.stdin.write(f"{real}\nprintf '{_END}%s\\n' $?\n")
        self.shell.stdin.flush()
        printed = ""
        for line in self.shell.stdout:
            before, end, _code = line.partition(_END)
            printed += before
            if end:
                break
        return printed.replace(self.port, _PORT).replace(str(self.folder.parent), "/home/you")

    @property
    def port(self) -> str:
        return self.url[self.url.rindex(":") :]

    def start_sandbox(self, command: str = "reconciler sandbox --memory") -> str:
        """Start a sandbox on a free port and return what it printed."""
        ready, log = self.folder.parent / "ready.json", self.folder.parent / "sandbox.log"
        arguments = [*shlex.split(command), "--port", "0", "--tick", "100ms", "--ready-file", str(ready)]
        with log.open("w") as output:
            server = subprocess.Popen(
                arguments, stdout=output, stderr=output, env=_environment(), cwd=self.folder.parent
            )
        self.stack.callback(_end, server)
        deadline = time.monotonic() + 120
        while not ready.exists():
            assert server.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, "the sandbox does not start"
            time.sleep(0.02)
        found = json.loads(ready.read_text(encoding="utf-8"))
        self.url, self.token = found["url"], found["token"]
        return log.read_text(encoding="utf-8").replace(self.url, SANDBOX)


@contextmanager
def repo(page: Path) -> Iterator[Repo]:
    """Open a shell in an empty folder, as a reader of the page would."""
    with tempfile.TemporaryDirectory(prefix="page-") as home, ExitStack() as stack:
        folder = Path(home) / "approvals"
        folder.mkdir()
        shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=_environment() | {"HOME": home},
        )
        stack.callback(_end, shell)
        made = Repo(folder, shell, stack)
        text = page.read_text(encoding="utf-8")
        if "<!-- sandbox -->" in text:
            made.start_sandbox()
            made.type(f"export TPP_URL={SANDBOX}\nexport TPP_TOKEN=x")
        yield made


def typed(block: Block) -> Iterator[Typed]:
    """Yield the commands of a console block with what is shown below each."""
    command: list[str] = []
    shown: list[str] = []
    for line in block.body.splitlines():
        if line.startswith("$ "):
            if command:
                yield Typed("\n".join(command), "\n".join(shown))
            command, shown = [line[2:]], []
        elif line.startswith("> ") and not shown:
            command.append(line[2:])
        else:
            shown.append(line)
    if command:
        yield Typed("\n".join(command), "\n".join(shown))


def follow(page: Path) -> Iterator[tuple[Block, Typed, str]]:
    """Follow a page from its top and yield each command with what it printed."""
    with repo(page) as here:
        unseen = {found.start(): found[1] for found in _UNSEEN.finditer(page.read_text(encoding="utf-8"))}
        for _, block in sorted([*unseen.items(), *((each.start, each) for each in blocks(page))], key=_place):
            if isinstance(block, str):
                here.type(block)
            elif "title" in block.options and block.language != "console":
                path = here.folder / block.options["title"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.body.replace(SANDBOX, here.url), encoding="utf-8")
            elif block.language == "console":
                for each in typed(block):
                    started = block.options.get("run") == "background"
                    yield block, each, here.start_sandbox(each.command) if started else here.type(each.command)


def _place(part: tuple[int, Block | str]) -> int:
    return part[0]


def steady(text: str) -> list[str]:
    """Return the lines of an output without what differs from time to time and from place to place."""
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def differences(block: Block, shown: str, printed: str) -> str:
    """Say where an output is not as shown; empty when it is."""
    wanted, found = steady(shown), steady(printed)
    if block.options.get("order") == "any":
        wanted, found = sorted(wanted), sorted(found)
    if _fits(wanted, found):
        return ""
    return "\n".join(difflib.unified_diff(wanted, found, "the page", "what is printed", lineterm=""))


def _fits(wanted: list[str], found: list[str]) -> bool:
    if not wanted or not found:
        return not found and all(line.strip() == ANY_LINES for line in wanted)
    if wanted[0].strip() == ANY_LINES:
        return any(_fits(wanted[1:], found[skipped:]) for skipped in range(len(found) + 1))
    return wanted[0] == found[0] and _fits(wanted[1:], found[1:])


def _environment() -> dict[str, str]:
    ours = ("TPP_", "CHANGE_RECORDS_", "RECONCILER_", "GITHUB_", "ACTIONS_", "XDG_STATE_HOME")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = f"{programs()}:{Path(sys.executable).parent}:{kept['PATH']}"
    return kept | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "80", "TZ": "UTC", "LC_ALL": "C.UTF-8"}


def _end(process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(timeout=10)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def rewrite(page: Path) -> None:
    """Put what is printed now below each command, but where the page leaves lines out and still tells the truth."""
    bodies: dict[int, tuple[Block, list[str]]] = {}
    for block, each, printed in follow(page):
        keep = ANY_LINES in each.shown.splitlines() and not differences(block, each.shown, printed)
        same = not differences(block, each.shown, printed)
        output = each.shown if keep or same else "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())
        command = "$ " + each.command.replace("\n", "\n> ")
        bodies.setdefault(block.start, (block, []))[1].append(command + ("\n" + output if output else ""))
    text = page.read_text(encoding="utf-8")
    for start, (block, parts) in sorted(bodies.items(), reverse=True):
        indent = text[text.rindex("\n", 0, text.rindex("```", 0, start)) + 1 :].partition("`")[0]
        text = text[:start] + textwrap.indent("\n".join(parts) + "\n", indent) + text[block.end :]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        rewrite(Path(argument).resolve())
