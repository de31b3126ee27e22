"""Intents that earlier runs left are resolved by reading; nothing is sent again before patience has passed."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.model.decision import Expectation, WindowUse
from reconciler.model.receipt import Outcome, Proof, Receipt, operation_tag
from reconciler.model.record import ClosedEntry, Intent, LastWrite, OpenIntent, TicketHistory
from reconciler.model.status import State, format_instant
from reconciler.model.ticket import Found, Hidden, Lost, Unread
from reconciler.model.verdict import Reason
from reconciler.planning.selections import Since
from tests.applying.bench import Bench, as_planned, bench_of, says
from tests.builders import APPROVED, NOW, PENDING, REJECTED, between, guid, holding, last_write, step

DEAD_RUN = "20261123T110000Z-0000dd"
LEFT = "0123456789ab"
TAGGED = f"reviewed {operation_tag(LEFT)}"
WINDOW = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")


def left(
    state: State = APPROVED, last: LastWrite | None = None, lost_at: datetime | None = None, **changes: Any
) -> TicketHistory:
    """A history with an intent of an hour ago that nobody has a receipt for."""
    values: dict[str, Any] = {
        "at": NOW - timedelta(hours=1),
        "operation": LEFT,
        "guid": guid(1),
        "digest": "sha256:" + "d" * 64,
        "before": PENDING,
        "after": state,
        "updated": as_planned(1).updated,
        "change": "CHG0000001",
    }
    opened = OpenIntent(holding(Intent, **(values | changes)), DEAD_RUN, lost_at)
    return TicketHistory(last, opened, frozenset({LEFT}))


def applied(bench: Bench, history: TicketHistory, **fields: Any):
    """Apply one step, planned with the knowledge of this history; returns the receipt."""
    planned = {"operation": LEFT} | fields
    (receipt,) = bench.run(step(1, **planned), histories={guid(1): history}).receipts
    return receipt


def test_an_intent_that_took_effect_is_the_receipt_of_the_step_and_nothing_is_sent() -> None:
    bench = bench_of(as_planned(1, state=APPROVED))
    receipt = applied(bench, left())
    assert (receipt.outcome, receipt.proof, receipt.operation) == (Outcome.APPLIED, Proof.OBSERVED, LEFT)
    assert receipt.detail == f"sent by run {DEAD_RUN}: no usable answer came; the ticket was read again as wanted"
    assert bench.tickets.updates == []
    assert bench.ledger.entries[0] == receipt
    assert (receipt.digest, receipt.change, receipt.source) == ("sha256:" + "d" * 64, "CHG0000001", step(1).source)


def test_the_receipt_of_an_earlier_intent_says_what_the_ticket_was_before_that_one() -> None:
    """The step was planned when the ticket may have been as wanted already."""
    bench = bench_of(as_planned(1, state=APPROVED))
    receipt = applied(bench, left(before=WINDOW), before=APPROVED)
    assert (receipt.operation, receipt.before) == (LEFT, WINDOW)


def test_an_intent_with_its_tag_on_a_pending_ticket_waits_for_others() -> None:
    bench = bench_of(as_planned(1, explanation=TAGGED))
    receipt = applied(bench, left())
    assert (receipt.outcome, receipt.proof, bench.tickets.updates) == (Outcome.AWAITING_OTHERS, Proof.TAGGED, [])


def test_an_intent_on_a_ticket_that_is_gone_is_inferred() -> None:
    receipt = applied(bench_of(), left())
    assert (receipt.outcome, receipt.proof, receipt.gone) == (Outcome.APPLIED, Proof.INFERRED, True)


def test_an_intent_without_effect_is_closed_and_the_step_is_sent_under_its_own_tag() -> None:
    bench = bench_of(as_planned(1))
    receipt = applied(bench, left())
    assert (receipt.outcome, receipt.proof) == (Outcome.APPLIED, Proof.CONFIRMED)
    assert receipt.operation != LEFT
    first, last = bench.ledger.receipts
    assert (first.outcome, first.proof, first.operation) == (Outcome.FAILED, Proof.UNCHANGED, LEFT)
    assert first.detail == f"run {DEAD_RUN} left an intent that had no effect"
    assert last == receipt
    assert len(bench.tickets.updates) == 1


@pytest.mark.parametrize(
    "history",
    [
        left(at=NOW - timedelta(minutes=14)),
        left(lost_at=NOW - timedelta(minutes=14)),
        left(at=NOW + timedelta(hours=2)),
    ],
    ids=["a dead run", "a lost answer", "a clock that ran ahead"],
)
def test_an_unchanged_ticket_proves_nothing_as_long_as_the_update_may_take_effect(history: TicketHistory) -> None:
    bench = bench_of(as_planned(1))
    receipt = applied(bench, history)
    assert (receipt.outcome, receipt.proof, bench.tickets.updates) == (Outcome.UNKNOWN, Proof.NONE, [])
    assert history.open is not None
    until = format_instant(history.open.since + timedelta(minutes=15))
    assert receipt.detail == f"run {DEAD_RUN} sent an update and got no answer; it is unclear until {until}"
    assert bench.clock.slept == []


def test_an_update_that_a_dead_run_had_only_announced_is_not_said_to_have_been_sent() -> None:
    receipt = applied(bench_of(as_planned(1)), left(at=NOW - timedelta(minutes=14), attempt=0))
    until = format_instant(NOW + timedelta(minutes=1))
    assert receipt.detail == f"run {DEAD_RUN} may have sent an update; it is unclear until {until}"


def test_an_unchanged_ticket_proves_it_at_the_last_moment_of_patience() -> None:
    bench = bench_of(as_planned(1))
    assert applied(bench, left(at=NOW - timedelta(minutes=15))).outcome is Outcome.APPLIED
    assert len(bench.tickets.updates) == 1


def test_a_plan_that_does_not_know_of_the_lost_answer_sends_nothing_after_it() -> None:
    bench = bench_of(as_planned(1))
    receipt = applied(bench, left(), operation=None)
    assert (receipt.outcome, bench.tickets.updates) == (Outcome.STALE, [])
    assert receipt.proof is Proof.NONE
    assert receipt.detail == f"run {DEAD_RUN} sent Approved without an answer, which this plan does not know of"


def test_a_change_goes_ahead_once_its_manifest_says_of_the_state_since_then_what_is_to_come_of_it() -> None:
    bench = bench_of(as_planned(1, state=REJECTED, updated=NOW))
    receipt = applied(bench, left(), before=REJECTED, expect=Expectation(state=REJECTED))
    assert (receipt.outcome, len(bench.tickets.updates)) == (Outcome.APPLIED, 1)
    assert [one.outcome for one in bench.ledger.receipts] == [Outcome.STALE, Outcome.APPLIED]


def test_an_intent_that_shows_is_not_waited_for() -> None:
    bench = bench_of(as_planned(1, state=APPROVED))
    assert applied(bench, left(at=NOW - timedelta(seconds=2))).outcome is Outcome.APPLIED
    assert bench.clock.slept == []


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (Found(as_planned(1, updated=NOW)), "something else has changed"),
        (Found(as_planned(1, state=REJECTED, updated=NOW)), "something else has changed"),
        (Unread("HTTP 503"), "HTTP 503"),
        (Hidden(), "the server denies us the ticket"),
    ],
)
def test_an_intent_that_nothing_proves_stays_unknown_and_nothing_is_sent(there, said) -> None:
    bench = bench_of(as_planned(1), first_readings={guid(1): [there]})
    receipt = applied(bench, left())
    assert (receipt.outcome, receipt.proof) == (Outcome.UNKNOWN, Proof.NONE)
    assert receipt.detail == f"run {DEAD_RUN} left an intent, and {said}"
    assert bench.tickets.updates == []


def test_an_intent_for_something_else_is_recorded_for_what_it_was_and_is_not_the_receipt_of_the_step() -> None:
    bench = bench_of(as_planned(1, state=WINDOW))
    weekly = WindowUse("sat-night", "FREQ=WEEKLY;BYDAY=SA")
    receipt = applied(bench, left(WINDOW), reason=Reason.REJECT_WANTED, after=REJECTED, window=weekly)
    assert (receipt.outcome, receipt.after) == (Outcome.STALE, REJECTED)
    entry = bench.ledger.entries[0]
    assert isinstance(entry, Receipt)
    assert (entry.outcome, entry.after, entry.operation) == (Outcome.APPLIED, WINDOW, LEFT)
    assert (entry.digest, entry.change, entry.window) == ("sha256:" + "d" * 64, "CHG0000001", None)
    assert bench.tickets.updates == []


def test_an_intent_for_something_else_that_waits_for_others_does_not_hold_up_a_changed_mind() -> None:
    bench = bench_of(as_planned(1, explanation=TAGGED))
    receipt = applied(bench, left(), reason=Reason.REJECT_WANTED, after=REJECTED)
    assert (receipt.outcome, receipt.after) == (Outcome.APPLIED, REJECTED)
    assert [one.outcome for one in bench.ledger.receipts] == [Outcome.AWAITING_OTHERS, Outcome.APPLIED]


def test_an_intent_without_effect_is_followed_by_one_update_and_not_more() -> None:
    bench = bench_of(as_planned(1), script=[says(Lost("reset"), effect=False)] * 9)
    receipt = applied(bench, left())
    assert (receipt.outcome, receipt.proof) == (Outcome.UNKNOWN, Proof.NONE)
    assert len(bench.tickets.updates) == 1


def test_nothing_is_resolved_once_the_run_is_stopped() -> None:
    bench = bench_of(as_planned(1, state=APPROVED))
    bench.stop.why = "interrupted"
    receipt = applied(bench, left())
    assert (receipt.outcome, receipt.operation) == (Outcome.NOT_ATTEMPTED, None)
    assert bench.tickets.reads == []


# Steps that change nothing: what reading proves is written down, and never anything sent.

SETTLED = {"reason": Reason.SETTLED_INFERRED, "before": None}


def healed(bench: Bench, history: TicketHistory, **fields: Any):
    run = bench.run(step(1, **fields), histories={guid(1): history})
    assert run.receipts == ()
    assert bench.tickets.updates == []
    return run


def test_a_settled_intent_gets_the_receipt_that_it_lacks() -> None:
    bench = bench_of()
    run = healed(bench, left(), **SETTLED)
    assert (run.resolved, run.notes) == ({Outcome.APPLIED: 1}, ())
    (receipt,) = bench.ledger.receipts
    assert (receipt.outcome, receipt.proof, receipt.operation) == (Outcome.APPLIED, Proof.INFERRED, LEFT)


def test_an_intent_that_is_in_sync_or_without_effect_is_resolved_too() -> None:
    done = bench_of(as_planned(1, state=APPROVED))
    healed(done, left(), reason=Reason.IN_SYNC_SAME, before=APPROVED)
    assert [one.outcome for one in done.ledger.receipts] == [Outcome.APPLIED]
    idle = bench_of(as_planned(1))
    healed(idle, left(), reason=Reason.EXPIRED_VALID_UNTIL)
    assert [(one.outcome, one.proof) for one in idle.ledger.receipts] == [(Outcome.FAILED, Proof.UNCHANGED)]


def test_an_intent_that_stays_unknown_adds_nothing_to_the_ledger() -> None:
    bench = bench_of(as_planned(1, updated=NOW))
    run = healed(bench, left(), reason=Reason.CONFLICT_OPEN_INTENT)
    assert (bench.ledger.receipts, run.resolved) == ([], {})


def test_a_ticket_that_is_settled_is_closed_once_so_that_it_need_never_be_read_again() -> None:
    settled = {"reason": Reason.SETTLED_RECEIPT, "before": None}
    bench = bench_of()
    healed(bench, TicketHistory(last_write()), **settled)
    assert bench.ledger.of(ClosedEntry) == [ClosedEntry(NOW, guid(1), step(1).digest)]
    again = bench_of()
    healed(again, TicketHistory(last_write(gone=True)), closed=True, **settled)
    assert again.ledger.of(ClosedEntry) == []
    assert again.tickets.reads == []


def test_a_ledger_that_breaks_while_healing_stops_the_run_before_anything_is_sent() -> None:
    bench = bench_of(as_planned(2, object="other"))
    bench.ledger.room = 0
    run = bench.run(step(1, **SETTLED), step(2, object="other"), histories={guid(1): left()})
    assert bench.tickets.updates == []
    assert run.stopped == "the ledger can't be written: No space left on device"
    assert run.receipts[0].outcome in (Outcome.FAILED, Outcome.NOT_ATTEMPTED)


def test_a_step_is_not_attempted_when_what_became_of_an_earlier_update_can_not_be_written_down() -> None:
    bench = bench_of(as_planned(1))
    bench.ledger.room = 0
    receipt = applied(bench, left())
    assert (receipt.outcome, receipt.proof, receipt.operation) == (Outcome.NOT_ATTEMPTED, Proof.NONE, None)
    assert receipt.detail == "the ledger can't be written: No space left on device"
    assert (receipt.guid, bench.tickets.updates) == (guid(1), [])


def test_healing_stops_when_the_run_is_stopped() -> None:
    bench = bench_of()
    bench.stop.why = "interrupted"
    healed(bench, left(), **SETTLED)
    assert bench.ledger.receipts == []


# What an earlier run of this very plan has done.


def test_a_step_that_an_earlier_run_of_the_plan_applied_is_not_sent_again() -> None:
    bench = bench_of(as_planned(1))
    bench.since[guid(1)] = Since(done=True, why="")
    run = bench.run(step(1))
    assert (run.receipts, bench.tickets.reads, bench.tickets.updates) == ((), [], [])
    assert run.notes == ("steps that an earlier run of this plan applied, and that were not sent again: 1",)


OVERTAKEN = Since(done=False, why="run X has applied Rejected since the plan was made")


def test_a_step_is_stale_once_a_later_run_has_done_something_whatever_the_ticket_looks_like() -> None:
    bench = bench_of(as_planned(1))
    bench.since[guid(1)] = OVERTAKEN
    (receipt,) = bench.run(step(1)).receipts
    assert (receipt.outcome, receipt.proof) == (Outcome.STALE, Proof.NONE)
    assert (receipt.operation, receipt.detail) == (None, OVERTAKEN.why)
    assert bench.tickets.updates == []


def test_a_step_that_only_waits_for_something_to_pass_is_not_called_stale() -> None:
    """Stale asks for a new plan; what was not attempted may be applied as it is."""
    bench = bench_of(as_planned(1))
    bench.since[guid(1)] = replace(OVERTAKEN, passing=True)
    (receipt,) = bench.run(step(1)).receipts
    assert (receipt.outcome, receipt.detail, bench.tickets.updates) == (Outcome.NOT_ATTEMPTED, OVERTAKEN.why, [])


def test_a_step_that_was_overtaken_is_stale_even_if_a_dead_run_tried_it_without_effect() -> None:
    bench = bench_of(as_planned(1))
    bench.since[guid(1)] = OVERTAKEN
    receipt = applied(bench, left(last=last_write(after=REJECTED)))
    assert (receipt.outcome, bench.tickets.updates) == (Outcome.STALE, [])
    assert [one.outcome for one in bench.ledger.receipts] == [Outcome.FAILED, Outcome.STALE]


def test_an_intent_that_is_open_is_looked_at_even_if_an_earlier_one_was_applied() -> None:
    bench = bench_of(as_planned(1, state=APPROVED))
    done = last_write(after=APPROVED, digest=step(1).digest, at=NOW)
    receipt = applied(bench, left(last=done))
    assert (receipt.operation, receipt.outcome) == (LEFT, Outcome.APPLIED)
