"""A run: one receipt per step whatever happens, one writer per object, and an end when it is told to end."""

import logging
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.applying import engine
from reconciler.applying.receipts import ReceiptCollector, guarded
from reconciler.applying.step import announce, perform
from reconciler.errors import LedgerUnwritable
from reconciler.model.receipt import Outcome, Proof, Receipt, Run
from reconciler.model.record import NO_HISTORY, Ended, Intent
from reconciler.model.ticket import Accepted, Declined, Found, Gone, Lost, NotSent, Unread
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.selections import Since
from reconciler.ports import Deadline
from tests.applying.bench import RUN, Bench, BreakingLedger, accepts, as_planned, bench_of, says
from tests.builders import APPROVED, NOW, REJECTED, guid, plan, step
from tests.fakes import FakeClock

FAULT = Lost("HTTP 500", server_fault=True)
DENIED = Declined("Result 4: the identity may not act on this ticket", 4)


def many(count: int, **settings) -> tuple[Bench, tuple]:
    """A bench with tickets 1 to count, each on an object of its own, and their steps."""
    bench = bench_of(*(as_planned(number, object=f"o{number}") for number in range(1, count + 1)), **settings)
    return bench, tuple(step(number, object=f"o{number}") for number in range(1, count + 1))


def outcomes(run) -> list[Outcome]:
    return [receipt.outcome for receipt in run.receipts]


def test_an_empty_plan_reads_nothing_and_writes_nothing() -> None:
    bench = bench_of(as_planned(1))
    run = bench.run()
    assert (run.receipts, run.counts, run.stopped) == ((), {}, None)
    assert (bench.tickets.reads, bench.tickets.updates) == ([], [])
    assert bench.ledger.entries == [Ended(NOW, {}, None)]


def test_the_report_says_what_was_applied_where_and_when() -> None:
    bench, steps = many(1)
    bench.tickets.script = [lambda *asked: bench.clock.sleep(5) or accepts(*asked)]  # type: ignore[func-returns-value]
    run = bench.apply(plan(*steps, environment="prod", shard="1/2"))
    assert run == Run(
        run=RUN,
        digest="sha256:" + "0" * 64,
        target="https://tpp.example.com",
        started_at=NOW,
        ended_at=NOW + timedelta(seconds=5),
        receipts=tuple(bench.ledger.receipts),
        environment="prod",
        shard="1/2",
    )


def test_where_no_more_threads_can_be_had_those_that_there_are_do_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are waited for, too: here they begin only then."""
    start, wait = threading.Thread.start, engine._wait
    left, slow = [2], list[threading.Thread]()

    def start_few(thread: threading.Thread) -> None:
        if thread.name.startswith("apply-"):
            left[0] -= 1
            if left[0] < 0:
                raise RuntimeError("can't start new thread")
            slow.append(thread)
        else:
            start(thread)

    def wait_for_slow(*arguments: Any) -> None:
        while slow:
            start(slow.pop())
        wait(*arguments)

    monkeypatch.setattr(threading.Thread, "start", start_few)
    monkeypatch.setattr(engine, "_wait", wait_for_slow)
    bench, steps = many(5)
    assert outcomes(bench.run(*steps, workers=5)) == [Outcome.APPLIED] * 5
    with pytest.raises(RuntimeError, match="can't start new thread"):
        bench.run(*steps, workers=5)


def test_every_intent_and_every_receipt_is_logged_with_its_ticket_and_operation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "reconciler.applying")
    bench, steps = many(2, script=[says(Declined("expired", systemic=True), effect=False)])
    bench.run(*steps)
    operation = bench.ledger.intents[0].operation
    assert [(record.message, record.ticket, record.operation) for record in caplog.records] == [  # type: ignore[attr-defined]
        (f"intent: {guid(1)} to Approved", guid(1), operation),
        (f"receipt: {guid(1)} rejected-by-server", guid(1), operation),
        (f"receipt: {guid(2)} not-attempted", guid(2), ""),
    ]


def test_only_changes_are_written() -> None:
    others = [reason for reason in Reason if reason.verdict.group != "change"]
    bench = bench_of(*(as_planned(number) for number in range(len(others))))
    run = bench.run(*(step(number, reason=reason) for number, reason in enumerate(others)))
    assert (run.receipts, bench.tickets.updates) == ((), [])


def test_applying_a_plan_twice_writes_once() -> None:
    bench, steps = many(3)
    first = bench.apply(plan(*steps))
    bench.since = {one.guid: Since(done=True, why="") for one in steps}
    second = bench.apply(plan(*steps))
    assert outcomes(first) == [Outcome.APPLIED] * 3
    assert second.receipts == ()
    assert len(bench.tickets.updates) == 3


def test_without_a_ledger_that_remembers_a_second_run_still_writes_nothing() -> None:
    bench, steps = many(3)
    bench.run(*steps)
    assert outcomes(bench.run(*steps)) == [Outcome.STALE] * 3
    assert len(bench.tickets.updates) == 3


@pytest.mark.parametrize("k", range(5))
def test_a_fault_at_one_step_leaves_the_others_as_they_are(k: int) -> None:
    bench, steps = many(5)
    bench.tickets.script = [accepts] * k + [says(Declined("Result 5", 5), effect=False)]
    run = bench.run(*steps)
    expected = [Outcome.APPLIED] * 5
    expected[k] = Outcome.REJECTED_BY_SERVER
    assert outcomes(run) == expected
    assert run.stopped is None
    assert [receipt.guid for receipt in run.receipts] == [guid(number) for number in range(1, 6)]


@pytest.mark.parametrize("k", range(5))
def test_a_systemic_fault_at_one_step_stops_those_after_it(k: int) -> None:
    for answer, outcome in (
        (Declined("the token has expired", systemic=True), Outcome.REJECTED_BY_SERVER),
        (NotSent("could not connect", systemic=True), Outcome.FAILED),
    ):
        bench, steps = many(5)
        tries = 2 if isinstance(answer, NotSent) else 1
        bench.tickets.script = [accepts] * k + [says(answer, effect=False)] * tries
        run = bench.run(*steps)
        assert outcomes(run) == [Outcome.APPLIED] * k + [outcome] + [Outcome.NOT_ATTEMPTED] * (4 - k)
        assert run.stopped == answer.why
        assert len(bench.tickets.updates) == k + tries
        assert bench.ledger.of(Ended) == [Ended(run.ended_at, run.counts, answer.why)]


def test_a_token_that_expires_before_a_reading_stops_the_run() -> None:
    bench, steps = many(3, first_readings={guid(2): [Unread("the token has expired", systemic=True)]})
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.APPLIED, Outcome.FAILED, Outcome.NOT_ATTEMPTED]
    assert run.stopped == "the token has expired"


def test_five_server_faults_in_a_row_stop_the_run() -> None:
    bench, steps = many(5)
    bench.tickets.script = [says(FAULT, effect=False)] * 99
    run = bench.run(*steps)
    assert run.stopped == "5 server faults in a row"
    assert len(bench.tickets.updates) == 5
    assert outcomes(run) == [Outcome.UNKNOWN] * 5


def test_readings_that_fail_count_as_server_faults_and_a_healthy_answer_ends_the_row() -> None:
    bench, steps = many(7, first_readings={guid(n): [Unread("HTTP 503")] for n in range(1, 7)})
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.FAILED] * 5 + [Outcome.NOT_ATTEMPTED] * 2
    assert run.stopped == "5 server faults in a row"
    bench, steps = many(10, first_readings={guid(n): [Unread("HTTP 503")] for n in (1, 2, 3, 4, 6, 7, 8, 9)})
    run = bench.run(*steps)
    assert (run.stopped, run.receipts[-1].outcome) == (None, Outcome.APPLIED)


def test_three_refusals_for_missing_privileges_in_a_row_stop_the_run() -> None:
    bench, steps = many(5, script=[says(DENIED, effect=False)] * 99)
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.REJECTED_BY_SERVER] * 3 + [Outcome.NOT_ATTEMPTED] * 2
    assert run.stopped == "3 refusals for missing privileges in a row"


STOPPED = {
    "no connection": ({"script": [says(NotSent("no", systemic=True, passing=True), effect=False)] * 2}, False),
    "no trust": ({"script": [says(NotSent("no", systemic=True), effect=False)] * 2}, True),
    "refused token": ({"script": [says(Declined("no", systemic=True), effect=False)]}, True),
    "away": ({"first_readings": {guid(1): [Unread("no", systemic=True, passing=True)]}}, False),
    "refused reading": ({"first_readings": {guid(1): [Unread("no", systemic=True)]}}, True),
    "full ledger": ({"ledger": BreakingLedger(room=0)}, True),
    "server faults": ({"script": [says(FAULT, effect=False)] * 5}, False),
    "no rights": ({"script": [says(DENIED, effect=False)] * 3}, True),
    "failures": ({"script": [says(Declined("Result 5", 5), effect=False)], "budget": 0}, False),
}


@pytest.mark.parametrize(("trouble", "lasting"), STOPPED.values(), ids=STOPPED.keys())
def test_a_run_that_somebody_has_to_mend_something_for_is_told_from_one_to_try_again(trouble, lasting: bool) -> None:
    """The exit code depends on it: whoever has the same command run again by it does so for nothing."""
    bench, steps = many(5, **deepcopy(trouble))
    bench.run(*steps)
    assert (bench.breaker.reason() is not None, bench.breaker.lasting, bench.breaker.bug) == (True, lasting, False)


def test_what_somebody_has_to_mend_stays_so_whatever_comes_after_and_the_first_reason_is_told() -> None:
    for first, second in ((False, True), (True, False)):
        breaker = bench_of().context().breaker
        breaker.trip("first", passing=first)
        breaker.trip("second", passing=second)
        assert (breaker.reason(), breaker.tripped, breaker.lasting) == ("first", "first", True)


def test_refusals_with_a_success_between_them_stop_nothing() -> None:
    denied = says(DENIED, effect=False)
    bench, steps = many(6, script=[denied, denied, accepts, denied, denied, accepts])
    run = bench.run(*steps)
    assert (run.stopped, len(bench.tickets.updates)) == (None, 6)


@pytest.mark.parametrize(("budget", "attempted"), [(0, 1), (1, 2), (None, 4)])
def test_the_failure_budget_stops_the_run(budget: int | None, attempted: int) -> None:
    bench, steps = many(4, script=[says(Declined("Result 5", 5), effect=False)] * 4, budget=budget)
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.REJECTED_BY_SERVER] * attempted + [Outcome.NOT_ATTEMPTED] * (4 - attempted)
    assert run.stopped == (None if budget is None else f"{budget + 1} failures, the budget is {budget}")


def test_stale_tickets_cost_nothing_of_the_failure_budget() -> None:
    bench, steps = many(3, budget=0, first_readings={guid(1): [Found(as_planned(1, state=REJECTED))]})
    assert outcomes(bench.run(*steps)) == [Outcome.STALE, Outcome.APPLIED, Outcome.APPLIED]


def test_a_run_that_is_stopped_before_it_begins_sends_nothing_and_reports_every_step() -> None:
    bench, steps = many(3)
    bench.stop.why = "the stop file STOP exists"
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.NOT_ATTEMPTED] * 3
    said = ("the stop file STOP exists", Proof.NONE, None)
    assert {(receipt.detail, receipt.proof, receipt.operation) for receipt in run.receipts} == {said}
    assert run.stopped == "the stop file STOP exists"
    assert (bench.tickets.reads, bench.tickets.updates) == ([], [])
    assert sorted(bench.ledger.receipts, key=lambda receipt: receipt.guid) == list(run.receipts)


def test_a_run_that_is_stopped_between_two_writes_finishes_the_one_and_leaves_the_other() -> None:
    bench, steps = many(3)

    def and_stop(tickets, update):
        bench.stop.why = "interrupted"
        return accepts(tickets, update)

    bench.tickets.script = [and_stop]
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.APPLIED, Outcome.NOT_ATTEMPTED, Outcome.NOT_ATTEMPTED]
    assert run.stopped == "interrupted"


def test_a_run_that_is_told_to_stop_when_all_is_done_was_not_stopped() -> None:
    bench, steps = many(1)

    def and_stop(tickets, update):
        bench.stop.why = "interrupted"
        return accepts(tickets, update)

    bench.tickets.script = [and_stop]
    assert bench.run(*steps).stopped is None


@pytest.mark.parametrize("outcome", [Outcome.STALE, Outcome.REJECTED_BY_SERVER])
def test_a_run_whose_last_step_ends_without_effect_as_it_is_told_to_stop_was_not_stopped(outcome: Outcome) -> None:
    """Nothing was left to do, so nobody is told that a part of the plan was not attempted."""

    def and_stop(*_: object) -> None:
        bench.stop.why = "interrupted"

    bench, steps = many(1, before_read=and_stop if outcome is Outcome.STALE else lambda *_: None)
    if outcome is Outcome.STALE:
        bench.tickets.first_readings = {guid(1): [Gone()]}
    else:
        bench.tickets.script = [lambda *_: and_stop() or Declined("Result 5: no", 5)]  # type: ignore[func-returns-value]
    run = bench.run(*steps)
    assert (outcomes(run), run.stopped) == ([outcome], None)


def test_a_stop_that_is_taken_away_during_the_run_stays_pulled() -> None:
    bench, _ = many(2)
    bench.stop.why = "interrupted"
    context = bench.context()
    assert context.breaker.reason() == "interrupted"
    bench.stop.why = None
    assert context.breaker.reason() == "interrupted"


def test_an_intent_that_can_not_be_written_is_not_sent_and_stops_the_run() -> None:
    bench, steps = many(3, ledger=BreakingLedger(refuses=lambda entry: isinstance(entry, Intent)))
    run = bench.run(*steps)
    assert bench.tickets.updates == []
    assert outcomes(run) == [Outcome.FAILED, Outcome.NOT_ATTEMPTED, Outcome.NOT_ATTEMPTED]
    assert run.receipts[0].detail == "not sent: the ledger can't be written: No space left on device"
    assert run.receipts[0].proof is Proof.NONE
    assert run.stopped == "the ledger can't be written: No space left on device"


@pytest.mark.parametrize("room", range(8))
def test_a_ledger_that_fills_up_anywhere_stops_the_run_and_the_report_is_still_true(room: int) -> None:
    bench, steps = many(3, ledger=BreakingLedger(room=room))
    run = bench.run(*steps)
    done = {receipt.guid for receipt in run.receipts if receipt.outcome is Outcome.APPLIED}
    assert done == set(bench.tickets.taken)
    assert len(run.receipts) == 3
    assert {intent.guid for intent in bench.ledger.intents} >= set(bench.tickets.taken)
    assert (run.stopped is None) == (room >= 7)


def test_a_receipt_that_can_not_be_written_stays_in_the_report_and_stops_the_run() -> None:
    bench, steps = many(2, ledger=BreakingLedger(refuses=lambda entry: isinstance(entry, Receipt)))
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.APPLIED, Outcome.NOT_ATTEMPTED]
    assert run.stopped == "the ledger can't be written: No space left on device"


def test_the_last_receipt_that_can_not_be_written_is_reported_though_all_is_applied() -> None:
    bench, steps = many(1, ledger=BreakingLedger(refuses=lambda entry: isinstance(entry, Receipt)))
    run = bench.run(*steps)
    assert (outcomes(run), run.stopped) == ([Outcome.APPLIED], "the ledger can't be written: No space left on device")


def test_a_run_whose_last_line_can_not_be_written_says_so() -> None:
    bench, steps = many(1, ledger=BreakingLedger(refuses=lambda entry: isinstance(entry, Ended)))
    assert bench.run(*steps).stopped == "the ledger can't be written: No space left on device"


def test_a_bug_in_one_step_costs_no_other_step_its_receipt_and_stops_the_run() -> None:
    def bug(tickets, update):
        tickets.take(update)
        raise KeyError("oops")

    bench, steps = many(3)
    bench.tickets.script = [accepts, bug]
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.APPLIED, Outcome.UNKNOWN, Outcome.NOT_ATTEMPTED]
    assert "a bug in the reconciler (KeyError: 'oops'); read the ticket" in run.receipts[1].detail
    assert run.receipts[1].operation == bench.ledger.intents[1].operation
    assert run.stopped == "a bug in the reconciler (KeyError: 'oops')"
    assert bench.breaker.bug is True


def test_a_bug_before_anything_was_sent_leaves_nothing_unknown(caplog: pytest.LogCaptureFixture) -> None:
    def bug(tickets, number):
        raise KeyError("oops")

    bench, steps = many(2, before_read=bug)
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.NOT_ATTEMPTED] * 2
    assert {receipt.detail for receipt in run.receipts} == {"a bug in the reconciler (KeyError: 'oops')"}
    assert "in bug" in caplog.text, "the log has the place of the fault"


def test_progress_counts_every_step_once() -> None:
    bench, steps = many(5, script=[says(DENIED, effect=False)] * 9)
    bench.run(*steps)
    assert bench.progress == [1] * 5


@dataclass
class RushingClock(FakeClock):
    """A clock on which a second passes whenever somebody looks at it, so that no test waits for a grace."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        self.seconds += 1.0
        return self.seconds


@dataclass
class Hanging:
    """Workers that do not come to an end. Each look at them takes a second; `after` so many something happens."""

    clock: FakeClock
    after: int
    happens: Callable[[], None]
    looked: int = 0

    def acquire(self, timeout: float) -> bool:
        self.clock.sleep(1)
        self.looked += 1
        if self.looked == self.after:
            self.happens()
        assert self.looked < 100, "it waits for ever"
        return False


@pytest.mark.parametrize("told", [False, True])
def test_requests_in_flight_get_their_whole_grace_from_the_stop_on_and_no_more(told: bool) -> None:
    """A signal says itself how long what is under way gets; any other stop leaves it the time of `follow`."""
    bench, _ = many(1)
    context = replace(bench.context(), follow=5.0, deadline=Deadline(bench.clock))

    def stop() -> None:
        bench.stop.why = "interrupted"
        if told:
            context.told_to_end.end_within(20)

    hanging = Hanging(bench.clock, 10, stop)
    engine._wait(1, hanging, context)  # type: ignore[arg-type]
    assert hanging.looked == 10 + (20 if told else 5)


def test_a_request_that_hangs_is_given_up_when_the_run_is_stopped_and_is_unknown() -> None:
    hanging, released, left = threading.Event(), threading.Event(), threading.Event()
    daemons: list[bool] = []

    def hang(tickets, update):
        bench.stop.why = "interrupted"
        daemons.append(threading.current_thread().daemon)
        hanging.set()
        released.wait(10)
        answer = accepts(tickets, update)
        left.set()
        return answer

    bench, steps = many(3, script=[hang], clock=RushingClock())
    run = bench.run(*steps)
    assert hanging.is_set()
    assert daemons == [True], "it does not keep the process alive"
    assert not left.is_set()
    assert outcomes(run) == [Outcome.UNKNOWN, Outcome.NOT_ATTEMPTED, Outcome.NOT_ATTEMPTED]
    told = "interrupted; the request in flight did not come to an end in time"
    assert (run.receipts[0].detail, run.receipts[0].proof) == (told, Proof.NONE)
    assert run.receipts[0].operation == bench.ledger.intents[0].operation
    entries = list(bench.ledger.entries)
    released.set()
    assert left.wait(10)
    join_workers()
    assert bench.ledger.entries == entries, "a worker that was given up writes nothing more"
    assert bench.tickets.updates == bench.tickets.updates[:1]


def test_a_reading_that_hangs_is_given_up_too_and_nothing_can_be_sent_for_it_any_more() -> None:
    released = threading.Event()

    def hang(tickets, number):
        if len(tickets.reads) == 1:
            bench.stop.why = "interrupted"
            released.wait(10)

    bench, steps = many(2, clock=RushingClock(), before_read=hang)
    bench.tickets.first_readings = {guid(1): [Unread("HTTP 503")]}
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.FAILED, Outcome.NOT_ATTEMPTED]
    released.set()
    join_workers()
    assert (bench.tickets.updates, bench.ledger.intents) == ([], [])


def test_a_worker_that_was_given_up_just_before_its_intent_sends_nothing() -> None:
    """Its step is reported as not attempted by then: what it sent would stand in no report."""
    released = threading.Event()

    class Stuck(RushingClock):
        """Holds a worker up between its last look at the stop and its intent."""

        def now(self) -> datetime:
            if threading.current_thread().name.startswith("apply-") and bench.tickets.reads and not released.is_set():
                bench.stop.why = "interrupted"
                released.wait(10)
            return super().now()

    bench, steps = many(1, clock=Stuck())
    run = bench.run(*steps)
    assert outcomes(run) == [Outcome.NOT_ATTEMPTED]
    released.set()
    join_workers()
    assert (bench.tickets.updates, bench.ledger.intents) == ([], [])


def join_workers() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("apply-"):
            thread.join(10)


def test_a_worker_that_comes_back_after_the_end_can_not_send_even_if_the_stop_is_taken_away() -> None:
    bench, _ = many(1)
    context, guard = guarded(bench.context())
    guard.close()
    entry = perform(step(1, object="o1"), NO_HISTORY, context)
    assert (entry.outcome, bench.tickets.updates) == (Outcome.FAILED, [])
    assert entry.detail == "not sent: the run has ended"


def test_one_object_is_never_written_by_two_workers_at_once() -> None:
    busy: dict[str, int] = {}
    clashes: list[str] = []
    met: set[str] = set()
    together = threading.Barrier(3, timeout=10)
    lock = threading.Lock()

    def watched(tickets, update):
        name = tickets.tickets[update.guid].object.casefold()
        with lock:
            busy[name] = busy.get(name, 0) + 1
            if busy[name] > 1:
                clashes.append(name)
            first = name not in met
            met.add(name)
        if first:
            together.wait()
        answer = accepts(tickets, update)
        with lock:
            busy[name] -= 1
        return answer

    numbers = range(1, 31)
    names = {number: ("O" if number % 2 else "o") + str(number % 3) for number in numbers}
    bench = bench_of(*(as_planned(n, object=names[n]) for n in numbers), script=[watched] * 30)
    run = bench.run(*(step(n, object=names[n]) for n in numbers), workers=8)
    assert (clashes, outcomes(run)) == ([], [Outcome.APPLIED] * 30)


def test_different_objects_are_written_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=10)

    def meet(tickets, update):
        together.wait()
        return accepts(tickets, update)

    bench, steps = many(4, script=[meet] * 4)
    assert outcomes(bench.run(*steps, workers=4)) == [Outcome.APPLIED] * 4


def test_a_ticket_that_went_with_its_sibling_is_read_before_it_is_written() -> None:
    def cascade(tickets, update):
        answer = accepts(tickets, update)
        del tickets.tickets[guid(2)]
        return answer

    bench = bench_of(as_planned(1), as_planned(2), script=[cascade])
    assert outcomes(bench.run(step(1), step(2), workers=4)) == [Outcome.APPLIED, Outcome.STALE]


ANSWERS = st.sampled_from(
    [
        Accepted(),
        DENIED,
        Declined("Result 3", 3),
        Declined("expired", systemic=True),
        NotSent("refused"),
        NotSent("refused", systemic=True),
        Lost("reset"),
        FAULT,
        Lost("Result 0", 0),
    ]
)
TURNS = st.builds(lambda answer, effect: (answer, effect), ANSWERS, st.booleans())


@settings(max_examples=300, deadline=None)
@given(
    turns=st.lists(TURNS, max_size=12),
    deletes=st.booleans(),
    room=st.none() | st.integers(0, 20),
    budget=st.none() | st.integers(0, 3),
    unread=st.sets(st.integers(1, 6), max_size=3),
)
def test_whatever_happens_every_step_has_one_true_receipt_and_no_write_lacks_its_intent(
    turns, deletes, room, budget, unread
) -> None:
    bench, steps = many(6, budget=budget, ledger=BreakingLedger(room=room))
    bench.tickets.deletes = frozenset({"Approved"}) if deletes else frozenset()
    bench.tickets.first_readings = {guid(number): [Unread("HTTP 503")] for number in unread}
    bench.tickets.script = [_honest(answer, effect) for answer, effect in turns]
    run = bench.run(*steps)
    assert [receipt.guid for receipt in run.receipts] == [one.guid for one in steps]
    assert sum(run.counts.values()) == 6
    taken = set(bench.tickets.taken)
    assert len(taken) == len(bench.tickets.taken), "no ticket is written with effect twice"
    for receipt in run.receipts:
        match receipt.outcome:
            case Outcome.APPLIED:
                assert receipt.guid in taken
            case Outcome.FAILED | Outcome.NOT_ATTEMPTED | Outcome.REJECTED_BY_SERVER:
                assert receipt.guid not in taken
            case Outcome.STALE:
                assert receipt.guid not in taken or deletes
            case other:
                assert other is Outcome.UNKNOWN
    intended = {intent.guid for intent in bench.ledger.intents}
    assert {update.guid for update in bench.tickets.updates} <= intended
    assert len(bench.ledger.receipts) == len({receipt.guid for receipt in bench.ledger.receipts})


def _honest(answer, effect: bool):
    """A turn that may lie about refusals, as far as a server can: an update that never came has no effect."""
    return says(answer, effect=effect and not isinstance(answer, NotSent) and not getattr(answer, "systemic", False))


def test_the_state_that_was_seen_is_in_the_report() -> None:
    bench, steps = many(1)
    assert bench.run(*steps).receipts[0].seen == APPROVED


def test_a_step_whose_intent_could_not_be_written_was_not_attempted_though_its_worker_was_given_up() -> None:
    """Unknown would send somebody to look at a ticket for which nothing can have left."""
    bench = bench_of(as_planned(1), ledger=BreakingLedger(room=0))
    context, guard = guarded(bench.context())
    intent = announce(step(1), context)
    assert intent is not None
    with pytest.raises(LedgerUnwritable):
        guard.append(intent)
    receipt = ReceiptCollector(context, guard, bench.progress.append).broken_off(step(1), "interrupted", "in flight")
    assert (receipt.outcome, receipt.detail) == (Outcome.NOT_ATTEMPTED, "interrupted")
