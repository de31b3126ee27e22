"""Four shards beside one process. A high latency stands in for the cores that this machine lacks."""

import subprocess
import time

from benchmarks import workload
from benchmarks.measure import cost_of
from benchmarks.report import Report
from benchmarks.server import serving
from benchmarks.setting import IN_FLIGHT, Setting, configure, reconciler

_SHARDS = 4
_LATENCY = 0.25
"""High, so that waiting is what takes time: the sandbox has one core, and four machines would not share it."""


def run(setting: Setting, report: Report) -> None:
    """Plan everything at once and in four parts, merge the parts, and compare the bytes of what they mean."""
    home = setting.home("shards")
    size = setting.size
    workload.manifests(home / "tickets", size)
    configure(home)
    with serving(home, size, _LATENCY) as server:
        env = server.environment
        whole = cost_of(reconciler("plan", "-q", "--out", "whole.json"), cwd=str(home), env=env)
        started = time.perf_counter()
        parts = [
            subprocess.Popen(
                reconciler("plan", "-q", "--shard", f"{part}/{_SHARDS}", "--out", f"part-{part}.json"),
                cwd=home,
                env=env,
                stdout=subprocess.DEVNULL,
            )
            for part in range(1, _SHARDS + 1)
        ]
        codes = [part.wait() for part in parts]
        sharded = time.perf_counter() - started
    if any(codes):
        raise RuntimeError(f"shards left with {codes}")
    names = [f"part-{part}.json" for part in range(1, _SHARDS + 1)]
    merge = cost_of(reconciler("github", "merge-plans", *names, "--out", "merged.json"), cwd=str(home))
    of = f"{size:,} tickets, {_LATENCY * 1000:.0f} ms, {IN_FLIGHT} in flight each"
    report.ratio("wall time of four shards to one", sharded / whole.wall, at_most=0.3, of=of)
    report.ratio("seconds to merge four plans", merge.wall, at_most=2.0, of=of)
    same = _meaning(home / "whole.json") == _meaning(home / "merged.json")
    report.ratio("merged plan means the same as the whole (1: yes)", float(same), at_least=1.0, of="digest and steps")


def _meaning(path) -> object:
    import json

    plan = json.loads(path.read_text(encoding="utf-8"))
    return plan["digest"], plan["steps"]
