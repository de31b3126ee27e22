"""The page of measurements: what the last run of the benchmarks measured, and what explains it."""

import json
from pathlib import Path
from typing import Any

from docs.generating.text import cell, table

_BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
RESULTS = _BENCHMARKS / "results.json"
EXPLAINED = _BENCHMARKS / "explained.md"


def page(results: Path = RESULTS) -> str:
    """Return the page of measurements; without a file of results it says that there are none."""
    if not results.exists():
        return f"{_HEAD}\nNothing has been measured on this checkout yet: `make bench` does, and writes the figures.\n"
    document: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    parts = [_HEAD, _machine(document), "## Ratios\n", table(_RATIOS, [_ratio(each) for each in document["ratios"]])]
    figures = [_figure(name, found) for name, found in document["figures"].items()]
    parts += ["## Figures\n", table(_FIGURES, figures)]
    return "\n".join((*parts, EXPLAINED.read_text(encoding="utf-8")))


_HEAD = """# Performance

Absolute times say more about a machine than about a program, so targets are ratios: of two programs, or of two sizes,
measured in turns in one run on one machine. Repeat everything with `make bench`; a smaller run is part of the gate.
"""
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
