"""A plan of ours against a server without latency beside octoDNS's plan from file to file, of as many changes."""

import subprocess
from pathlib import Path

from benchmarks import workload
from benchmarks.measure import Cost, cost_of, in_turns
from benchmarks.peers import Peers
from benchmarks.report import Report
from benchmarks.server import serving
from benchmarks.setting import Setting, configure, reconciler

_IN_FLIGHT = 4
"""Calls in flight: without latency there is nothing to wait for, and more threads only stand in each other's way."""
_CONFIG = """\
providers:
  source: {class: octodns.provider.yaml.YamlProvider, directory: ./source, default_ttl: 300}
  target: {class: octodns.provider.yaml.YamlProvider, directory: ./target, default_ttl: 300}
zones:
  example.com.: {sources: [source], targets: [target]}
"""


def run(setting: Setting, report: Report, peers: Peers) -> None:
    """Measure both in turns."""
    sync = peers.command("octodns-sync")
    if sync is None:
        report.lacks(f"octoDNS: {peers.absent}")
        return
    ours, theirs = setting.home("no-latency"), setting.home("octodns")
    workload.manifests(ours / "tickets", setting.size)
    configure(ours, _IN_FLIGHT)
    _zone(theirs, setting.size)
    with serving(ours, setting.size, 0.0) as server:
        found = report.measured(
            in_turns(
                setting.rounds,
                {
                    "plan without latency": lambda: cost_of(
                        reconciler("plan", "--quiet"), cwd=str(ours), env=server.environment
                    ),
                    "octoDNS plan": lambda: _octodns(sync, theirs),
                },
            )
        )
    ratio = found["octoDNS plan"].wall / found["plan without latency"].wall
    report.ratio("times faster than octoDNS plans as many records", ratio, at_least=3, of=f"{setting.size:,}")


def _octodns(sync: str, home: Path) -> Cost:
    try:
        return cost_of([sync, "--config-file", "config.yaml", "--quiet", "--force"], cwd=str(home))
    except subprocess.CalledProcessError as error:
        raise RuntimeError((error.stderr or b"").decode(errors="replace")[-500:]) from error


def _zone(home: Path, size: int) -> None:
    """Write records that all are there and differ, as all our tickets are there and are to be changed."""
    for name in ("source", "target"):
        (home / name).mkdir()
    (home / "config.yaml").write_text(_CONFIG, encoding="utf-8")
    records = "".join(
        f"host{number:06d}:\n  type: A\n  value: 10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}\n"
        for number in range(1, size + 1)
    )
    (home / "source" / "example.com.yaml").write_text(f"---\n{records}", encoding="utf-8")
    there = records.replace("value: 10.", "value: 11.")
    (home / "target" / "example.com.yaml").write_text(f"---\n{there}", encoding="utf-8")
