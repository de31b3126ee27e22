"""What the ledger says since a plan was made decides whether a step is sent, whatever any clock says."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.decision import Source
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import (
    AcceptedEntry,
    AttentionEntry,
    AttestedEntry,
    ClosedEntry,
    Entry,
    Episode,
    Intent,
    Line,
    ObservedEntry,
    OpenIntent,
    TicketHistory,
)
from reconciler.planning.selections import Since, since_plan
from tests.builders import NOW, REJECTED, guid, holding, last_write, receipt, step
from tests.ledger.ledgers import FIRST, PROVENANCE, decided, intent

STEP = step(1, digest=decided(1))


def line(entry: Entry) -> Line:
    return Line(entry, FIRST, PROVENANCE, Source("x.jsonl", 2), decided(8), decided(9))


def sent(operation: str = "a", **changes: Any) -> Intent:
    return intent(1, operation=operation, **changes)


def received(operation: str | None = "a", digest: str = decided(1), **changes: Any) -> Receipt:
    return receipt(1, operation=operation, digest=digest, **changes)


def agreed(kind: type[AcceptedEntry] | type[AttestedEntry]) -> Entry:
    return holding(kind, guid=guid(1), digest=decided(1), after=REJECTED, at=NOW)


def since(entries: Sequence[Entry], history: TicketHistory | None = None) -> Since | None:
    """What is said of one step, where the ledger remembers the last effect of these entries."""
    effects = [entry for entry in entries if isinstance(entry, Receipt) and entry.outcome is Outcome.APPLIED]
    last = last_write(operation=effects[-1].operation) if effects else None
    return since_plan(
        [STEP], {guid(1): [line(entry) for entry in entries]}, {guid(1): history or TicketHistory(last)}
    ).get(guid(1))


def test_without_an_entry_a_step_is_sent() -> None:
    assert since([]) is None
    assert since_plan([STEP], {}, {}) == {}


@pytest.mark.parametrize("ahead", [-600, 0, 600])
def test_this_very_step_is_done_whatever_the_clock_says(ahead: int) -> None:
    assert since([sent(), received(at=NOW + timedelta(seconds=ahead))]) == Since(True, "")


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([sent(), received(digest=decided(2))], "has applied Approved since"),
        ([sent(after=REJECTED), received(after=REJECTED)], "has applied Rejected since"),
        ([sent(), received(), sent("b"), received("b", digest=decided(2))], "has applied Approved since"),
        ([sent()], "has begun to send Approved since"),
        ([sent(), received(outcome=Outcome.UNKNOWN)], "found it unknown since"),
        ([received(None, outcome=Outcome.STALE)], "found it stale since"),
        ([sent(), received(outcome=Outcome.REJECTED_BY_SERVER)], "found it rejected-by-server since"),
        (
            [sent(), received(outcome=Outcome.FAILED, proof=Proof.UNCHANGED)],
            "found that an update of Approved had no effect since",
        ),
        ([ClosedEntry(NOW, guid(1), decided(1))], "has seen that it is gone since"),
        ([ObservedEntry(NOW, guid(1), decided(1), NOW)], "has seen that it is gone since"),
        ([agreed(AcceptedEntry), AttentionEntry(NOW, "x", Episode.BEGIN, guid(1))], "has accepted Rejected since"),
        ([agreed(AttestedEntry)], "has recorded Rejected since"),
    ],
)
def test_any_other_entry_makes_it_stale(entries: list[Entry], why: str) -> None:
    assert since(entries) == Since(False, f"run {FIRST} {why} the plan was made")
    assert since_plan([STEP], {guid(1): [line(entry) for entry in entries]}, {}) == {guid(1): since(entries)}


def test_what_asked_for_attention_does_not_count() -> None:
    assert since([AttentionEntry(NOW, "conflict/console", Episode.BEGIN, guid(1))]) is None


def test_an_intent_that_is_open_again_is_no_proof_that_it_is_done() -> None:
    entries = [sent(), received(), sent("b")]
    history = TicketHistory(last_write(operation="a"), OpenIntent(sent("b"), FIRST))
    found = since(entries, history)
    assert found is not None
    assert not found.done


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.NOT_ATTEMPTED])
def test_what_was_not_sent_does_not_count(outcome: Outcome) -> None:
    assert since([received(None, outcome=outcome, proof=Proof.NONE)]) is None
    assert since([sent(), received(outcome=outcome, proof=Proof.NONE)]) is None
