"""What certificates cost a plan: calls and time, of tickets in one folder and of tickets that all have their own."""

import os
from pathlib import Path

from benchmarks import workload
from benchmarks.measure import Cost, cost_of, in_turns
from benchmarks.report import Report
from benchmarks.server import Server, serving
from benchmarks.setting import Setting, configure, reconciler

_TICKETS = 2_000
_LATENCY = 0.05
_MOST_CALLS = 4_500
_MOST_CALLS_OF_ONE_FOLDER = 2_100
_MOST_TIME = 1.5


def run(setting: Setting, report: Report) -> None:
    """Plan tickets with certificates and without, in turns, and count the calls of plans with them."""
    for name, folders, most in (
        ("one folder", 1, _MOST_CALLS_OF_ONE_FOLDER),
        ("a folder each", _TICKETS, _MOST_CALLS),
    ):
        home = setting.home(f"context-{folders}")
        workload.manifests(home / "tickets", _TICKETS, folders=folders)
        configure(home, certificates=True)
        with serving(home, _TICKETS, _LATENCY, folders=folders) as server:
            found = report.measured(
                in_turns(
                    setting.rounds,
                    {
                        f"plan without certificates, {name}": lambda home=home, at=server: _plan(
                            home, at, "--no-context"
                        ),
                        f"plan with certificates, {name}": lambda home=home, at=server: _plan(home, at),
                    },
                )
            )
        without, with_them = (found[f"plan {how} certificates, {name}"].wall for how in ("without", "with"))
        of = f"{_TICKETS:,} tickets, {name}"
        report.ratio("plan with certificates to plan without", with_them / without, at_most=_MOST_TIME, of=of)
        report.ratio("calls of a plan with certificates", _calls(home, folders), at_most=most, of=of)
        report.ratio("the same, all of them read in full", _calls(home, folders, full=True), at_most=_MOST_CALLS, of=of)


def _plan(home: Path, server: Server, *options: str) -> Cost:
    return cost_of(reconciler("plan", "--quiet", *options), cwd=str(home), env=server.environment)


def _calls(home: Path, folders: int, *, full: bool = False) -> int:
    """Count what a plan asks a sandbox for."""
    from reconciler.sandbox.certificates import StoredCertificate
    from reconciler.sandbox.running import running_sandbox
    from reconciler.sandbox.seed import Seed, TicketSeed

    names = [workload.object_of(number, folders) for number in range(_TICKETS)]
    seed = Seed(
        tickets=tuple(TicketSeed(*pair) for pair in zip(workload.guids(_TICKETS), names, strict=True)),
        objects=tuple(StoredCertificate(object=name) for name in names),
    )
    config = home / "reconciler.yaml"
    plain = config.read_text(encoding="utf-8")
    if full:
        config.write_text(f"{plain}context: {{details: {_TICKETS}}}\n", encoding="utf-8")
    with running_sandbox(seed) as sandbox:
        environment = {**os.environ, "TPP_URL": sandbox.url, "TPP_TOKEN": sandbox.token}
        cost_of(reconciler("plan", "--quiet"), cwd=str(home), env=environment)
        calls = len(sandbox.log.entries)
    config.write_text(plain, encoding="utf-8")
    return calls
