"""Four shards beside one process. A high latency stands in for the cores that this machine lacks."""

import json
from pathlib import Path

from benchmarks import workload
from benchmarks.measure import cost_of, cost_together, in_turns
from benchmarks.report import Report
from benchmarks.server import serving
from benchmarks.setting import READS, Setting, configure, reconciler

_SHARDS = 4
_LATENCY = 0.25
"""High, so that waiting is what takes time: the sandbox has one core, and four machines would not share it."""


def run(setting: Setting, report: Report) -> None:
    """Plan everything at once and in four parts; then, of ten times the size, merge the parts and compare all bytes."""
    home, size = setting.home("shards"), setting.size * 2 // 5
    workload.manifests(home / "tickets", size)
    configure(home)
    with serving(home, size, _LATENCY) as server:
        found = report.measured(
            in_turns(
                setting.rounds,
                {
                    "plan of one process": lambda: cost_of(_WHOLE, cwd=str(home), env=server.environment),
                    "plan in four shards": lambda: cost_together(_PARTS, cwd=str(home), env=server.environment),
                },
            )
        )
    sharded = found["plan in four shards"].wall / found["plan of one process"].wall
    of = f"{size:,} tickets, {_LATENCY * 1000:.0f} ms, {READS} in flight each"
    report.ratio("wall time of four shards to one", sharded, at_most=0.3, of=of)
    _merge(setting, report)


def _merge(setting: Setting, report: Report) -> None:
    home, size = setting.home("shards-large"), setting.size * 10
    workload.manifests(home / "tickets", size)
    configure(home)
    with serving(home, size, 0.0) as server:
        for command in (_WHOLE, *_PARTS):
            cost_of(command, cwd=str(home), env=server.environment)
    found = report.measured(in_turns(setting.rounds, {"merge of four plans": lambda: cost_of(_MERGE, cwd=str(home))}))
    of = f"{size:,} tickets"
    report.ratio("seconds to merge four plans", found["merge of four plans"].wall, at_most=4.0, of=of)
    same = _meaning(home / "whole.json") == _meaning(home / "merged.json")
    report.ratio("merged plan means the same as the whole (1: yes)", float(same), at_least=1.0, of=of)


_NAMES = [f"part-{part}.json" for part in range(1, _SHARDS + 1)]
_WHOLE = reconciler("plan", "-q", "--out", "whole.json")
_PARTS = [
    reconciler("plan", "-q", "--shard", f"{part}/{_SHARDS}", "--out", name) for part, name in enumerate(_NAMES, 1)
]
_MERGE = reconciler("github", "merge-plans", *_NAMES, "--out", "merged.json")


def _meaning(path: Path) -> object:
    plan = json.loads(path.read_text(encoding="utf-8"))
    return plan["digest"], plan["steps"]
