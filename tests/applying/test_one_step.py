"""The protocol of one step: whatever the server does, what is reported is true and at most one write has effect."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.applying.step import announce
from reconciler.model.change_record import SeenChange
from reconciler.model.decision import OverrideUse, Parameters
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof
from reconciler.model.record import Ended, Intent, TicketHistory
from reconciler.model.review import Provenance, Review
from reconciler.model.status import State, approved, parse_wanted, pending
from reconciler.model.ticket import Accepted, Answer, Declined, Found, Gone, Hidden, Lost, NotSent, Reading, Unread
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.traces import Trace, look
from reconciler.ports import Update
from tests.applying.bench import RUN, BreakingLedger, Tickets, Turn, accepts, as_planned, bench_of, says
from tests.builders import (
    APPROVED,
    NOW,
    OBJECT,
    PENDING,
    REJECTED,
    WORKFLOW,
    after,
    at,
    between,
    guid,
    last_write,
    step,
)

WINDOW = between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")
OTHER_WINDOW = between("2026-12-05T22:00:00Z", "2026-12-06T02:00:00Z")
NO_TIMES = State(WINDOW.status)
OPERATION = "cc5d917e6429"
TAG = f"[op:{OPERATION}]"
THREE = as_planned(1, approvers=("local:a", "local:b"))
AS_THREE = {"approvers": ("local:a", "local:b")}


def scheduled(**changes: Any) -> Step:
    return step(reason=Reason.SCHEDULE_WANTED, after=WINDOW, **changes)


def test_a_write_is_read_compared_written_down_sent_observed_and_written_down() -> None:
    order: list[str] = []
    bench = bench_of(
        as_planned(1),
        before_read=lambda _tickets, _guid: order.append("read"),
        script=[lambda tickets, update: (order.append("send"), accepts(tickets, update))[1]],
        ledger=BreakingLedger(on_append=lambda entry: order.append(type(entry).__name__)),
    )
    run = bench.run(step())
    assert order == ["read", "Intent", "send", "read", "Receipt", "Ended"]
    (receipt,) = run.receipts
    assert (receipt.outcome, receipt.proof, receipt.result) == (Outcome.APPLIED, Proof.CONFIRMED, 1)
    assert (receipt.before, receipt.after, receipt.seen, receipt.gone) == (PENDING, APPROVED, APPROVED, False)
    assert (receipt.operation, receipt.object, receipt.workflow) == (OPERATION, OBJECT, WORKFLOW)
    assert (receipt.source, receipt.verdict) == (step().source, step().verdict)
    assert (run.run, run.target, run.stopped, run.notes) == (RUN, "https://tpp.example.com", None, ())


def test_the_intent_says_everything_that_is_about_to_be_asked() -> None:
    bench = bench_of(as_planned(1))
    bench.run(step())
    assert bench.ledger.intents == [
        Intent(
            decision=step().decision,
            digest=step().digest,
            at=NOW,
            operation=OPERATION,
            before=PENDING,
            object=OBJECT,
            workflow=WORKFLOW,
            updated=as_planned(1).updated,
            explanation=f"reviewed {TAG}",
            attempt=1,
            created=as_planned(1).created,
        )
    ]


def test_the_receipt_in_the_ledger_is_the_one_in_the_report_with_the_decision_behind_it() -> None:
    bench = bench_of(as_planned(1))
    run = bench.run(step())
    assert bench.ledger.entries[1:] == [run.receipts[0], Ended(run.ended_at, run.counts, None)]
    assert (run.receipts[0].decision, run.receipts[0].digest) == (step().decision, step().digest)


def test_exactly_what_was_asked_for_is_sent() -> None:
    parameters = Parameters(reason="r", approvers=("local:a",), object_dn=OBJECT, user_data="u")
    bench = bench_of(as_planned(1), as_planned(2), as_planned(3, state=WINDOW))
    bench.run(
        step(1, explanation=None),
        step(2, reason=Reason.SCHEDULE_WANTED, after=WINDOW, parameters=parameters),
        step(3, reason=Reason.REOPEN_WANTED, before=WINDOW, after=PENDING),
    )
    sent = {update.guid: update for update in bench.tickets.updates}
    tags = {intent.guid: f"[op:{intent.operation}]" for intent in bench.ledger.intents}
    assert sent == {
        guid(1): Update(guid(1), approved(), tags[guid(1)]),
        guid(2): Update(guid(2), parse_wanted(WINDOW), f"reviewed {tags[guid(2)]}", parameters),
        guid(3): Update(guid(3), pending(), f"reviewed {tags[guid(3)]}"),
    }
    assert len(set(tags.values())) == 3


def test_the_explanation_names_change_request_and_commit_when_they_are_known() -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    origin = Provenance("t", "s", commit=commit, review=Review(12, "alice"))
    bench = bench_of(as_planned(1), as_planned(2), origin=origin)
    bench.run(step(1), step(2, explanation=None, change=None))
    first, second = (update.explanation for update in bench.tickets.updates)
    assert first == f"reviewed (CHG0041234, PR #12, commit 0123456) {TAG}"
    assert second is not None
    assert second.startswith("(PR #12, commit 0123456) [op:")


def test_each_explanation_names_the_pull_request_of_its_own_ticket() -> None:
    bench = bench_of(*(as_planned(n) for n in (1, 2, 3)), origin=Provenance("t", "s", review=Review(12, "alice")))
    bench.reviews = {guid(2): Review(13, "bob"), guid(3): None}
    bench.run(*(step(number) for number in (1, 2, 3)))
    said = [(update.explanation or "").partition(" [op:")[0] for update in bench.tickets.updates]
    assert said == ["reviewed (PR #12)", "reviewed (PR #13)", "reviewed"]


def test_an_announced_intent_is_as_the_plan_has_it() -> None:
    """A later run that finds nothing else of this one judges by it which ticket, under which exemption."""
    seen = SeenChange("CHG0041234", NOW, "open")
    use = OverrideUse("freeze", "urgent", NOW, step().source)
    planned = step(change_record=seen, overridden=(use,), created=as_planned(1).created)
    assert announce(planned, bench_of().context()) == Intent(
        decision=planned.decision,
        digest=planned.digest,
        at=NOW,
        operation=OPERATION,
        before=PENDING,
        object=OBJECT,
        workflow=WORKFLOW,
        explanation=f"reviewed {TAG}",
        attempt=0,
        created=as_planned(1).created,
        change_record=seen,
        overrides=(use,),
    )
    assert announce(step(before=None), bench_of().context()) is None


def test_an_announced_intent_is_not_taken_for_done_where_the_server_tells_no_times() -> None:
    """Known from the ledger or from the ticket's object, the times of the plan are none that this reading has."""
    for known_from in ("ledger", "server"):
        moved = step(reason=Reason.RESCHEDULE_WANTED, before=WINDOW, after=OTHER_WINDOW, known_from=known_from)
        ticket = as_planned(1, state=NO_TIMES)
        intent = announce(moved, bench_of(ticket).context())
        assert intent is not None
        assert look(intent, Found(ticket), NOW).trace is Trace.UNCHANGED


STALE: list[tuple[Reading, str]] = [
    (Gone(), "the ticket no longer exists (it did when the plan was made)"),
    (Hidden(), "the server denies us the ticket since the plan was made"),
    (Found(as_planned(1, state=REJECTED)), "it was Pending when the plan was made and is Rejected now"),
    (
        Found(as_planned(1, state=WINDOW)),
        "it was Pending when the plan was made and is "
        "Approved Between 2026-11-28T22:00:00Z to 2026-11-29T02:00:00Z now",
    ),
    (Found(as_planned(1, object="x")), f"its object was {OBJECT!r} when the plan was made and is 'x' now"),
    (Found(as_planned(1, workflow="x")), f"its workflow was {WORKFLOW!r} when the plan was made and is 'x' now"),
    (Found(as_planned(1, reason="x")), "its reason was '' when the plan was made and is 'x' now"),
    (Found(as_planned(1, approvers=("local:a",))), "its approvers have changed since the plan was made"),
]


@pytest.mark.parametrize(("reading", "said"), STALE)
def test_a_ticket_that_moved_since_the_plan_is_not_written(reading: Reading, said: str) -> None:
    bench = bench_of(as_planned(1), first_readings={guid(1): [reading]})
    (receipt,) = bench.run(step()).receipts
    assert (receipt.outcome, receipt.proof, receipt.detail) == (Outcome.STALE, Proof.NONE, said)
    assert receipt.operation is None
    assert bench.tickets.updates == []
    assert bench.ledger.intents == []


def test_a_ticket_that_was_only_touched_is_written() -> None:
    touched = as_planned(
        1,
        updated=NOW,
        object=OBJECT.upper(),
        workflow=WORKFLOW.upper(),
        approvers=("b", "a"),
        explanation="looked at it",
    )
    bench = bench_of(touched)
    (receipt,) = bench.run(step(approvers=("a", "b"))).receipts
    assert receipt.outcome is Outcome.APPLIED
    (intent,) = bench.ledger.intents
    assert (intent.object, intent.workflow, intent.updated) == (OBJECT.upper(), WORKFLOW.upper(), NOW)


def test_a_schedule_known_from_the_ledger_is_compared_by_its_status() -> None:
    known = step(reason=Reason.RESCHEDULE_WANTED, before=WINDOW, after=OTHER_WINDOW, known_from="ledger")
    assert bench_of(as_planned(1, state=NO_TIMES)).run(known).receipts[0].outcome is Outcome.APPLIED
    assert bench_of(as_planned(1, state=PENDING)).run(known).receipts[0].outcome is Outcome.STALE
    told = replace(known, known_from="server")
    assert bench_of(as_planned(1, state=NO_TIMES)).run(told).receipts[0].outcome is Outcome.STALE
    ours = {guid(1): TicketHistory(last_write(after=WINDOW))}
    assert bench_of(as_planned(1, state=NO_TIMES)).run(told, histories=ours).receipts[0].outcome is Outcome.APPLIED


def test_what_was_announced_and_not_sent_is_answered_so_that_no_later_run_looks_for_it() -> None:
    for reading, outcome in ((Gone(), Outcome.STALE), (Unread("HTTP 503"), Outcome.FAILED)):
        bench = bench_of(as_planned(1), first_readings={guid(1): [reading]}, announced=True)
        (receipt,) = bench.run(step()).receipts
        assert (receipt.outcome, receipt.operation) == (outcome, OPERATION)
    stopped = bench_of(as_planned(1), announced=True)
    stopped.stop.why = "interrupted"
    (receipt,) = stopped.run(step()).receipts
    assert (receipt.outcome, receipt.operation) == (Outcome.NOT_ATTEMPTED, OPERATION)


def test_a_change_of_a_ticket_that_the_plan_did_not_see_is_not_sent() -> None:
    bench = bench_of(as_planned(1))
    (receipt,) = bench.run(step(before=None)).receipts
    assert (receipt.outcome, bench.tickets.updates) == (Outcome.STALE, [])
    assert receipt.detail == "it was not there when the plan was made and is Pending now"


def test_a_ticket_that_can_not_be_read_again_is_not_written_and_not_called_stale() -> None:
    bench = bench_of(as_planned(1), first_readings={guid(1): [Unread("HTTP 503")]})
    (receipt,) = bench.run(step()).receipts
    assert (receipt.outcome, receipt.proof, receipt.detail) == (
        Outcome.FAILED,
        Proof.NONE,
        "not sent: the ticket could not be read again: HTTP 503",
    )
    assert bench.tickets.updates == []


def test_a_decision_that_has_expired_since_the_plan_is_not_sent() -> None:
    bench = bench_of(as_planned(1), as_planned(2))
    run = bench.run(
        step(1, valid_until=NOW),
        step(2, reason=Reason.SCHEDULE_WANTED, after=between("2026-11-23T10:00:00Z", "2026-11-23T12:00:00Z")),
    )
    assert [(one.outcome, one.detail) for one in run.receipts] == [
        (Outcome.NOT_ATTEMPTED, "valid_until has passed since the plan was made"),
        (Outcome.NOT_ATTEMPTED, "the window has ended since the plan was made"),
    ]
    assert bench.tickets.updates == []


LOST = Lost("the connection broke")
RUNNING = Lost("no answer in {time}", 7, server_fault=True)
DENIED = Declined("Result 4", 4)
EXPIRED = Declined("the token has expired", systemic=True)
VANISHED = Declined("Result 3", 3)
ALL = frozenset({"Approved", "Approved Between", "Rejected"})
UNREADABLE = {guid(1): [Found(as_planned(1)), Unread("HTTP 503")]}

LATER = "unclear until 2026-11-23T12:15:00Z"
APPLIED, UNKNOWN, REFUSED = Outcome.APPLIED, Outcome.UNKNOWN, Outcome.REJECTED_BY_SERVER
WANTED = "no usable answer came; the ticket was read again as wanted"


def while_others(answer: Answer, **changes: Any) -> Turn:
    """Give this answer without an effect, while somebody else changes the ticket."""

    def turn(tickets: Tickets, update: Update) -> Answer:
        tickets.tickets[update.guid] = replace(tickets.tickets[update.guid], updated=NOW, **changes)
        return answer

    return turn


def without_effect(answer: Answer) -> Turn:
    return says(answer, effect=False)


def done(answer: Answer) -> Turn:
    return says(answer, effect=True)


ANSWERS: list[tuple[str, Turn, dict[str, Any], tuple[Outcome, Proof, int | None, str]]] = [
    # name, what the server does, how it behaves; outcome, proof, Result, detail
    ("accepted", accepts, {}, (APPLIED, Proof.CONFIRMED, 1, "")),
    ("accepted and gone", accepts, {"deletes": ALL}, (APPLIED, Proof.ACCEPTED, 1, "accepted, and the ticket is gone")),
    (
        "accepted without effect",
        without_effect(Accepted()),
        {},
        (UNKNOWN, Proof.NONE, 1, f"the server said Success, but nothing has changed; {LATER}"),
    ),
    ("declined", without_effect(DENIED), {}, (REFUSED, Proof.UNCHANGED, 4, "Result 4")),
    (
        "declined, yet done",
        done(DENIED),
        {},
        (APPLIED, Proof.TAGGED, 4, "the server refused (Result 4), but the ticket carries our tag"),
    ),
    (
        "declined, and done by others",
        while_others(DENIED, state=APPROVED),
        {},
        (REFUSED, Proof.NONE, 4, "Result 4; afterwards: it has the wanted status"),
    ),
    (
        "declined for good, and something else done by others",
        while_others(EXPIRED, state=REJECTED),
        {},
        (REFUSED, Proof.NONE, None, "the token has expired; afterwards: something else has changed"),
    ),
    ("declined, yet gone", done(DENIED), {"deletes": ALL}, (UNKNOWN, Proof.NONE, 4, "Result 4; the ticket is gone")),
    (
        "gone before it came",
        done(VANISHED),
        {"deletes": ALL},
        (Outcome.STALE, Proof.NONE, 3, "Result 3; the ticket is gone"),
    ),
    (
        "declined, and not read again",
        without_effect(DENIED),
        {"first_readings": UNREADABLE},
        (REFUSED, Proof.NONE, 4, "Result 4; afterwards: HTTP 503"),
    ),
    (
        "declined for good, and not read again",
        without_effect(EXPIRED),
        {"first_readings": UNREADABLE},
        (REFUSED, Proof.NONE, None, "the token has expired"),
    ),
    ("not sent, and then it is", without_effect(NotSent("refused")), {}, (APPLIED, Proof.CONFIRMED, 1, "")),
    ("lost and done", done(LOST), {}, (APPLIED, Proof.TAGGED, None, WANTED)),
    (
        "lost and gone",
        done(LOST),
        {"deletes": ALL},
        (APPLIED, Proof.INFERRED, None, "no usable answer came; the ticket is gone"),
    ),
    (
        "lost, unchanged",
        without_effect(LOST),
        {},
        (UNKNOWN, Proof.NONE, None, f"the connection broke; nothing has changed; {LATER}"),
    ),
    ("lost in progress, done", done(RUNNING), {}, (APPLIED, Proof.TAGGED, 7, WANTED)),
    (
        "lost in progress, unchanged",
        without_effect(RUNNING),
        {},
        (UNKNOWN, Proof.NONE, 7, f"no answer in {{time}}; nothing has changed; {LATER}"),
    ),
]


@pytest.mark.parametrize(("name", "turn", "server", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_every_answer_is_checked_against_the_ticket(name, turn, server, expected) -> None:
    behaves = server | {"first_readings": {key: list(each) for key, each in server.get("first_readings", {}).items()}}
    bench = bench_of(as_planned(1), script=[turn], **behaves)
    (receipt,) = bench.run(step()).receipts
    assert (receipt.outcome, receipt.proof, receipt.result, receipt.detail) == expected
    assert len(bench.tickets.updates) == (2 if name.startswith("not sent") else 1)
    assert len(bench.tickets.taken) <= 1
    assert bench.ledger.receipts == [receipt]
    assert (receipt.operation, receipt.before) == (OPERATION, PENDING)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Accepted(), "accepted; other approvers are still due"),
        (LOST, "no usable answer came; the ticket carries our tag"),
        (RUNNING, "no usable answer came; the ticket carries our tag"),
        (DENIED, "the server refused (Result 4), but the ticket carries our tag"),
    ],
)
def test_a_ticket_that_stays_pending_with_our_tag_waits_for_others(answer: Answer, expected: str) -> None:
    bench = bench_of(THREE, others_due=frozenset({guid(1)}), script=[says(answer, effect=True)])
    (receipt,) = bench.run(step(**AS_THREE)).receipts
    assert (receipt.outcome, receipt.proof, receipt.detail) == (Outcome.AWAITING_OTHERS, Proof.TAGGED, expected)
    assert (receipt.seen, len(bench.tickets.updates)) == (PENDING, 1)


def test_success_alone_is_no_evidence() -> None:
    for ticket, planned in ((THREE, AS_THREE), (as_planned(1), {})):
        (receipt,) = bench_of(ticket, script=[says(Accepted(), effect=False)]).run(step(**planned)).receipts
        assert (receipt.outcome, receipt.proof) == (Outcome.UNKNOWN, Proof.NONE)
        assert receipt.detail == "the server said Success, but nothing has changed; unclear until 2026-11-23T12:15:00Z"


def test_success_waits_for_others_where_the_time_of_update_has_moved_and_others_are_due() -> None:
    def counted(tickets, update) -> Answer:
        tickets.tickets[guid(1)] = replace(tickets.tickets[guid(1)], updated=NOW)
        return Accepted()

    (several,) = bench_of(THREE, script=[counted]).run(step(**AS_THREE)).receipts
    assert (several.outcome, several.proof) == (Outcome.AWAITING_OTHERS, Proof.ACCEPTED)
    assert several.detail == "accepted, and the server's time of update has moved; other approvers are still due"
    for approvers in ((), ("local:a",)):
        sole = as_planned(1, approvers=approvers)
        (alone,) = bench_of(sole, script=[counted]).run(step(approvers=approvers)).receipts
        assert alone.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("where", ["explanation", "reason"])
def test_our_tag_is_evidence_wherever_the_server_shows_it(where: str) -> None:
    def counted(tickets, update) -> Answer:
        tickets.tickets[guid(1)] = replace(tickets.tickets[guid(1)], updated=NOW, **{where: update.explanation})
        return LOST

    (receipt,) = bench_of(THREE, script=[counted]).run(step(**AS_THREE)).receipts
    assert (receipt.outcome, receipt.proof) == (Outcome.AWAITING_OTHERS, Proof.TAGGED)


@pytest.mark.parametrize("where", ["explanation", "reason"])
def test_a_ticket_with_a_tag_that_this_ledger_does_not_know_is_never_written_over(where: str) -> None:
    there = as_planned(1, **{where: "seen [op:00000000f00d]"})
    bench = bench_of(there)
    planned = {"approval_reason": there.reason}
    (receipt,) = bench.run(step(**planned)).receipts
    assert (receipt.outcome, bench.tickets.updates) == (Outcome.STALE, [])
    assert receipt.detail == (
        "it carries the tag of an operation that this ledger does not know: another ledger's run was here"
    )
    known = TicketHistory(operations=frozenset({"00000000f00d"}))
    (receipt,) = bench_of(there).run(step(**planned), histories={guid(1): known}).receipts
    assert receipt.outcome is Outcome.APPLIED


def test_a_write_that_takes_its_time_to_show_is_waited_for() -> None:
    late = as_planned(1)
    bench = bench_of(late, first_readings={guid(1): [Found(late)] * 4})
    (receipt,) = bench.run(step()).receipts
    assert receipt.outcome is Outcome.APPLIED
    assert bench.clock.slept == [0.05, 0.1, 0.2]


def test_waiting_for_a_write_to_show_ends_with_the_settle_budget_counted_from_the_answer() -> None:
    bench = bench_of(as_planned(1), settle=5.0)

    def slow(tickets, update) -> Answer:
        bench.clock.sleep(20)
        return RUNNING

    bench.tickets.script = [slow]
    (receipt,) = bench.run(step()).receipts
    assert receipt.outcome is Outcome.UNKNOWN
    assert bench.clock.now() == NOW + timedelta(seconds=25)


def test_a_ticket_that_can_not_be_read_after_the_write_leaves_its_outcome_unknown() -> None:
    for answer in (Accepted(), LOST):
        readings = [Found(as_planned(1))] + [Unread("HTTP 503")] * 99
        bench = bench_of(as_planned(1), script=[says(answer, effect=True)], first_readings={guid(1): readings})
        (receipt,) = bench.run(step()).receipts
        assert receipt.outcome is Outcome.UNKNOWN
        assert "HTTP 503" in receipt.detail


def test_a_ticket_denied_after_a_lost_answer_is_unknown() -> None:
    readings = [Found(as_planned(1))] + [Hidden()] * 99
    bench = bench_of(as_planned(1), script=[says(LOST, effect=True)], first_readings={guid(1): readings})
    (receipt,) = bench.run(step()).receipts
    assert (receipt.outcome, receipt.detail) == (
        Outcome.UNKNOWN,
        "the connection broke; the server denies us the ticket; unclear until 2026-11-23T12:15:00Z",
    )


def test_what_changed_otherwise_after_a_lost_answer_is_unknown_and_not_sent_again() -> None:
    rejected = as_planned(1, state=REJECTED, updated=NOW)

    def others(tickets, update) -> Answer:
        tickets.tickets[guid(1)] = rejected
        return LOST

    bench = bench_of(as_planned(1), script=[others])
    (receipt,) = bench.run(step()).receipts
    assert (receipt.outcome, receipt.seen) == (Outcome.UNKNOWN, REJECTED)
    assert len(bench.tickets.updates) == 1


def test_what_others_did_right_after_ours_does_not_hide_that_ours_was_taken() -> None:
    for answer, detail in (
        (Accepted(), "accepted, and changed again since by somebody else"),
        (LOST, "no usable answer came; the ticket carries our tag"),
    ):

        def others(tickets, update, answer=answer) -> Answer:
            tickets.take(update)
            tickets.tickets[guid(1)] = replace(tickets.tickets[guid(1)], state=REJECTED)
            return answer

        (receipt,) = bench_of(as_planned(1), script=[others]).run(step()).receipts
        assert (receipt.outcome, receipt.proof, receipt.seen) == (Outcome.APPLIED, Proof.TAGGED, REJECTED)
        assert receipt.detail == detail


def test_a_lost_update_is_not_sent_again_and_its_receipt_says_when_it_was_lost() -> None:
    bench = bench_of(as_planned(1), script=[says(LOST, effect=False)] * 5)
    (receipt,) = bench.run(step()).receipts
    assert (receipt.outcome, receipt.proof, receipt.at) == (Outcome.UNKNOWN, Proof.NONE, NOW)
    assert receipt.detail == "the connection broke; nothing has changed; unclear until 2026-11-23T12:15:00Z"
    assert len(bench.tickets.updates) == 1


def test_an_old_server_that_tells_no_times_confirms_a_schedule_by_its_status() -> None:
    bench = bench_of(as_planned(1), script=[_without_times(Accepted())])
    (receipt,) = bench.run(scheduled()).receipts
    assert (receipt.outcome, receipt.proof, receipt.seen) == (Outcome.APPLIED, Proof.CONFIRMED, NO_TIMES)


def _without_times(answer: Answer, *, effect: bool = True):
    def turn(tickets, update) -> Answer:
        if effect:
            tickets.take(update)
            tickets.tickets[guid(1)] = replace(tickets.tickets[guid(1)], state=NO_TIMES)
        return answer

    return turn


def test_on_an_old_server_a_lost_move_of_a_window_is_not_taken_for_done_because_of_its_status() -> None:
    move = step(reason=Reason.RESCHEDULE_WANTED, before=WINDOW, after=OTHER_WINDOW, known_from="ledger")
    lost = bench_of(as_planned(1, state=NO_TIMES), script=[_without_times(LOST, effect=False)])
    assert lost.run(move).receipts[0].outcome is Outcome.UNKNOWN
    done = bench_of(as_planned(1, state=NO_TIMES), script=[_without_times(LOST)])
    (receipt,) = done.run(move).receipts
    assert (receipt.outcome, receipt.proof, len(done.tickets.updates)) == (Outcome.APPLIED, Proof.TAGGED, 1)


def test_a_server_that_shows_a_schedule_as_approved_confirms_it() -> None:
    def plain(tickets, update) -> Answer:
        tickets.take(update)
        tickets.tickets[guid(1)] = replace(tickets.tickets[guid(1)], state=APPROVED)
        return Accepted()

    (receipt,) = bench_of(as_planned(1), script=[plain]).run(scheduled()).receipts
    assert (receipt.outcome, receipt.proof, receipt.seen) == (Outcome.APPLIED, Proof.CONFIRMED, APPROVED)


def _gone(answer: Answer):
    def turn(tickets, update) -> Answer:
        del tickets.tickets[update.guid]
        return answer

    return turn


def test_a_ticket_that_vanishes_does_not_prove_an_update_that_can_not_have_led_there() -> None:
    early = bench_of(as_planned(1), script=[_gone(LOST)]).run(scheduled()).receipts[0]
    assert (early.outcome, early.gone) == (Outcome.STALE, True)
    reopen = step(reason=Reason.REOPEN_WANTED, before=WINDOW, after=PENDING)
    taken_back = bench_of(as_planned(1, state=WINDOW), script=[_gone(LOST)]).run(reopen).receipts[0]
    assert (taken_back.outcome, taken_back.gone) == (Outcome.STALE, True)


def test_a_rejection_of_what_was_due_anyway_is_unknown_when_the_ticket_vanishes() -> None:
    due = after("2026-11-23T12:01:00Z")
    reject = step(reason=Reason.REJECT_WANTED, before=due, after=REJECTED)
    receipt = bench_of(as_planned(1, state=due), script=[_gone(LOST)]).run(reject).receipts[0]
    assert (receipt.outcome, receipt.gone) == (Outcome.UNKNOWN, True)
    assert receipt.detail == "the connection broke; it is gone, as it would be without the update"


def test_a_schedule_that_is_due_by_any_clock_is_inferred_from_the_ticket_being_gone() -> None:
    soon = step(reason=Reason.SCHEDULE_WANTED, after=after("2026-11-23T12:04:00Z"))
    receipt = bench_of(as_planned(1), script=[_gone(LOST)]).run(soon).receipts[0]
    assert (receipt.outcome, receipt.proof) == (Outcome.APPLIED, Proof.INFERRED)
    assert at("2026-11-23T12:04:00Z") > NOW


def test_an_update_that_no_connection_took_goes_out_once_the_server_can_be_read_again() -> None:
    bench = bench_of(as_planned(1), script=[says(NotSent("refused", systemic=True), effect=False)])
    (receipt,) = bench.run(step()).receipts
    assert (receipt.outcome, len(bench.tickets.updates), len(bench.ledger.intents)) == (Outcome.APPLIED, 2, 1)


def test_it_goes_out_also_where_the_ticket_has_a_tag_that_this_ledger_knows() -> None:
    known = TicketHistory(operations=frozenset({"00000000f00d"}))
    there = as_planned(1, explanation="seen [op:00000000f00d]")
    bench = bench_of(there, script=[says(NotSent("refused", systemic=True), effect=False)])
    (receipt,) = bench.run(step(), histories={guid(1): known}).receipts
    assert (receipt.outcome, len(bench.tickets.updates)) == (Outcome.APPLIED, 2)


def test_an_update_that_no_connection_took_does_not_go_out_after_somebody_moved_the_ticket_or_the_run_was_stopped() -> (
    None
):
    bench = bench_of(as_planned(1))

    def moved(tickets, update) -> Answer:
        tickets.tickets[guid(1)] = as_planned(1, state=REJECTED)
        return NotSent("refused", systemic=True)

    bench.tickets.script = [moved]
    (receipt,) = bench.run(step()).receipts
    assert (receipt.outcome, receipt.proof, receipt.detail) == (Outcome.FAILED, Proof.NONE, "not sent: refused")
    assert receipt.operation == OPERATION, "without it the intent would stay open"
    stopped = bench_of(as_planned(1))

    def interrupted(tickets, update) -> Answer:
        stopped.stop.why = "interrupted"
        return NotSent("refused", systemic=True)

    stopped.tickets.script = [interrupted]
    assert stopped.run(step()).receipts[0].outcome is Outcome.FAILED
    assert (len(bench.tickets.updates), len(stopped.tickets.updates)) == (1, 1)
