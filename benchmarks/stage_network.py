"""Plan and apply against a server with latency: how close to what the latency alone costs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import workload
from benchmarks.measure import Cost, Figures, cost_of, in_turns
from benchmarks.peers import Peers
from benchmarks.report import Report
from benchmarks.server import Server, serving
from benchmarks.setting import IN_FLIGHT, LATENCY, Setting, configure, reconciler

_CALLS_OF_APPLY = 3
"""Read, write, read again."""
_LARGE = 10
_PEER_TICKETS = 60


def run(setting: Setting, report: Report, peers: Peers) -> None:
    """Measure plans over HTTP and TLS, applies, and the vendor client's loop."""
    home = setting.home("network")
    workload.manifests(home / "tickets", setting.size)
    configure(home)
    limit = setting.size * LATENCY / IN_FLIGHT
    size = f"{setting.size:,} tickets, {LATENCY * 1000:.0f} ms, {IN_FLIGHT} in flight"
    with serving(home, setting.size, LATENCY) as plain, serving(home, setting.size, LATENCY, tls=True) as secure:
        found = report.measured(
            in_turns(
                setting.rounds,
                {
                    "plan over HTTP": lambda: _plan(home, plain),
                    "plan over TLS": lambda: _plan(home, secure),
                    "bare client": lambda: _bare(home, plain, setting.size),
                },
            )
        )
    report.ratio("plan to latency limit, HTTP", found["plan over HTTP"].wall / limit, at_most=1.08, of=size)
    report.ratio("plan to latency limit, TLS", found["plan over TLS"].wall / limit, at_most=1.11, of=size)
    cpu = found["plan over HTTP"].cpu / setting.size * 1000
    report.ratio("processor ms a planned ticket", cpu, at_most=0.7, of=size)
    report.ratio("peak MiB of plan", found["plan over HTTP"].peak, at_most=80, of=size)
    applied = report.measured(_figures(setting, home))
    wall = applied["apply"].wall
    report.ratio("apply to latency limit of its calls", wall / (limit * _CALLS_OF_APPLY), at_most=1.10, of=size)
    _vendor(setting, home, report, peers, applied["apply"])
    _large(setting, report)


def _bare(home: Path, server: Server, count: int) -> Cost:
    """Measure what the server takes by itself, from a client that does nothing."""
    names = home / "all-names.json"
    names.write_text(json.dumps(list(workload.guids(count))), encoding="utf-8")
    words = [server.url, server.token, str(names), str(IN_FLIGHT)]
    return cost_of([sys.executable, str(Path(__file__).parent / "bare_client.py"), *words])


def _plan(home: Path, server: Server, *options: str) -> Cost:
    return cost_of(reconciler("plan", "--quiet", *options), cwd=str(home), env=server.environment)


def _figures(setting: Setting, home: Path) -> dict[str, Figures]:
    """Apply to a fresh server each time: an approved ticket is gone."""

    def once() -> Cost:
        shutil.rmtree(home / "ledger", ignore_errors=True)
        with serving(home, setting.size, LATENCY) as server:
            plan = reconciler("plan", "--quiet", "--out", "plan.json")
            cost_of(plan, cwd=str(home), env=server.environment)
            return cost_of(reconciler("apply", "plan.json", "--yes", "--quiet"), cwd=str(home), env=server.environment)

    return in_turns(setting.rounds, {"apply": once})


def _large(setting: Setting, report: Report) -> None:
    """Measure the memory of a plan ten times the size, without latency, for memory does not depend on it."""
    home, size = setting.home("network-large"), setting.size * _LARGE
    workload.manifests(home / "tickets", size)
    configure(home)
    with serving(home, size, 0.0) as server:
        found = report.measured(
            in_turns(
                setting.rounds, {"plan, ten times the size, no latency": lambda: _plan(home, server, "--out", "p")}
            )
        )
    peak = found["plan, ten times the size, no latency"].peak
    report.ratio("peak MiB of plan at ten times the size", peak, at_most=220, of=f"{size:,} tickets")


def _vendor(setting: Setting, home: Path, report: Report, peers: Peers, apply: Figures) -> None:
    python = peers.command("python")
    if python is None:
        report.lacks(f"the vendor's client: {peers.absent}")
        return
    names = home / "names.json"
    names.write_text(json.dumps(list(workload.guids(_PEER_TICKETS))), encoding="utf-8")
    with serving(home, _PEER_TICKETS, LATENCY, tls=True) as server:
        loop = [python, str(Path(__file__).parent / "peer_venafi.py"), server.url.removeprefix("https://")]
        done = subprocess.run(
            [*loop, server.token, str(names)],
            env=server.environment | {"REQUESTS_CA_BUNDLE": str(server.authority)},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        report.lacks(f"the vendor's client: {(done.stderr.strip().splitlines() or ['no answer'])[-1]}")
        return
    said = json.loads(done.stdout.splitlines()[-1])
    rate = said["tickets"] / said["seconds"]
    ours = setting.size / apply.wall * _CALLS_OF_APPLY / 2
    detail = (
        f"its loop, two calls a ticket one after the other: {rate:.1f}/s, {said['crashes']} of its calls raised; "
        f"our apply, three calls a ticket and the ledger, {IN_FLIGHT} in flight, counted as if they were two"
    )
    report.ratio("times the tickets per second of the vendor's loop", ours / rate, at_least=32, of=detail)
