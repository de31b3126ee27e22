"""The page of measurements: what the last run of the benchmarks measured, and what explains it."""

import json
from pathlib import Path
from typing import Any

from docs.generating.text import cell, table

_BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
RESULTS = _BENCHMARKS / "results.json"
GROWTH = _BENCHMARKS / "growth.json"
EXPLAINED = _BENCHMARKS / "explained.md"


def page(results: Path = RESULTS, growth: Path = GROWTH) -> str:
    """Return the page of measurements; for what has not been measured it says so."""
    parts = [_HEAD]
    if results.exists():
        parts += _compared(json.loads(results.read_text(encoding="utf-8")))
    else:
        parts.append("Nothing has been compared on this checkout yet: `make bench` does, and writes the figures.\n")
    if growth.exists():
        parts += _growth(json.loads(growth.read_text(encoding="utf-8")))
    else:
        parts.append("How cost grows has not been measured on this checkout yet: `make growth` does.\n")
    return "\n".join((*parts, EXPLAINED.read_text(encoding="utf-8")) if results.exists() or growth.exists() else parts)


def _compared(document: dict[str, Any]) -> list[str]:
    ratios = table(_RATIOS, [_ratio(each) for each in document["ratios"]])
    figures = table(_FIGURES, [_figure(name, found) for name, found in document["figures"].items()])
    return [_machine(document), "## Ratios\n", ratios, "## Figures\n", figures]


def _growth(document: dict[str, Any]) -> list[str]:
    """Return the table of how cost grows: a row for each subject, a column for each ledger."""
    machine, ledgers = document["machine"], document["ledgers"]
    where = (
        f"Measured on {machine['on']} with Python {machine['python']} on {machine['cores']} cores, load average "
        f"{machine['load_before']:g} before the run, by `{machine['command']}`.\n"
    )
    subjects = dict.fromkeys(subject for costs in ledgers.values() for subject in costs)
    rows = [
        (cell(subject), _SUBJECTS.get(subject, ""), *(_cost(costs.get(subject)) for costs in ledgers.values()))
        for subject in subjects
    ]
    return [_GROWTH, where, table(("Subject", "What it is", *map(cell, ledgers)), rows)]


def _cost(cost: dict[str, float] | None) -> str:
    return "" if cost is None else f"{cost['cpu']:.1f} s, {cost['peak']:.0f} MiB"


_HEAD = """# Performance

Absolute times say more about a machine than about a program, so targets are ratios: of two programs, or of two sizes,
measured in turns in one run on one machine. Repeat everything with `make bench`; a smaller run is part of the gate.
"""
_GROWTH = """## How cost grows

Processor seconds and peak memory of one process, by the number of decisions in the ledger; as many others are in the
manifests and on the server. Beside the two ledgers of years and the empty one (*none*) there are 100.
"""
_SUBJECTS = {
    "verify": "`ledger verify`",
    "log": "`ledger log`",
    "export": "`ledger export`",
    "report": "`report`",
    "pack": "`ledger export --pack`",
    "population": "`ledger population`",
    "plan": "`plan`",
    "metrics": "`plan --metrics`",
    "import": "`import`",
    "apply": "`apply`",
    "push": "one more file of the ledger to its branch",
}
_RATIOS = ("Ratio", "Measured", "Target", "Met", "Of what")
_FIGURES = ("Subject", "Median, s", "Least, s", "Most, s", "CPU, s", "Peak, MiB", "Rounds")


def _machine(document: dict[str, Any]) -> str:
    machine = document.get("machine", {})
    return (
        cell(
            f"Measured with Python {machine.get('python')} on {machine.get('system')}, {machine.get('machine')}, "
            f"{machine.get('cores')} cores, load average {machine.get('load_before')} before the run."
        )
        + "\n"
    )


def _ratio(ratio: dict[str, Any]) -> tuple[str, ...]:
    sign = "at most" if ratio["at_most"] else "at least"
    met = "yes" if ratio["met"] else "**no**"
    return cell(ratio["name"]), f"{ratio['value']:.2f}", f"{sign} {ratio['target']:g}", met, cell(str(ratio["detail"]))


def _figure(name: str, found: dict[str, Any]) -> tuple[str, ...]:
    times = (f"{found[key]:.3f}" for key in ("wall", "least", "most", "cpu"))
    return cell(name), *times, f"{found['peak']:.0f}", str(found["rounds"])
