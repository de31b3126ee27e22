"""What rendering a plan costs beside making it: processor time of one process that renders every format."""

import json
import subprocess
import sys

from benchmarks.report import Report
from benchmarks.setting import Setting

_CHILD = """
import json, sys, time
from dataclasses import replace
from reconciler.ledger.plan_files import load_plan
from pathlib import Path
from reconciler.cli.output import plan_in
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
    """Render the plan that the network stage saved, and hold the sum against that plan's processor time."""
    made = report.figures.get("plan over HTTP")
    saved = setting.folder / "network" / "plan.json"
    if made is None or not saved.exists():
        report.lacks("rendering: the network stage, whose plan is rendered, did not run")
        return
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(saved)], capture_output=True, text=True, check=True, cwd=setting.folder
    )
    costs: dict[str, float] = json.loads(done.stdout)
    for style, cpu in costs.items():
        share = cpu / made.cpu
        report.ratio(f"rendering {style} to the plan's processor time", share, at_most=0.10, of=f"{cpu:.2f} s")
