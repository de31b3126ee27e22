"""Whether cost follows open work: many settled decisions beside few open ones."""

import json
from collections.abc import Iterable
from pathlib import Path

from benchmarks import workload
from benchmarks.measure import cost_of, in_turns
from benchmarks.report import Report
from benchmarks.server import serving
from benchmarks.setting import Setting, configure, reconciler

_OPEN = 500
_LATENCY = 0.05
_LEDGER_SEED = 7


def run(setting: Setting, report: Report) -> None:
    """Plan few open decisions alone, and among ten times `size` settled ones in manifests that an apply has sealed.

    That apply is one of ours, which has nothing else to do here. A last subject reads the sealed manifests, too.
    """
    settled = setting.size * 10
    alone, among = setting.home("open-alone"), setting.home("open-among-settled")
    for home in (alone, among):
        workload.manifests(home / "tickets" / "open", _OPEN)
        configure(home)
    workload.manifests(among / "tickets" / "settled", settled, files=max(1, settled // 1000), seed=_LEDGER_SEED)
    with serving(alone, _OPEN, _LATENCY) as server:
        write_settled_ledger(among / "ledger", workload.guids(settled, _LEDGER_SEED), server.url)
        env = server.environment
        cost_of(reconciler("apply", "--yes", "-q", "tickets/settled"), cwd=str(among), env=env)
        found = report.measured(
            in_turns(
                setting.rounds,
                {
                    "plan of the open alone": lambda: cost_of(reconciler("plan", "-q"), cwd=str(alone), env=env),
                    "plan of the open among settled": lambda: cost_of(
                        reconciler("plan", "-q"), cwd=str(among), env=env
                    ),
                    "the same, sealed manifests read as well": lambda: cost_of(
                        reconciler("plan", "-q", "--ignore-seals"), cwd=str(among), env=env
                    ),
                },
            )
        )
    few, many = found["plan of the open alone"].wall, found["plan of the open among settled"].wall
    report.ratio(
        "time among settled to 1.3 times the time alone plus 1.5 s",
        many / (1.3 * few + 1.5),
        at_most=1.0,
        of=f"{_OPEN} open, {settled:,} settled",
    )


def write_settled_ledger(root: Path, guids: Iterable[str], target: str) -> None:
    """Write a ledger in which every ticket of `target`, a server's URL, was approved by us and then seen to be gone."""
    from datetime import UTC, datetime

    from reconciler.ledger.journal import open_journal
    from reconciler.ledger.lock import hold_lock, this_process
    from reconciler.model.decision import Decision
    from reconciler.model.receipt import Outcome, Proof, Receipt
    from reconciler.model.record import Opened
    from reconciler.model.review import Provenance
    from reconciler.model.status import State, Status
    from reconciler.model.ticket import Guid

    at = datetime(2026, 1, 5, tzinfo=UTC)
    origin = Provenance("benchmark", target)
    run = "20260105T000000Z-0a0b0c"
    with hold_lock(root, this_process(run, at)) as lock:
        open_journal(lock, run, origin, Opened(at, "sha256:" + "0" * 64)).close()
    path = next(root.rglob("*.jsonl"))
    _append_quickly(
        path,
        (
            Receipt(
                decision=Decision(Guid(guid), State(Status.APPROVED)),
                digest="sha256:" + "1" * 64,
                outcome=Outcome.APPLIED,
                at=at,
                before=State(Status.PENDING),
                gone=True,
                result=1,
                operation=guid.replace("-", "")[:12],
                proof=Proof.ACCEPTED,
            )
            for guid in guids
        ),
        origin,
    )


def _append_quickly(path: Path, entries, origin) -> None:
    """Append entries with their chain, synced once: writing history is not what is measured."""
    from reconciler.codec import encode_line
    from reconciler.ledger.files import line_hash

    lines = path.read_bytes().splitlines()
    run, provenance = json.loads(lines[0])["run"], origin
    previous, number = line_hash(lines[-1]), len(lines)
    with path.open("ab") as file:
        for entry in entries:
            number += 1
            line = encode_line(entry, number, run, provenance, previous)
            file.write(line + b"\n")
            previous = line_hash(line)
