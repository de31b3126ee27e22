"""What rendering a plan costs beside making it, in processor time."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks import workload
from benchmarks.measure import cost_of
from benchmarks.report import Report
from benchmarks.server import serving
from benchmarks.setting import Setting, configure, reconciler

_CHILD = """
import json, sys, time
from reconciler.model.value import replace
from reconciler.ledger.plan_files import load_plan
from pathlib import Path
from reconciler.cli.main import collect_seldom
from reconciler.cli.output import plan_in
collect_seldom()
plan = load_plan(Path(sys.argv[1]))
costs = {}
for style in ("text", "markdown", "html", "json"):
    plan_in(replace(plan, steps=plan.steps[:10]), style)
    started = time.process_time()
    plan_in(plan, style)
    costs[style] = time.process_time() - started
print(json.dumps(costs))
"""


def run(setting: Setting, report: Report) -> None:
    """Make a plan, render it in every format, and hold each against the processor time of making it."""
    home = setting.home("rendering")
    workload.manifests(home / "tickets", setting.size)
    configure(home)
    made, costs = [], []
    with serving(home, setting.size, 0.0) as server:
        for _ in range(setting.rounds):
            made.append(
                cost_of(reconciler("plan", "-q", "--out", "plan.json"), cwd=str(home), env=server.environment).cpu
            )
            costs.append(_rendered(home))
    for style in costs[0]:
        cpu = median(cost[style] for cost in costs)
        share = cpu / median(made)
        report.ratio(f"rendering {style} to the plan's processor time", share, at_most=0.10, of=f"{cpu:.2f} s")


def _rendered(home: Path) -> dict[str, float]:
    """Return the processor seconds of each format."""
    command = [sys.executable, "-c", _CHILD, "plan.json"]
    found: dict[str, float] = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True, cwd=home).stdout
    )
    return found
