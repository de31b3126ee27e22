"""Whatever server and ledger say together: a write follows only when nobody but us or TPP can have moved the ticket."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.receipt import Outcome, Proof
from reconciler.model.record import LastWrite, OpenIntent, TicketHistory
from reconciler.model.status import State, Status, format_instant, parse_wanted
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Reading, Unread
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.planning.digest import decision_digest
from reconciler.planning.facts import PATIENCE, gather, is_early
from reconciler.planning.judge import judge, judge_closed, needs_reading
from reconciler.planning.traces import CLOCKS_DIFFER
from tests.builders import APPROVED, NOW, OBJECT, PENDING, REJECTED, WORKFLOW, after, decision, last_write, live
from tests.ledger.ledgers import intent
from tests.planning.catalogue import (
    COMING,
    DUE,
    LATER,
    NO_START,
    NO_TIMES,
    OVER,
    RUNNING,
    SEEN_BEFORE,
    SOON,
    TAG,
    TAGGED,
    THIS_INSTANT,
    TYPO,
    applied,
    inferred,
    left_open,
    saw,
    there,
    waiting,
)

WANTED = st.sampled_from([PENDING, APPROVED, REJECTED, SOON, DUE, COMING, LATER, RUNNING, OVER])
STATES = st.one_of(WANTED, st.sampled_from([NO_TIMES, NO_START, State("Approved Before"), State("")]))
READINGS = st.one_of(
    st.builds(
        there,
        STATES,
        explanation=st.sampled_from(["", TAGGED]),
        updated=st.sampled_from([None, SEEN_BEFORE, NOW]),
    ),
    st.sampled_from([Gone(), Hidden(), Unread("HTTP 503")]),
)
SINGLE = st.one_of(
    st.just(TicketHistory()),
    WANTED.map(applied),
    WANTED.map(waiting),
    WANTED.map(inferred),
    st.builds(applied, WANTED, seen=STATES),
)


@st.composite
def histories(draw: st.DrawFn) -> TicketHistory:
    settled = draw(SINGLE)
    if draw(st.booleans()):
        return settled
    opened = left_open(draw(WANTED), draw(STATES), updated=draw(st.sampled_from([None, SEEN_BEFORE])))
    return replace(opened, last=settled.last)


DECISIONS = st.builds(
    lambda state, extra: decision(wanted=parse_wanted(state), **extra),
    WANTED,
    st.sampled_from([{}, {}, TYPO, THIS_INSTANT]),
)


@settings(max_examples=1500)
@given(DECISIONS, READINGS, histories())
def test_a_write_follows_only_when_nobody_but_us_or_tpp_can_have_moved_the_ticket(decided, reading, history):
    step = judge(decided, reading, history, NOW)
    if step.group is not Group.CHANGE:
        return
    assert isinstance(reading, Found)
    ticket = reading.ticket
    assert ticket.state.status in set(Status)
    assert ticket.state != step.after == decided.wanted
    assert decided.valid_until is None or decided.valid_until > NOW
    assert step.after.schedule is None or step.after.schedule.stop is None or step.after.schedule.stop > NOW
    assert decided.expect.object in (None, ticket.object)
    assert untouched(ticket, history)


def untouched(ticket: LiveTicket, history: TicketHistory) -> bool:
    """Whether the state of a ticket follows from what we did to it, or is that of a ticket nobody has touched."""
    if history.open is not None:
        intent = history.open.intent
        if "[op:" in ticket.explanation:
            return ticket.state in (PENDING, intent.after) or ticket.state.status in (
                intent.after.status,
                Status.APPROVED,
            )
        if ticket.state == intent.after or (
            ticket.state.status == intent.after.status and ticket.state.schedule is None
        ):
            return True
        untold = ticket.state.schedule is None or intent.before.schedule is None
        same = ticket.state == intent.before or (untold and ticket.state.status == intent.before.status)
        if not same or ticket.updated != intent.updated:
            return False
    last = history.last
    if last is None:
        return ticket.state == PENDING
    shown = ticket.state.status == last.after.status and ticket.state.schedule in (None, last.after.schedule)
    plain = last.after.schedule is not None and ticket.state == APPROVED == last.seen
    return shown or plain or ticket.state == PENDING


@settings(max_examples=500)
@given(DECISIONS, histories())
def test_what_is_gone_is_settled_only_if_the_ledger_knows_that_we_wanted_just_that(decided, history):
    step = judge(decided, Gone(), history, NOW)
    assert step.group is not Group.CHANGE
    known = [history.last.after] if history.last else []
    known += [history.open.intent.after] if history.open else []
    if step.verdict is Verdict.SETTLED:
        assert step.after in known
    if step.verdict is Verdict.MISSING:
        assert all(state == PENDING for state in known) or history.open is not None


@settings(max_examples=300)
@given(DECISIONS, READINGS, histories())
def test_what_is_as_wanted_is_never_a_conflict(decided, reading: Reading, history):
    if not isinstance(reading, Found) or reading.ticket.state != decided.wanted or decided.expect.object:
        return
    step = judge(decided, reading, history, NOW)
    if step.reason in (Reason.CONFLICT_UNKNOWN_OPERATION, Reason.UNCLEAR_LOST_ANSWER):
        return
    assert step.verdict in (Verdict.IN_SYNC, Verdict.MISSED, Verdict.EXPIRED) or decided.wanted == parse_wanted(PENDING)


def test_a_ticket_seen_to_be_gone_is_never_read_again() -> None:
    assert not needs_reading(TicketHistory(last=last_write(gone=True)))
    assert needs_reading(TicketHistory(last=last_write()))
    assert needs_reading(TicketHistory())
    assert needs_reading(replace(left_open(APPROVED), last=last_write(gone=True)))


def test_a_ticket_that_was_gone_is_read_again_for_a_new_decision_that_says_what_was_seen() -> None:
    """It was restored, says its reviewer. Once this very decision was applied, the ticket is gone for good again."""
    new = decision(**saw(PENDING))
    assert needs_reading(TicketHistory(last=last_write(gone=True)), new)
    assert not needs_reading(TicketHistory(last=last_write(gone=True)), decision())
    assert not needs_reading(TicketHistory(last=last_write(gone=True, digest=decision_digest(new))), new)


def test_a_ticket_that_only_our_update_explains_to_be_gone_is_looked_for_again() -> None:
    assert needs_reading(inferred(APPROVED))


@pytest.mark.parametrize("state", [APPROVED, COMING])
def test_a_closed_ticket_is_judged_as_gone_without_a_reading(state: State) -> None:
    history = TicketHistory(last=last_write(after=state, gone=True))
    wanted = decision(wanted=state, valid_until=NOW)
    assert judge_closed(wanted, history, NOW) == judge(wanted, Gone(), history, NOW)


def test_a_step_holds_what_its_reviewers_saw_of_the_ticket() -> None:
    ticket = live(1, object=r"\VED\Policy\Db", workflow="w", approvers=("local:a",), reason="Stage 0")
    found = judge(decision(), Found(ticket), TicketHistory(), NOW)
    assert (found.object, found.workflow, found.approvers) == (ticket.object, ticket.workflow, ticket.approvers)
    assert (found.approval_reason, found.created) == (ticket.reason, ticket.created)
    assert (found.decision, found.digest) == (decision(), decision_digest(decision()))
    gone = judge(decision(**saw(PENDING)), Gone(), TicketHistory(), NOW)
    assert (gone.object, gone.workflow, gone.approvers) == (OBJECT, WORKFLOW, ())
    assert (gone.approval_reason, gone.created) == ("", None)
    untold = judge(decision(), Gone(), TicketHistory(), NOW)
    assert (untold.object, untold.workflow) == ("", "")


def test_an_intent_that_the_ticket_proves_counts_like_the_receipt_that_its_run_did_not_live_to_write() -> None:
    left = left_open(COMING).open
    assert left is not None
    known = gather(decision(wanted=COMING), there(COMING), left_open(COMING), NOW)
    assert known.last == LastWrite(
        decision=left.intent.decision,
        digest=left.intent.digest,
        outcome=Outcome.APPLIED,
        proof=Proof.OBSERVED,
        at=left.intent.at,
        run=left.run,
        operation=TAG,
        seen=COMING,
    )


def test_the_times_an_old_server_does_not_tell_are_shown_as_the_ledger_knows_them() -> None:
    step = judge(decision(wanted=parse_wanted(LATER)), there(NO_TIMES), applied(COMING), NOW)
    assert (step.before, step.after, step.known_from) == (COMING, LATER, "ledger")


def test_times_that_belong_to_another_status_are_not_taken_from_the_ledger() -> None:
    step = judge(decision(wanted=parse_wanted(COMING)), there(NO_START), applied(COMING), NOW)
    assert (step.before, step.known_from) == (NO_START, "server")


@pytest.mark.parametrize(("early", "verdict"), [(1, Verdict.UNCLEAR), (0, Verdict.APPROVE)])
def test_patience_ends_at_the_instant_that_was_told(early: int, verdict: Verdict) -> None:
    """A plan says "unclear until hh:mm": from then on, and not a moment before, it may propose the update again."""
    ticket = live(1)
    sent = intent(1, before=ticket.state, updated=ticket.updated, created=ticket.created)
    history = TicketHistory(None, OpenIntent(sent, "r", lost_at=NOW), frozenset({sent.operation}))
    now = NOW + PATIENCE - timedelta(microseconds=early)
    assert judge(decision(1), Found(ticket), history, now).verdict is verdict
    sooner = NOW + timedelta(minutes=1) - timedelta(microseconds=early)
    assert judge(decision(1), Found(ticket), history, sooner, timedelta(minutes=1)).verdict is verdict


@pytest.mark.parametrize(("early", "gone_early"), [(0, False), (1, True)])
def test_a_ticket_is_gone_early_only_when_no_difference_of_clocks_explains_it(early: int, gone_early: bool) -> None:
    """TPP carries a schedule out by its own clock: what it did five minutes early by ours was still in order."""
    start = NOW + CLOCKS_DIFFER + timedelta(microseconds=early)
    assert is_early(last_write(after=after(format_instant(start))), NOW) == gone_early


FIRST_MOMENT = State(Status.APPROVED_BETWEEN, NOW, NOW + timedelta(hours=1))
LAST_MOMENT = State(Status.APPROVED_BETWEEN, NOW - timedelta(hours=1), NOW)


@pytest.mark.parametrize("state", [FIRST_MOMENT, after(format_instant(NOW))])
def test_a_schedule_is_carried_out_from_its_first_moment_on(state: State) -> None:
    """A moment earlier somebody else must have approved the ticket at once."""
    said = judge(decision(wanted=state), there(APPROVED), applied(state), NOW)
    before = judge(decision(wanted=state), there(APPROVED), applied(state), NOW - timedelta(microseconds=1))
    assert (said.reason, before.reason) == (Reason.IN_SYNC_PROCESSING, Reason.CONFLICT_CONSOLE)


@pytest.mark.parametrize(
    ("known", "reading", "open_until", "over"),
    [
        (TicketHistory(), there(), Reason.SCHEDULE_WANTED, Reason.EXPIRED_WINDOW),
        (applied(LAST_MOMENT), there(LAST_MOMENT), Reason.IN_SYNC_SAME, Reason.MISSED_WINDOW),
    ],
    ids=["not sent", "sent"],
)
def test_a_window_is_over_at_its_end(known: TicketHistory, reading: Reading, open_until: Reason, over: Reason) -> None:
    """Sent at its end it would be lost: the server has closed it by then."""
    wanted = decision(wanted=LAST_MOMENT)
    before = judge(wanted, reading, known, NOW - timedelta(microseconds=1))
    assert (before.reason, judge(wanted, reading, known, NOW).reason) == (open_until, over)
