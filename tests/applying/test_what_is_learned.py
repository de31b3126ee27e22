"""What a run writes down about tickets that it changes nothing of: agreements, attestations, departures."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.decision import Attestation, Expectation
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import (
    AcceptedEntry,
    AttentionEntry,
    AttestedEntry,
    ClosedEntry,
    Ended,
    Entry,
    Episode,
    Intent,
    LastWrite,
    ObservedEntry,
    OpenIntent,
    TicketHistory,
)
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from tests.applying.bench import Bench, as_planned, bench_of
from tests.builders import APPROVED, NOW, OBJECT, PENDING, REJECTED, WORKFLOW, between, guid, holding, last_write, step

JOE = "AD+CORP:jdoe"
OUTSIDE = Attestation(JOE, NOW - timedelta(days=1), "console", "it was urgent")
EARLIER, LATER = NOW - timedelta(hours=2), NOW + timedelta(days=2)
COMING = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")
STARTED = between("2026-11-23T10:00:00Z", "2026-11-24T10:00:00Z")


def learned(bench: Bench, what: Step, last: LastWrite | None = None, opened: OpenIntent | None = None) -> list[Entry]:
    """Return what a run writes about a step that changes nothing; it sends nothing and has no receipt of its own."""
    run = bench.run(what, histories={guid(1): TicketHistory(last, opened)})
    assert (run.receipts, bench.tickets.updates) == ((), [])
    return [entry for entry in bench.ledger.entries if not isinstance(entry, Ended)]


def agreed(**changes: Any) -> Step:
    return step(**({"reason": Reason.IN_SYNC_ACCEPTED, "before": APPROVED, "after": APPROVED} | changes))


@pytest.mark.parametrize("mover", [JOE, None])
@pytest.mark.parametrize("base", [REJECTED, None])
def test_git_and_tpp_agree_again(base: Any, mover: str | None) -> None:
    bench = bench_of(as_planned(1, state=APPROVED), movers={guid(1): mover} if mover else {})
    last = last_write(after=base) if base else None

    assert learned(bench, agreed(), last) == [
        AcceptedEntry(agreed().decision, agreed().digest, NOW, base, OBJECT, WORKFLOW, mover)
    ]


@pytest.mark.parametrize("tickets", [(), (as_planned(1),), (as_planned(1, state=REJECTED),)])
def test_what_has_moved_since_the_plan_is_no_agreement(tickets: Any) -> None:
    assert learned(bench_of(*tickets), agreed()) == []


def by_hand(what: Step) -> tuple[AttentionEntry, AttentionEntry]:
    """The entries by which a decision that was made outside counts as the exception that it is."""
    begun = AttentionEntry(
        at=NOW,
        reason="manual/attested",
        state=Episode.BEGIN,
        guid=guid(1),
        digest=what.digest,
        object=OBJECT,
        workflow=WORKFLOW,
        change="CHG0041234",
        source=what.source,
        detail="by AD+CORP:jdoe at 2026-11-22T12:00:00Z, console: it was urgent",
    )
    return begun, replace(begun, state=Episode.END, detail="")


def test_what_was_decided_outside_is_attested_while_the_ticket_is_there() -> None:
    attested = agreed(decided=OUTSIDE)
    assert learned(bench_of(as_planned(1, state=APPROVED)), attested) == [
        AttestedEntry(attested.decision, attested.digest, NOW, gone=False, object=OBJECT, workflow=WORKFLOW),
        *by_hand(attested),
    ]


def gone_attested() -> Step:
    return step(reason=Reason.SETTLED_ATTESTED, before=None, decided=OUTSIDE)


@pytest.mark.parametrize(("last", "reads"), [(None, 1), (last_write(), 1), (last_write(gone=True), 0)])
def test_and_once_it_is_gone_which_is_looked_at_unless_the_ledger_knows(last: LastWrite | None, reads: int) -> None:
    bench = bench_of()
    assert learned(bench, gone_attested(), last) == [
        AttestedEntry(
            gone_attested().decision, gone_attested().digest, NOW, gone=True, object=OBJECT, workflow=WORKFLOW
        ),
        *by_hand(gone_attested()),
    ]
    assert len(bench.tickets.reads) == reads


def test_a_ticket_that_is_there_again_is_not_attested_to_be_gone() -> None:
    assert learned(bench_of(as_planned(1)), gone_attested()) == []


def departed(reason: Reason = Reason.SETTLED_RECEIPT) -> Step:
    return step(reason=reason, before=None, named=reason is not Reason.ELSEWHERE_CLOSED)


@pytest.mark.parametrize("last", [None, last_write()])
def test_a_ticket_that_is_gone_is_closed(last: LastWrite | None) -> None:
    assert learned(bench_of(planned_at=EARLIER), departed(), last) == [ClosedEntry(NOW, guid(1), step(1).digest)]


@pytest.mark.parametrize("armed_at", [None, EARLIER])
def test_of_a_schedule_the_bounds_are_kept_between_which_it_went(armed_at: Any) -> None:
    last = last_write(after=STARTED, armed_at=armed_at)
    assert learned(bench_of(planned_at=EARLIER), departed(), last) == [
        ObservedEntry(NOW, guid(1), step(1).digest, NOW, armed_at)
    ]


@pytest.mark.parametrize("reason", [Reason.CONFLICT_GONE_EARLY, Reason.ELSEWHERE_CLOSED])
@pytest.mark.parametrize(
    ("schedule", "planned_at", "first"),
    [(STARTED, EARLIER, EARLIER), (STARTED, None, NOW), (COMING, EARLIER, NOW), (COMING, None, NOW)],
    ids=["started since the plan", "no plan's time", "not yet started", "neither"],
)
def test_what_was_gone_too_early_when_the_plan_was_made_was_gone_then(
    reason: Reason, schedule: Any, planned_at: Any, first: Any
) -> None:
    bench = bench_of(planned_at=planned_at)
    assert learned(bench, departed(reason), last_write(after=schedule)) == [
        ObservedEntry(NOW, guid(1), step(1).digest, first, None)
    ]


# An intent that nothing proves, and a manifest that says what comes next.

DEAD_RUN = "20261123T110000Z-0000dd"


def unproven(hours: float = 1, **changes: Any) -> OpenIntent:
    """An intent of some hours ago whose ticket shows something else by now."""
    values: dict[str, Any] = {
        "at": NOW - timedelta(hours=hours),
        "operation": "0123456789ab",
        "guid": guid(1),
        "digest": "sha256:" + "d" * 64,
        "before": PENDING,
        "after": APPROVED,
        "updated": as_planned(1).updated,
    }
    return OpenIntent(holding(Intent, **(values | changes)), DEAD_RUN)


def seen(state: Any = REJECTED, expected: Any = REJECTED, **changes: Any) -> Step:
    expect = Expectation(state=expected) if expected else Expectation()
    return step(**({"reason": Reason.CONFLICT_OPEN_INTENT, "before": state, "expect": expect} | changes))


def test_the_intent_is_stale_once_a_manifest_says_of_the_state_since_then_what_comes_next() -> None:
    left = unproven()
    (receipt,) = learned(bench_of(as_planned(1, state=REJECTED, updated=NOW)), seen(), opened=left)
    assert isinstance(receipt, Receipt)
    assert (receipt.outcome, receipt.operation, receipt.digest) == (
        Outcome.STALE,
        left.intent.operation,
        left.intent.digest,
    )
    assert (receipt.proof, receipt.seen) == (Proof.NONE, REJECTED)
    assert receipt.detail == (
        f"run {DEAD_RUN} left an intent; the manifest says of the state since then what is to come of it"
    )


@pytest.mark.parametrize(
    ("what", "left"),
    [
        (seen(expected=None), unproven()),
        (seen(expected=APPROVED), unproven()),
        (seen(state=PENDING), unproven()),
        (seen(), unproven(hours=0.2)),
    ],
    ids=["nobody says", "another state is expected", "another state was planned", "it may still take effect"],
)
def test_otherwise_it_stays_open(what: Step, left: OpenIntent) -> None:
    assert learned(bench_of(as_planned(1, state=REJECTED, updated=NOW)), what, opened=left) == []


def test_patience_ends_at_its_last_moment() -> None:
    bench = bench_of(as_planned(1, state=REJECTED, updated=NOW))
    (receipt,) = learned(bench, seen(), opened=unproven(hours=0.25))
    assert isinstance(receipt, Receipt)
    assert receipt.outcome is Outcome.STALE


def test_an_agreement_ends_the_intent_and_is_written_down() -> None:
    bench = bench_of(as_planned(1, state=REJECTED, updated=NOW), movers={guid(1): JOE})
    what = agreed(before=REJECTED, after=REJECTED)
    receipt, entry = learned(bench, what, opened=unproven())
    assert isinstance(receipt, Receipt)
    assert receipt.outcome is Outcome.STALE
    assert entry == AcceptedEntry(what.decision, what.digest, NOW, None, OBJECT, WORKFLOW, JOE)


def test_nothing_is_read_or_written_down_once_the_run_is_stopped() -> None:
    bench = bench_of(as_planned(1, state=APPROVED))
    bench.stop.why = "interrupted"
    assert learned(bench, agreed()) == []
    assert bench.tickets.reads == []
