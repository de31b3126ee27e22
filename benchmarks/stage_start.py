"""How long a command takes to begin."""

import sys

from benchmarks import workload
from benchmarks.measure import cost_of, in_turns
from benchmarks.report import Report
from benchmarks.setting import Setting, configure, reconciler


def run(setting: Setting, report: Report) -> None:
    """Measure --version, --help and a small validation beside importing click."""
    home = setting.home("start")
    workload.manifests(home / "tickets", 10)
    configure(home)
    found = report.measured(
        in_turns(
            setting.rounds * 2,
            {
                "import click": lambda: cost_of([sys.executable, "-c", "import click"]),
                "--version": lambda: cost_of(reconciler("--version")),
                "--help": lambda: cost_of(reconciler("--help")),
                "validate ten decisions": lambda: cost_of(reconciler("validate"), cwd=str(home)),
            },
        )
    )
    click = found["import click"].wall
    report.ratio("--version to import click", found["--version"].wall / click, at_most=1.5, of="start")
    report.ratio("--help to import click", found["--help"].wall / click, at_most=1.5, of="start")
    ten = found["validate ten decisions"].wall / click
    report.ratio("validate of ten decisions to import click", ten, at_most=4, of="start")
