"""Four shards beside one process. A high latency stands in for the cores that this machine lacks."""

import json
from pathlib import Path

from benchmarks import workload
from benchmarks.measure import cost_of, cost_together, in_turns
from benchmarks.report import Report
from benchmarks.server import serving
from benchmarks.setting import IN_FLIGHT, Setting, configure, reconciler

_SHARDS = 4
_LATENCY = 0.25
"""High, so that waiting is what takes time: the sandbox has one core, and four machines would not share it."""


def run(setting: Setting, report: Report) -> None:
    """Plan everything at once and in four parts, merge the parts, and compare the bytes of what they mean."""
    home, size = setting.home("shards"), setting.size * 2 // 5
    workload.manifests(home / "tickets", size)
    configure(home)
    names = [f"part-{part}.json" for part in range(1, _SHARDS + 1)]
    parts = [
        reconciler("plan", "-q", "--shard", f"{part}/{_SHARDS}", "--out", name) for part, name in enumerate(names, 1)
    ]
    whole = reconciler("plan", "-q", "--out", "whole.json")
    merge = reconciler("github", "merge-plans", *names, "--out", "merged.json")
    with serving(home, size, _LATENCY) as server:
        found = report.measured(
            in_turns(
                setting.rounds,
                {
                    "plan of one process": lambda: cost_of(whole, cwd=str(home), env=server.environment),
                    "plan in four shards": lambda: cost_together(parts, cwd=str(home), env=server.environment),
                    "their merge": lambda: cost_of(merge, cwd=str(home)),
                },
            )
        )
    of = f"{size:,} tickets, {_LATENCY * 1000:.0f} ms, {IN_FLIGHT} in flight each"
    sharded = found["plan in four shards"].wall / found["plan of one process"].wall
    report.ratio("wall time of four shards to one", sharded, at_most=0.3, of=of)
    report.ratio("seconds to merge four plans", found["their merge"].wall, at_most=2.0, of=of)
    same = _meaning(home / "whole.json") == _meaning(home / "merged.json")
    report.ratio("merged plan means the same as the whole (1: yes)", float(same), at_least=1.0, of="digest and steps")


def _meaning(path: Path) -> object:
    plan = json.loads(path.read_text(encoding="utf-8"))
    return plan["digest"], plan["steps"]
