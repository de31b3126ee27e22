"""Measure the reconciler, in turns and in one run: `make bench`, or `make bench-small` for the gate."""

import argparse
import compileall
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    stage_context,
    stage_network,
    stage_rendering,
    stage_settled,
    stage_shards,
    stage_start,
    stage_validate,
)
from benchmarks.report import Report
from benchmarks.setting import Setting

HOME = Path(__file__).parent.parent
RESULTS = HOME / "benchmarks" / "results.json"
NO_NOISE_EXPLAINS = 3.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--size", type=int, default=10_000, help="decisions of an ordinary stage")
    parser.add_argument("--rounds", type=int, default=5, help="how often each subject is measured, in turns")
    parser.add_argument("--only", nargs="*", help="stages: validate network context start rendering settled shards")
    parser.add_argument("--gate", action="store_true", help="fail on a ratio that is three times off its target")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the figures go, as JSON")
    options = parser.parse_args()
    compileall.compile_dir(HOME / "reconciler", quiet=1)  # as pip does: what is measured is not the compiler
    report = Report()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for stage in _stages(Setting(options.size, options.rounds, Path(folder)), report, options.only):
            stage()
            report.save(options.out)
    off = [ratio for ratio in report.ratios if ratio.is_off(NO_NOISE_EXPLAINS)]
    missed = [ratio for ratio in report.ratios if not ratio.met]
    print(f"{len(report.ratios) - len(missed)} of {len(report.ratios)} targets met; written to {options.out}")
    for ratio in off:
        print(f"three times off: {ratio.name}: {ratio.value:.2f}, target {ratio.target:g}")
    return 1 if options.gate and off else 0


def _stages(setting: Setting, report: Report, only: list[str] | None) -> Iterator[Callable[[], None]]:
    stages: dict[str, Callable[[], None]] = {
        "start": lambda: stage_start.run(setting, report),
        "validate": lambda: stage_validate.run(setting, report),
        "network": lambda: stage_network.run(setting, report),
        "context": lambda: stage_context.run(setting, report),
        "rendering": lambda: stage_rendering.run(setting, report),
        "settled": lambda: stage_settled.run(setting, report),
        "shards": lambda: stage_shards.run(setting, report),
    }
    for name, stage in stages.items():
        if not only or name in only:
            print(f"\n{name}", flush=True)
            yield stage


if __name__ == "__main__":
    sys.exit(main())
