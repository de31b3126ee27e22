"""Manifests that have nothing left to decide once a run has done its work."""

from reconciler.model.decision import Seal, Source
from reconciler.model.plan import Step
from reconciler.model.receipt import Receipt
from reconciler.model.record import Ended, Intent, Sealed
from reconciler.model.status import Status
from reconciler.model.verdict import Reason
from tests.applying.bench import as_planned, bench_of
from tests.builders import NOW, step

SEALABLE = tuple(Seal(path, "sha256:" + "0" * 64, 1) for path in ("tickets/a.yaml", "tickets/b.yaml", "tickets/c.yaml"))


def _over(number: int, path: str) -> Step:
    return step(number, source=Source(path, 4), closed=True, reason=Reason.SETTLED_RECEIPT, before=None)


def test_manifests_with_nothing_left_to_decide_are_sealed_after_all_receipts() -> None:
    bench = bench_of(as_planned(1, object="a"), deletes=frozenset({Status.APPROVED}), sealable=SEALABLE)
    steps = (
        step(1, source=Source("tickets/a.yaml", 4), object="a"),
        _over(2, "tickets/b.yaml"),
        step(3, source=Source("tickets/c.yaml", 4), reason=Reason.CONFLICT_CONSOLE),
    )
    run = bench.run(*steps)
    assert [type(entry) for entry in bench.ledger.entries] == [Intent, Receipt, Sealed, Sealed, Ended]
    assert bench.ledger.of(Sealed) == [Sealed(NOW, seal) for seal in SEALABLE[:2]]
    assert run.notes == ("manifests sealed, because nothing is left to decide in them: 2",)


def test_a_ledger_that_breaks_while_sealing_is_told_and_only_what_is_written_counts() -> None:
    bench = bench_of(sealable=SEALABLE)
    bench.ledger.room = 1
    run = bench.run(*(_over(number, seal.path) for number, seal in enumerate(SEALABLE)))
    assert [entry.seal for entry in bench.ledger.of(Sealed)] == [SEALABLE[0]]
    assert run.notes == ("manifests sealed, because nothing is left to decide in them: 1",)
    assert run.stopped == "the ledger can't be written: No space left on device"


def test_a_stopped_run_seals_nothing() -> None:
    bench = bench_of(sealable=SEALABLE)
    bench.stop.why = "the stop file STOP exists"
    bench.run(_over(1, SEALABLE[0].path))
    assert bench.ledger.of(Sealed) == []
