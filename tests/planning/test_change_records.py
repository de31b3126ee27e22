"""The record that a decision names has to be there, allow the work, and hold its window."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.change_record import ChangeRecord, LookupFailure, NoChangeRecord, SeenChange
from reconciler.model.policy import ChangeRule, WindowRule
from reconciler.model.review import AppliedBefore, Assessment, NotReviewed, NotYetReviewed, Review
from reconciler.model.status import State, Status
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.change_records import moved, remember, reviewed_by_requester_alone, rule_for, seen, why_not
from tests.builders import APPROVED, NOW, OBJECT, altered, step

OPENS, CLOSES = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
SECOND = timedelta(seconds=1)
RULE = ChangeRule()
RECORD = ChangeRecord("CHG0041234", NOW, "scheduled", "approved", "normal", OPENS, CLOSES, title="Web tier")
AWAY = NoChangeRecord("CHG0041234", LookupFailure.UNAVAILABLE, "HTTP 503")
ABSENT = NoChangeRecord("CHG0041234", LookupFailure.NOT_FOUND, "no such record", "look for typing errors")
URGENT = replace(RECORD, type="emergency", state="implement")


def rule(**changes: Any) -> ChangeRule:
    return replace(RULE, **changes)


def record(**changes: Any) -> ChangeRecord:
    return replace(RECORD, **changes)


def window(start, stop) -> State:
    return State(Status.APPROVED_BETWEEN, start, stop)


OUTSIDE = "CHG0041234 is planned for 2026-11-23T11:00:00Z to 2026-11-23T13:00:00Z; move one of them"
FITTING = [
    # the rule, the record, why it does not allow an approval at once
    (RULE, RECORD, None),
    (RULE, None, "unavailable: CHG0041234 was not looked up; plan again"),
    (RULE, AWAY, "unavailable: CHG0041234 could not be checked: HTTP 503"),
    (RULE, replace(AWAY, hint="wait"), "unavailable: CHG0041234 could not be checked: HTTP 503; wait"),
    (rule(refuse_when_unavailable=False), AWAY, None),
    (rule(refuse_when_unavailable=False), ABSENT, "not-found: CHG0041234: no such record; look for typing errors"),
    (RULE, record(closed=True), "closed: CHG0041234 is scheduled; name a record that is open"),
    (RULE, record(closed=True, state=""), "closed: CHG0041234 is closed; name a record that is open"),
    (RULE, record(on_hold=True), "on-hold: CHG0041234 is on hold; have it released"),
    (RULE, record(allowed=False), "not-approved: CHG0041234: the service says no"),
    (RULE, record(allowed=False, reason="no slot"), "not-approved: CHG0041234: no slot"),
    (RULE, record(allowed=True), None),
    (RULE, record(allowed=True, state=""), None),
    (
        RULE,
        record(state=""),
        "not-approved: CHG0041234 has state nothing, the policy asks for scheduled or implement; bring it there, or "
        "name another record",
    ),
    (
        RULE,
        record(state="new", allowed=True),
        "not-approved: CHG0041234 has state new, the policy asks for scheduled or implement; bring it there, or name "
        "another record",
    ),
    (
        rule(type=("standard",)),
        RECORD,
        "not-approved: CHG0041234 has type normal, the policy asks for standard; bring it there, or name another "
        "record",
    ),
    (
        rule(approval=("accepted",)),
        RECORD,
        "not-approved: CHG0041234 has approval approved, the policy asks for accepted; bring it there, or name another "
        "record",
    ),
    (rule(type=("normal",), approval=("approved",)), RECORD, None),
    (
        rule(affected=True),
        record(affected=("", r"\VED\Policy\Web\other", "www.example")),
        f"not-approved: CHG0041234 does not name {OBJECT} among its affected items; add it there",
    ),
    (rule(affected=True), record(affected=("x", OBJECT.upper())), None),
    (rule(affected=True), record(affected=("WWW.example.com",)), None),
    (rule(emergency=rule(state=("implement",))), URGENT, None),
    (rule(emergency=rule(state=("scheduled",))), RECORD, None),
    (
        rule(emergency=rule(state=("authorized",))),
        URGENT,
        "not-approved: CHG0041234 has state implement, the policy asks for authorized; bring it there, or name another "
        "record",
    ),
    (rule(window=WindowRule.IGNORE), record(start=None, stop=None), None),
    (RULE, record(start=None), "outside-window: CHG0041234 has no planned window; have it planned"),
    (RULE, record(stop=None), "outside-window: CHG0041234 has no planned window; have it planned"),
]


@pytest.mark.parametrize(("asked", "found", "why"), FITTING)
def test_a_record_allows_an_approval_or_says_why_not_and_what_to_do(asked, found, why) -> None:
    assert why_not(asked, step(), found, NOW) == why


def test_a_decision_that_needs_a_record_has_to_name_one() -> None:
    said = "not-found: the decision names no change record; add `change` to the entry"
    assert why_not(RULE, step(change=None), RECORD, NOW) == said


WINDOWS = [
    # what is wanted, whether it lies inside the planned window, whether it touches it, as it is told
    (APPROVED, True, True, ""),
    (window(OPENS, CLOSES), True, True, ""),
    (window(NOW - 2 * SECOND, NOW), True, True, ""),
    (window(OPENS - SECOND, CLOSES), True, True, ""),
    (window(NOW, CLOSES + SECOND), False, True, "2026-11-23T12:00:00Z to 2026-11-23T13:00:01Z"),
    (window(CLOSES, CLOSES + SECOND), False, True, "2026-11-23T13:00:00Z to 2026-11-23T13:00:01Z"),
    (window(CLOSES + SECOND, CLOSES + 2 * SECOND), False, False, "2026-11-23T13:00:01Z to 2026-11-23T13:00:02Z"),
    (State(Status.APPROVED_AFTER, CLOSES), True, True, ""),
    (State(Status.APPROVED_AFTER, CLOSES + SECOND), False, False, "2026-11-23T13:00:01Z"),
]


@pytest.mark.parametrize(("wanted", "inside", "touching", "told"), WINDOWS)
def test_the_time_of_an_approval_has_to_lie_in_the_planned_window_or_to_touch_it(
    wanted, inside, touching, told
) -> None:
    one = step(after=wanted)
    for kind, allowed in ((WindowRule.INSIDE, inside), (WindowRule.OVERLAPS, touching), (WindowRule.IGNORE, True)):
        said = f"outside-window: it would take effect {told}, {OUTSIDE}"
        assert why_not(rule(window=kind), one, RECORD, NOW) == (None if allowed else said)


def test_what_comes_before_the_planned_window_is_outside_it() -> None:
    early = OPENS - timedelta(hours=1)
    at_once, until = step(), step(after=window(early, OPENS))
    for kind, touches in ((WindowRule.INSIDE, False), (WindowRule.OVERLAPS, True)):
        assert why_not(rule(window=kind), at_once, RECORD, OPENS) is None
        assert why_not(rule(window=kind), at_once, RECORD, OPENS - SECOND) is not None
        assert (why_not(rule(window=kind), until, RECORD, early) is None) == touches


def test_rejecting_and_taking_back_need_no_record_and_the_first_rule_for_an_object_counts() -> None:
    web, rest = rule(objects=(r"\VED\Policy\Web\**",)), rule(state=("new",))
    assert rule_for((web, rest), step()) == web
    assert rule_for((web, rest), step(object="x")) == rest
    assert rule_for((web,), step(object="x")) is None
    assert rule_for((rest,), step(reason=Reason.REJECT_WANTED)) is None
    assert rule_for((rest,), step(reason=Reason.REOPEN_WANTED)) is None


SEEN = SeenChange("CHG0041234", NOW, "scheduled", "approved", "normal", OPENS, CLOSES, "https://snow/x", "Web tier", "")
ASKING = rule(requester_may_review_alone=False)


@pytest.mark.parametrize(
    ("asked", "found", "kept"),
    [
        (RULE, record(url="https://snow/x", requester="jdoe"), SEEN),
        (RULE, record(url="https://snow/x", title="x" * 201), replace(SEEN, title="x" * 200)),
        (ASKING, record(url="https://snow/x", requester="jdoe"), replace(SEEN, requester="jdoe")),
        (ASKING, record(url="https://snow/x"), replace(SEEN, requester="?")),
        (rule(emergency=ASKING), record(url="https://snow/x", requester="jdoe"), SEEN),
        (
            rule(emergency=ASKING),
            record(url="https://snow/x", requester="jdoe", type="emergency"),
            replace(SEEN, requester="jdoe", type="emergency"),
        ),
        (RULE, AWAY, SeenChange("CHG0041234", NOW, unchecked="HTTP 503")),
        (RULE, ABSENT, None),
        (RULE, None, None),
    ],
)
def test_plans_and_ledger_keep_what_was_seen_of_a_record(asked, found, kept) -> None:
    assert seen(asked, found, NOW) == kept
    one, fine, none = step(1), step(2, reason=Reason.IN_SYNC_SAME), step(3, change=None)
    records = {"CHG0041234": found} if found else {}
    rejected = step(4, reason=Reason.REJECT_WANTED)
    expected = (altered(one, change_record=kept), fine, none, rejected)
    assert remember((asked,), (one, fine, none, rejected), records, NOW) == expected


@pytest.mark.parametrize(
    ("then", "now", "how"),
    [
        (SEEN, SEEN, None),
        (None, SEEN, None),
        (SEEN, None, None),
        (replace(SEEN, unchecked="x"), replace(SEEN, state="x"), None),
        (SEEN, replace(SEEN, state="x", unchecked="x"), None),
        (SEEN, replace(SEEN, title="x", url="x", requester="x", seen_at=CLOSES), None),
        (SEEN, replace(SEEN, state="new"), "state was scheduled when the plan was made and is new now"),
        (replace(SEEN, approval=""), SEEN, "approval was nothing when the plan was made and is approved now"),
        (SEEN, replace(SEEN, type=""), "type was normal when the plan was made and is nothing now"),
        (
            SEEN,
            replace(SEEN, start=NOW),
            "planned window was 2026-11-23T11:00:00Z to 2026-11-23T13:00:00Z when the plan was made and is "
            "2026-11-23T12:00:00Z to 2026-11-23T13:00:00Z now",
        ),
        (
            SEEN,
            replace(SEEN, start=None, stop=None),
            "planned window was 2026-11-23T11:00:00Z to 2026-11-23T13:00:00Z when the plan was made and is not planned "
            "now",
        ),
    ],
)
def test_a_record_that_was_moved_since_the_plan_says_how(then, now, how) -> None:
    assert moved(then, now) == (f"CHG0041234: its {how}" if how else None)


def by(*reviewers: str) -> Assessment:
    return Assessment(Review(12, "zoe", reviewers=reviewers))


LOGINS = {"Ann Other": "AnnO"}
ALONE = "requester: nobody but Ann Other, who requested CHG0041234, approved PR #12; have somebody else approve"
DIRECT, UNKNOWN = NotReviewed("it was pushed", direct=True), NotReviewed("nobody can tell")


@pytest.mark.parametrize(
    ("people", "logins", "direct", "why"),
    [
        (by("anno"), LOGINS, False, ALONE),
        (by("anno"), {"ANN OTHER": "anno"}, False, ALONE),
        (by(), LOGINS, False, ALONE),
        (by("bob"), LOGINS, False, None),
        (by("anno", "bob"), LOGINS, False, None),
        (
            by("bob"),
            {"Bob": "bob"},
            False,
            "requester: bob alone approved PR #12, and may be Ann Other, who requested CHG0041234; name the login of "
            "Ann Other in change_records.people, or have one more person approve",
        ),
        (by("bob", "eve"), {}, False, None),
        (by("ANN other"), {}, False, ALONE),
        (by("ann other", "bob"), {}, False, None),
        (AppliedBefore(), {}, False, None),
        (NotYetReviewed(), {}, False, None),
        (DIRECT, {}, True, None),
        (DIRECT, {}, False, "requester: nobody but Ann Other has seen it: it was pushed"),
        (UNKNOWN, {}, True, "requester: nobody but Ann Other has seen it: nobody can tell"),
    ],
)
def test_the_one_who_requested_a_change_is_not_all_of_its_reviewers(people, logins, direct, why) -> None:
    one = step(change_record=replace(SEEN, requester="Ann Other"))
    assert reviewed_by_requester_alone(one, people, logins, direct) == why
    assert reviewed_by_requester_alone(step(change_record=SEEN), people, logins, direct) is None
    assert reviewed_by_requester_alone(step(), people, logins, direct) is None
