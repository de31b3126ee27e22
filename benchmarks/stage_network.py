"""Plan and apply against a server with latency, at the default settings: how close to what the latency alone costs."""

import json
import shutil
import sys
from pathlib import Path

from benchmarks import workload
from benchmarks.measure import Cost, cost_of, in_turns
from benchmarks.report import Report
from benchmarks.server import Server, serving
from benchmarks.setting import READS, WRITES, Setting, configure, reconciler

_MOST_OF_PLAN = {0.05: 1.12, 0.1: 1.05}
_MOST_OF_APPLY = {0.05: 1.15, 0.1: 1.08}
"""The most that each may take of its latency limit, by latency in seconds."""
_CALLS_OF_APPLY = 3
"""Read, write, read again."""
_LARGE = 10


def run(setting: Setting, report: Report) -> None:
    """Measure plans over HTTP and TLS, applies of a tenth of the size, and the memory of a plan ten times the size."""
    home, small = setting.home("network"), setting.home("network-apply")
    applied = max(1, setting.size // 10)
    workload.manifests(home / "tickets", setting.size)
    workload.manifests(small / "tickets", applied)
    for folder in (home, small):
        configure(folder)
    for latency in _MOST_OF_PLAN:
        _plans(setting, report, home, latency)
        _applies(setting, report, small, applied, latency)
    _large(setting, report)


def _plans(setting: Setting, report: Report, home: Path, latency: float) -> None:
    waiting = f"{latency * 1000:.0f} ms"
    with serving(home, setting.size, latency) as plain, serving(home, setting.size, latency, tls=True) as secure:
        subjects = {
            f"plan over HTTP, {waiting}": lambda: _plan(home, plain),
            f"plan over TLS, {waiting}": lambda: _plan(home, secure),
            f"bare client, {waiting}": lambda: _bare(home, plain, setting.size),
        }
        found = report.measured(in_turns(setting.rounds, subjects))
    limit = setting.size * latency / READS
    of = f"{setting.size:,} tickets, {waiting}, {READS} in flight"
    for kind in ("HTTP", "TLS"):
        wall = found[f"plan over {kind}, {waiting}"].wall
        report.ratio(f"plan to latency limit, {kind}", wall / limit, at_most=_MOST_OF_PLAN[latency], of=of)
    if latency == min(_MOST_OF_PLAN):
        report.ratio("peak MiB of plan", found[f"plan over HTTP, {waiting}"].peak, at_most=100, of=of)


def _applies(setting: Setting, report: Report, home: Path, size: int, latency: float) -> None:
    """Apply to a fresh server each time: an approved ticket is gone."""

    def once() -> Cost:
        shutil.rmtree(home / "ledger", ignore_errors=True)
        (home / "plan.json").unlink(missing_ok=True)
        with serving(home, size, latency) as server:
            plan = reconciler("plan", "--quiet", "--out", "plan.json")
            cost_of(plan, cwd=str(home), env=server.environment)
            return cost_of(reconciler("apply", "plan.json", "--yes", "--quiet"), cwd=str(home), env=server.environment)

    waiting = f"{latency * 1000:.0f} ms"
    found = report.measured(in_turns(setting.rounds, {f"apply, {waiting}": once}))
    limit = size * latency * _CALLS_OF_APPLY / WRITES
    report.ratio(
        "apply to latency limit of its calls",
        found[f"apply, {waiting}"].wall / limit,
        at_most=_MOST_OF_APPLY[latency],
        of=f"{size:,} tickets, {waiting}, {WRITES} writes in flight",
    )


def _bare(home: Path, server: Server, count: int) -> Cost:
    """Measure what the server takes by itself, from a client that does nothing."""
    names = home / "all-names.json"
    names.write_text(json.dumps(list(workload.guids(count))), encoding="utf-8")
    words = [server.url, server.token, str(names), str(READS)]
    return cost_of([sys.executable, str(Path(__file__).parent / "bare_client.py"), *words])


def _plan(home: Path, server: Server, *options: str) -> Cost:
    return cost_of(reconciler("plan", "--quiet", *options), cwd=str(home), env=server.environment)


def _large(setting: Setting, report: Report) -> None:
    """Measure the memory of a plan ten times the size, without latency, for memory does not depend on it."""
    home, size = setting.home("network-large"), setting.size * _LARGE
    workload.manifests(home / "tickets", size)
    configure(home)
    name = "plan, ten times the size, no latency"
    with serving(home, size, 0.0) as server:
        found = report.measured(in_turns(setting.rounds, {name: lambda: _plan(home, server, "--out", "plan.json")}))
    report.ratio("peak MiB of plan at ten times the size", found[name].peak, at_most=250, of=f"{size:,} tickets")
