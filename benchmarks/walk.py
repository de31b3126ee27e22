"""How many functions and files a plan and an apply of one ticket pass: python -m benchmarks.walk [--gate].

A reader who follows one entry through the code meets these. Only code of the reconciler counts, and of it functions
that were entered: class bodies, module bodies, comprehensions and generated methods do not count.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import CO_NEWLOCALS
from pathlib import Path
from types import CodeType, FrameType

PACKAGE = Path(__file__).parent.parent / "reconciler"
GUID = "6ede0e12-f7c0-4068-9977-001076205c84"
MOST = {"plan": (582, 97), "apply": (655, 110)}
"""The most functions and files that each may pass: what was counted last (docs/adr/size-and-walk.md)."""

_MANIFEST = f"version: 1\ntickets:\n  - {{guid: {GUID}, status: Approved, explanation: Ticket was approved by Joe}}\n"
_COMMANDS = {"plan": ["plan", "--out", "plan.json"], "apply": ["apply", "plan.json", "--yes"]}


class Walk:
    """Notes each function of the reconciler that any thread enters."""

    def __init__(self) -> None:
        self.entered: set[CodeType] = set()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            self.entered.add(frame.f_code)

    def functions(self) -> dict[str, set[str]]:
        """Return the names of the functions that were entered, by file."""
        found: dict[str, set[str]] = {}
        for code in self.entered:
            path = Path(code.co_filename)
            if path.is_relative_to(PACKAGE) and "<" not in code.co_name and code.co_flags & CO_NEWLOCALS:
                found.setdefault(str(path.relative_to(PACKAGE)), set()).add(code.co_qualname)
        return found


def walk(arguments: list[str]) -> dict[str, list[str]]:
    """Run one command in this process, and return what it passed."""
    from reconciler.cli.main import main

    steps = Walk()
    threading.setprofile(steps)
    sys.setprofile(steps)
    try:
        main(arguments)
    except SystemExit as end:
        if end.code:
            raise
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return {path: sorted(names) for path, names in sorted(steps.functions().items())}


@contextmanager
def sandbox(folder: Path) -> Iterator[dict[str, str]]:
    """Run the sandbox in a process of its own, and yield what a client has to know."""
    tickets, ready = folder / "tickets.json", folder / "ready.json"
    tickets.write_text(json.dumps([[GUID, r"\VED\Policy\Web\www.example.com"]]))
    command = [sys.executable, "-m", "benchmarks.sandbox_process", str(tickets), "0", str(ready)]
    process = subprocess.Popen(command, cwd=PACKAGE.parent)
    try:
        while not ready.exists():
            if process.poll() is not None:
                raise RuntimeError("the sandbox did not start")
        served = json.loads(ready.read_text())
        yield {"TPP_URL": served["url"], "TPP_TOKEN": served["token"]}
    finally:
        process.terminate()
        process.wait()


def measure() -> dict[str, dict[str, list[str]]]:
    """Plan and apply one ticket, each in a process of its own, and return the functions by file of each."""
    with tempfile.TemporaryDirectory() as name, sandbox(Path(name)) as variables:
        home = Path(name) / "repository"
        (home / "tickets").mkdir(parents=True)
        (home / "tickets" / "one.yaml").write_text(_MANIFEST)
        (home / "reconciler.yaml").write_text(
            "version: 1\nserver: https://localhost\ntickets: [tickets]\nledger: ledger\n"
        )
        environment = os.environ | variables | {"PYTHONPATH": str(PACKAGE.parent)}
        passed = {}
        for command, arguments in _COMMANDS.items():
            child = [sys.executable, "-m", "benchmarks.walk", "--child", str(home / f"{command}.walk"), *arguments]
            subprocess.run(child, cwd=home, env=environment, stdout=subprocess.DEVNULL, check=True)
            passed[command] = json.loads((home / f"{command}.walk").read_text())
        return passed


def main(*, gate: bool, verbose: bool) -> int:
    """Print the counts, and with `verbose` each function; with `gate` fail when there are too many."""
    too_many = False
    for command, files in measure().items():
        functions = sum(len(names) for names in files.values())
        print(
            f"{command}: {functions} functions in {len(files)} files (at most {MOST[command][0]} in {MOST[command][1]})"
        )
        too_many |= functions > MOST[command][0] or len(files) > MOST[command][1]
        for path, names in files.items() if verbose else ():
            print(f"  {path}: {', '.join(names)}")
    return int(gate and too_many)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        Path(sys.argv[2]).write_text(json.dumps(walk(sys.argv[3:])))
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--gate", action="store_true", help="exit with 1 when there are too many")
        parser.add_argument("--verbose", action="store_true", help="name each function")
        options = parser.parse_args()
        sys.exit(main(gate=options.gate, verbose=options.verbose))
