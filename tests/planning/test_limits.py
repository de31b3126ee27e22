"""Limits refuse everything that a run may not do at once, and suggest waves."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.decision import Override, Source
from reconciler.model.plan import Control
from reconciler.model.policy import Limits, Policy
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.enforcement import enforce
from reconciler.planning.guards import Circumstances
from reconciler.planning.limits import check_limits
from tests.builders import NOW, REJECTED, after, guid, step


def approve(number: int):
    return step(number)


def schedule(number: int):
    return step(number, reason=Reason.SCHEDULE_WANTED, after=after("2026-11-28T22:00:00Z"))


def reject(number: int):
    return step(number, reason=Reason.REJECT_WANTED, after=REJECTED)


def fine(number: int):
    return step(number, reason=Reason.IN_SYNC_SAME)


def limited(steps, overrides=(), **limits: int):
    return enforce(steps, overrides, Circumstances(Policy(limits=Limits(**limits)), NOW))


def reasons(steps) -> list[Reason]:
    return [one.reason for one in steps]


def control(controls: tuple[Control, ...], name: str) -> tuple[str, str]:
    return next((each.result, each.detail) for each in controls if each.name == name)


MANY = (approve(1), schedule(2), reject(3), fine(4))


@pytest.mark.parametrize(
    ("limits", "reason", "said"),
    [
        ({"changes": 2}, Reason.REFUSED_CHANGES, "3 changes, the limit is 2"),
        ({"approvals": 1}, Reason.REFUSED_APPROVALS, "2 approvals, the limit is 1"),
        ({"rejections": 0}, Reason.REFUSED_REJECTIONS, "1 rejections, the limit is 0"),
        ({"percent": 74}, Reason.REFUSED_PERCENT, "75 percent of the decisions, the limit is 74"),
    ],
)
def test_a_plan_over_a_limit_changes_nothing_and_says_how_to_go_on(limits, reason, said) -> None:
    steps, controls = limited(MANY, **limits)
    told = f"{said}; split the change into waves or raise the limit"
    assert reasons(steps) == [reason, reason, reason, Reason.IN_SYNC_SAME]
    assert {one.detail for one in steps[:3]} == {told}
    assert control(controls, reason.value.removeprefix("refused/")) == ("refused", told)


def test_a_plan_at_its_limits_is_not_refused() -> None:
    steps, controls = limited(MANY, changes=3, approvals=2, rejections=1, percent=75)
    assert steps == MANY
    assert [(c.name, c.result, c.detail) for c in controls[-4:]] == [
        ("changes", "ok", "3 of 3 changes"),
        ("approvals", "ok", "2 of 2 approvals"),
        ("rejections", "ok", "1 of 1 rejections"),
        ("percent", "ok", "75 of 75 percent of the decisions"),
    ]


def test_limits_that_are_not_set_are_not_checked() -> None:
    steps, controls = limited(MANY)
    assert steps == MANY
    assert not {"changes", "approvals", "rejections", "percent"} & {c.name for c in controls}


def test_a_limit_of_nothing_allows_nothing_and_no_plan_is_no_hundred_percent() -> None:
    assert reasons(limited((approve(1),), changes=0)[0]) == [Reason.REFUSED_CHANGES]
    assert control(limited((), percent=0)[1], "percent") == ("ok", "0 of 0 percent of the decisions")
    assert control(limited((approve(1),), percent=0)[1], "percent")[1].startswith("100 percent")
    assert limited((), changes=0, percent=0)[0] == ()


@pytest.mark.parametrize(
    ("changes", "decisions", "limit", "within"),
    [
        (1, 3, 33, False),
        (1, 3, 34, True),
        (1, 200, 0, False),
        (1, 200, 1, True),
        (1, 2, 50, True),
        (199, 200, 99, False),
    ],
)
def test_a_part_of_a_percent_counts_as_a_whole_one(changes, decisions, limit, within) -> None:
    steps = tuple(approve(n) if n <= changes else fine(n) for n in range(1, decisions + 1))
    assert (limited(steps, percent=limit)[0] == steps) == within


@given(st.integers(1, 400), st.data())
def test_percent_never_lets_through_more_than_its_share(decisions: int, data: st.DataObject) -> None:
    changes = data.draw(st.integers(0, decisions))
    limit = data.draw(st.integers(0, 100))
    (check,) = check_limits(Limits(percent=limit), tuple(approve(n) for n in range(changes)), decisions)
    assert check.exceeded == (100 * changes > limit * decisions)


def test_refused_steps_do_not_count_against_a_limit() -> None:
    seen = Circumstances(Policy(limits=Limits(changes=1), require=frozenset({"change"})), NOW)
    steps, _ = enforce((approve(1), step(2, change=None)), (), seen)
    assert reasons(steps) == [Reason.APPROVE_WANTED, Reason.REFUSED_REQUIRED]


def exempt(rule: str, *numbers: int, days: int = 1) -> Override:
    tickets = frozenset(guid(number) for number in numbers)
    return Override(rule, tickets, "agreed", NOW + timedelta(days=days), Source("tickets/web.yaml", 9))


def test_tickets_that_are_exempt_from_a_limit_do_not_count_and_are_spared() -> None:
    three = (approve(1), approve(2), approve(3))
    steps, controls = limited(three, (exempt("changes", 1),), changes=2)
    assert [replace(each, overridden=()) for each in steps] == list(three)
    assert [[use.rule for use in each.overridden] for each in steps] == [["changes"], [], []]
    assert control(controls, "changes") == ("overridden", "2 of 2 changes")
    steps, controls = limited(three, (exempt("changes", 1),), changes=1)
    assert reasons(steps) == [Reason.APPROVE_WANTED, Reason.REFUSED_CHANGES, Reason.REFUSED_CHANGES]
    told = "2 changes, the limit is 1; split the change into waves or raise the limit"
    assert control(controls, "changes") == ("refused", told)
    assert steps[1].detail == told


def test_an_exemption_from_one_limit_is_none_from_another() -> None:
    steps, _ = limited((approve(1), approve(2)), (exempt("changes", 1, 2),), changes=1, approvals=1)
    assert reasons(steps) == [Reason.REFUSED_APPROVALS] * 2


def test_an_exemption_that_has_run_out_spares_nobody() -> None:
    steps, _ = limited((approve(1), approve(2)), (exempt("changes", 1, 2, days=0),), changes=1)
    assert all(one.group is not Group.CHANGE for one in steps)
