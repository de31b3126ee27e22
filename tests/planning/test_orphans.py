"""What the ledger has as scheduled and no manifest names is shown until it can't take effect any more."""

from datetime import timedelta

import pytest

from reconciler.model.decision import NOWHERE, Selection, Source
from reconciler.model.plan import EntryEdit
from reconciler.model.record import NO_HISTORY, TicketHistory
from reconciler.model.status import State, approved
from reconciler.model.ticket import Gone, Hidden, Reading, Unread
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.judge import is_news
from reconciler.planning.orphans import is_of_a_rule, judge_orphan, may_be_armed
from tests.builders import APPROVED, NOW, PENDING, REJECTED, guid, last_write
from tests.planning.catalogue import (
    COMING,
    LATER,
    NO_TIMES,
    OVER,
    SOON,
    TAGGED,
    applied,
    left_open,
    there,
    waiting,
)

WHY = "no manifest names it any more"
AT = "TPP approves it at 2026-11-28T22:00:00Z"
UNTIL = f"{AT}, until 2026-11-29T02:00:00Z"
LAST, DEAD = "20261122T120000Z-000001", "20261123T110000Z-000002"
TAKE_BACK = EntryEdit(wanted=PENDING)


def seen(state: State) -> EntryEdit:
    return EntryEdit(wanted=PENDING, seen=state)


ARMED = [
    ("scheduled by us", there(SOON), applied(SOON), f"{AT}; scheduled by run {LAST}", TAKE_BACK),
    ("in a window", there(COMING), applied(COMING), f"{UNTIL}; scheduled by run {LAST}", TAKE_BACK),
    ("no times told", there(NO_TIMES), applied(COMING), f"{UNTIL}; scheduled by run {LAST}", TAKE_BACK),
    (
        "shown as approved",
        there(APPROVED),
        applied(COMING, seen=APPROVED),
        f"{UNTIL}; scheduled by run {LAST}",
        TAKE_BACK,
    ),
    (
        "died, with our tag, shown as approved",
        there(APPROVED, explanation=TAGGED),
        left_open(COMING),
        f"{UNTIL}; scheduled by run {DEAD}",
        TAKE_BACK,
    ),
    ("died, with its effect", there(COMING), left_open(COMING), f"{UNTIL}; scheduled by run {DEAD}", TAKE_BACK),
    ("recorded", there(SOON), applied(SOON, attested=True), f"{AT}; recorded by run {LAST}", seen(SOON)),
    ("moved in the console", there(SOON), applied(LATER), f"{AT}; it was moved in the console", seen(SOON)),
    ("others are due", there(), waiting(COMING), f"{UNTIL} once the others have approved it too", seen(PENDING)),
    (
        "died, others are due",
        there(explanation=TAGGED),
        left_open(COMING),
        f"{UNTIL} once the others have approved it too",
        seen(PENDING),
    ),
]


@pytest.mark.parametrize(
    ("reading", "history", "told", "edit"), [row[1:] for row in ARMED], ids=[row[0] for row in ARMED]
)
def test_what_is_still_armed_is_shown_with_the_entry_that_would_end_it(reading, history, told, edit) -> None:
    step = judge_orphan(guid(1), reading, history, NOW, take_back=False)
    assert step is not None
    assert (step.reason, step.detail, step.edit) == (Reason.ORPHAN_ARMED, f"{WHY}; {told}", edit)
    assert (step.named, step.after, step.explanation) == (False, PENDING, WHY)


@pytest.mark.parametrize(
    ("reading", "history", "told", "edit"), [row[1:] for row in ARMED], ids=[row[0] for row in ARMED]
)
def test_only_what_is_as_we_left_it_is_taken_back(reading, history, told, edit) -> None:
    step = judge_orphan(guid(1), reading, history, NOW, take_back=True)
    assert step is not None
    assert step.reason is (Reason.REOPEN_ORPHAN if edit == TAKE_BACK else Reason.ORPHAN_ARMED)


@pytest.mark.parametrize(
    ("reading", "history"),
    [
        (there(), applied(COMING)),
        (there(REJECTED), applied(COMING)),
        (there(OVER), applied(OVER)),
        (there(OVER), applied(COMING)),
        (there(NO_TIMES), applied(OVER)),
        (there(), waiting(OVER)),
        (there(), waiting(APPROVED)),
        (there(COMING), left_open(SOON)),
        (there(), NO_HISTORY),
    ],
)
def test_what_can_take_no_effect_any_more_is_not_shown(reading: Reading, history: TicketHistory) -> None:
    assert judge_orphan(guid(1), reading, history, NOW, take_back=True) is None


def test_a_window_is_over_at_its_end() -> None:
    assert COMING.stop is not None
    for early, shown in ((timedelta(microseconds=1), True), (timedelta(0), False)):
        step = judge_orphan(guid(1), there(COMING), applied(COMING), COMING.stop - early, take_back=False)
        assert (step is not None) == shown


@pytest.mark.parametrize(
    ("reading", "history", "reason", "detail"),
    [
        (Hidden(), applied(COMING), Reason.INVISIBLE_DENIED, WHY),
        (Unread("HTTP 500"), applied(COMING), Reason.ERROR_UNREADABLE, f"{WHY}; HTTP 500"),
        (Unread("HTTP 503", passing=True), applied(COMING), Reason.ERROR_UNAVAILABLE, f"{WHY}; HTTP 503"),
    ],
)
def test_what_nobody_can_tell_is_shown_as_it_is(reading, history, reason, detail) -> None:
    step = judge_orphan(guid(1), reading, history, NOW, take_back=True)
    assert step is not None
    assert (step.reason, step.detail, step.named) == (reason, detail, False)


@pytest.mark.parametrize(("minutes", "shown"), [(14, Reason.UNCLEAR_LOST_ANSWER), (20, None)])
def test_an_answer_that_was_lost_is_unclear_as_long_as_the_configured_patience(minutes: int, shown) -> None:
    left = left_open(COMING, at=NOW - timedelta(minutes=minutes))
    step = judge_orphan(guid(1), there(), left, NOW, take_back=True)
    assert (step.reason if step else None) is shown
    step = judge_orphan(guid(1), there(), left, NOW, take_back=True, patience=timedelta(minutes=5))
    assert step is None


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (applied(COMING), Reason.ELSEWHERE_CLOSED),
        (applied(OVER), Reason.SETTLED_RECEIPT),
        (left_open(COMING), Reason.SETTLED_RECEIPT),
    ],
)
def test_what_is_gone_was_carried_out_or_ended_before_its_time_and_that_is_recorded_once(history, reason) -> None:
    step = judge_orphan(guid(1), Gone(), history, NOW, take_back=True)
    assert step is not None
    assert (step.reason, step.detail, step.edit, step.named) == (reason, WHY, None, False)
    assert is_news(step)
    known = judge_orphan(guid(1), Gone(), applied(COMING, gone=True), NOW, take_back=True)
    assert known is not None
    assert not is_news(known)
    assert not is_news(replace(step, named=True, reason=Reason.ELSEWHERE_CLOSED))


PLACE = Source("tickets/old.yaml", 7)


def test_an_orphan_names_the_place_and_the_change_of_the_decision_that_armed_it() -> None:
    for history in (
        applied(SOON, source=PLACE, change="CHG1"),
        left_open(SOON, source=PLACE, change="CHG1"),
        left_open(LATER, SOON, last_write(after=SOON, source=PLACE, change="CHG1"), source=Source("x"), change="CHG2"),
    ):
        step = judge_orphan(guid(1), Hidden(), history, NOW, take_back=True)
        assert step is not None
        assert (step.source, step.change) == (PLACE, "CHG1")
    nobody = judge_orphan(guid(1), Hidden(), NO_HISTORY, NOW, take_back=True)
    assert nobody is not None
    assert (nobody.source, nobody.change) == (NOWHERE, None)


@pytest.mark.parametrize(
    ("history", "may_be"),
    [
        (NO_HISTORY, False),
        (applied(COMING), True),
        (applied(SOON), True),
        (applied(OVER), False),
        (applied(APPROVED), False),
        (applied(COMING, gone=True), False),
        (left_open(COMING), True),
        (left_open(APPROVED), False),
        (left_open(APPROVED, last=last_write(after=COMING)), True),
        (left_open(COMING, last=last_write(after=OVER)), True),
    ],
)
def test_a_ticket_may_be_armed_if_a_schedule_of_ours_is_not_over(history: TicketHistory, may_be: bool) -> None:
    assert may_be_armed(history, NOW) == may_be


RULE = Selection("renewals", approved(), 10, Source("tickets/rules.yaml", 4), "**")


@pytest.mark.parametrize(
    ("history", "of_rule"),
    [
        (NO_HISTORY, False),
        (applied(SOON, rule="renewals"), True),
        (applied(SOON, rule="other", source=Source("tickets/rules.yaml", 4)), False),
        (applied(SOON, source=Source("tickets/rules.yaml", 9)), True),
        (applied(SOON, source=PLACE), False),
        (left_open(SOON, rule="renewals"), True),
        (left_open(SOON, last=last_write(rule="renewals"), source=PLACE), False),
    ],
)
def test_what_a_rule_decided_last_is_told_by_its_name_or_in_old_ledgers_by_its_file(history, of_rule: bool) -> None:
    assert is_of_a_rule(history, (replace(RULE, name="x", source=Source("x")), RULE)) == of_rule
    assert not is_of_a_rule(history, ())
