"""How cost grows: every command on ledgers of 100 to 50,000 decisions, and on two that have grown for years.

    python -m benchmarks.growth [--sizes 100 1000 10000 50000] [--years] [--only SUBJECT …] [--out FILE]

Each subject is a process of its own, measured in processor seconds and peak memory, which a busy machine changes
little: once, and up to 1,000 decisions three times, of which the cheapest counts. A size is the number of decisions in
the ledger, and of as many others in the manifests and on the server; beside no ledger and one of years there are 100.
Worse than linear is what took over 1.3 times as much more processor time than there are decisions more, less what the
command takes on an empty ledger. What was not measured stays in the file.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from benchmarks import workload
from benchmarks.ledger_recall import write_ledger
from benchmarks.measure import Cost, cost_of
from benchmarks.server import serving
from benchmarks.setting import configure, reconciler

HOME = Path(__file__).parents[1]
RESULTS = HOME / "benchmarks" / "growth.json"
YEARS = {"2,000 runs of 50": (100_000, 2_000), "300 runs of 1,000": (300_000, 300)}
SUBJECTS = (
    *("verify", "log", "export", "report", "pack", "population"),
    *("plan", "metrics", "import", "apply", "push"),
)
_LOAD_BEFORE = round(os.getloadavg()[0], 1)
_ONLINE = ("plan", "metrics", "import", "apply")
"""Subjects that have `_OPEN` decisions to work on beside an empty ledger, too."""
_PER_RUN = 1_000
_SMALL, _ROUNDS = 1_000, 3
_OPEN = 100
_LIMIT = 300.0
_WORSE = 1.3
_PUSH = """
import os, sys
from pathlib import Path
from reconciler.github.branch import push_ledger
from reconciler.github.git import Git
root = Path(sys.argv[1])
push_ledger(Git.open(root, os.environ, "https://github.com", ""), root / "ledger", "reconciler-ledger", "One more run",
            only=root / "ledger" / "2030/01/20300101T000000Z-0a0b0c.jsonl" if len(sys.argv) > 2 else None)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1_000, 10_000, 50_000])
    parser.add_argument("--years", action="store_true", help="measure the two ledgers of years, too")
    parser.add_argument("--only", nargs="*", choices=SUBJECTS, metavar="SUBJECT", help=f"only {', '.join(SUBJECTS)}")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    found = _known(options.out)
    sizes = [(f"{size:,}", size, max(1, size // _PER_RUN), size) for size in options.sizes]
    sizes += [(name, *shape, _OPEN) for name, shape in YEARS.items()] if options.years else []
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        for name, decisions, runs, waiting in [("none", 0, 0, _OPEN), *sizes]:
            home, measured = Path(folder) / name.replace(" ", "-").replace(",", ""), dict[str, Cost]()
            for _ in range(_ROUNDS if decisions <= _SMALL else 1):
                for subject, cost in _measured(home, decisions, runs, waiting, options.only or SUBJECTS):
                    measured[subject] = min(cost, measured.get(subject, cost), key=lambda each: each.cpu)
                    _save(options.out, found | {name: found.get(name, {}) | measured})
                shutil.rmtree(home)
            found[name] = found.get(name, {}) | measured
            print(_row(name, found[name]), flush=True)
    faults = [*_worse_than_linear(found), *_too_large(found)]
    print("\n".join(faults) or "nothing grows worse than linear")
    return 1 if faults else 0


def _measured(home: Path, decisions: int, runs: int, waiting: int, only: Collection[str]) -> Iterator[tuple[str, Cost]]:
    (home / "ledger").mkdir(parents=True)
    if runs:
        write_ledger(home / "ledger", decisions, runs)
    workload.manifests(home / "tickets", waiting, files=max(1, waiting // _PER_RUN))
    configure(home)
    offline = {
        "verify": reconciler("ledger", "verify"),
        "log": reconciler("ledger", "log"),
        "export": reconciler("ledger", "export"),
        "report": reconciler("report", "--out", "site"),
        "pack": reconciler("ledger", "export", "--pack", "pack.zip"),
        "population": reconciler("ledger", "population"),
    }
    for name in [name for name in offline if name in only]:
        yield name, cost_of(offline[name], cwd=str(home))
    fresh = home / "fresh"
    (fresh / "tickets").mkdir(parents=True)
    configure(fresh)
    online = {
        "plan": (reconciler("plan", "-q"), home),
        "metrics": (reconciler("plan", "-q", "--metrics", "tpp.prom"), home),
        "import": (reconciler("import"), fresh),
        "apply": (reconciler("apply", "--yes", "-q"), home),
    }
    with serving(home, waiting, 0.0) as server:
        for name in [name for name in online if name in only]:
            command, place = online[name]
            yield name, cost_of(command, cwd=str(place), env=server.environment)
    if "push" in only:
        _prepare_push(home)
        yield "push", cost_of([sys.executable, "-c", _PUSH, str(home), "one"], cwd=str(HOME))


def _prepare_push(home: Path) -> None:
    """Put the ledger onto a branch of a remote, and begin one more file."""
    remote = home.parent / f"{home.name}.git"
    git = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com")
    for command in (
        (*git, "init", "--quiet", "--bare", str(remote)),
        (*git, "init", "--quiet", str(home)),
        (*git, "-C", str(home), "remote", "add", "origin", str(remote)),
        (*git, "-C", str(home), "commit", "--quiet", "--allow-empty", "-m", "begin"),
    ):
        subprocess.run(command, check=True, capture_output=True)
    subprocess.run([sys.executable, "-c", _PUSH, str(home)], check=True, cwd=HOME, capture_output=True)
    new = home / "ledger" / "2030/01/20300101T000000Z-0a0b0c.jsonl"
    new.parent.mkdir(parents=True)
    new.write_bytes(b"{}\n")


def _row(name: str, costs: dict[str, Cost]) -> str:
    told = (f"{subject} {cost.cpu:.2f} s {cost.peak:.0f} MB" for subject, cost in costs.items())
    return f"{name:>18}: {', '.join(told)}"


def _worse_than_linear(found: dict[str, dict[str, Cost]]) -> Iterator[str]:
    sizes = sorted((int(name.replace(",", "")), name) for name in found if name.replace(",", "").isdecimal())
    for (less, few), (more, many) in pairwise(sizes):
        for subject in [subject for subject in found[many] if subject in found[few] and subject in found["none"]]:
            base = found["none"][subject].cpu
            before, after = found[few][subject].cpu - base, found[many][subject].cpu - base
            already = _OPEN if subject in _ONLINE else 0
            times = (more - already) / max(less - already, 1)
            if less >= 1_000 and after > 1.0 and after > _WORSE * max(before, 0.1) * times:
                yield f"{subject}: from {few} to {many} decisions {before:.2f} s became {after:.2f} s"


def _too_large(found: dict[str, dict[str, Cost]]) -> Iterator[str]:
    for subject in ("import", "pack", "report"):
        cost = found.get("50,000", {}).get(subject)
        if cost is not None and cost.peak > _LIMIT:
            yield f"{subject}: {cost.peak:.0f} MB for 50,000 decisions, at most {_LIMIT:.0f}"


def _known(out: Path) -> dict[str, dict[str, Cost]]:
    if not out.exists():
        return {}
    ledgers = json.loads(out.read_text(encoding="utf-8"))["ledgers"]
    return {name: {subject: Cost(**cost) for subject, cost in costs.items()} for name, costs in ledgers.items()}


def _save(out: Path, found: dict[str, dict[str, Cost]]) -> None:
    ledgers = {name: {subject: asdict(cost) for subject, cost in costs.items()} for name, costs in found.items()}
    machine = {
        "on": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_before": _LOAD_BEFORE,
        "command": " ".join(("python -m benchmarks.growth", *sys.argv[1:])),
    }
    out.write_text(
        json.dumps({"version": 1, "machine": machine, "ledgers": ledgers}, indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    sys.exit(main())
