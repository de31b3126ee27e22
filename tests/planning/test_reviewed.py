"""Whatever the reviewed plan did not contain is refused, row by row, with the difference."""

from typing import Any

import pytest

from reconciler.model.decision import Expectation, ExpectedCertificate, Override, Parameters, Seal, Source
from reconciler.model.plan import Plan
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Reason
from reconciler.planning.digest import plan_digest
from reconciler.planning.reviewed import hold_against, hold_each
from tests.builders import NOW, OBJECT, REJECTED, WORKFLOW, after, altered, guid, plan, step

ADVICE = "; make a new plan and have it reviewed"


def test_what_was_reviewed_stays_as_it_is() -> None:
    made = plan(step(1), step(2, reason=Reason.IN_SYNC_SAME))
    assert hold_against(made, plan(step(1), step(2), step(3))) == made


def test_a_change_that_the_reviewed_plan_does_not_have_is_refused() -> None:
    seen_as_fine = plan(step(1, reason=Reason.CONFLICT_CONSOLE))
    for reviewed in (plan(), seen_as_fine):
        (held,) = hold_against(plan(step(1)), reviewed).steps
        said = "the reviewed plan does not change this ticket" + ADVICE
        assert (held.reason, held.detail) == (Reason.REFUSED_NOT_REVIEWED, said)


DIFFERENCES: list[tuple[dict[str, Any], str]] = [
    ({"reason": Reason.SCHEDULE_WANTED}, "its verdict was 'approve' in the reviewed plan and is 'schedule' now"),
    ({"before": REJECTED}, "its state before was 'Pending' in the reviewed plan and is 'Rejected' now"),
    (
        {"after": after("2026-11-28T22:00:00Z")},
        "its wanted state was 'Approved' in the reviewed plan and is 'Approved After 2026-11-28T22:00:00Z' now",
    ),
    ({"object": "x"}, f"its object was {OBJECT!r} in the reviewed plan and is 'x' now"),
    ({"workflow": "x"}, f"its workflow was {WORKFLOW!r} in the reviewed plan and is 'x' now"),
    ({"explanation": None}, "its explanation was 'reviewed' in the reviewed plan and is '' now"),
    ({"change": "CHG0000000"}, "its change was 'CHG0041234' in the reviewed plan and is 'CHG0000000' now"),
    ({"expect": Expectation(object="x")}, "its expected object was '' in the reviewed plan and is 'x' now"),
    ({"expect": Expectation(workflow="x")}, "its expected workflow was '' in the reviewed plan and is 'x' now"),
    ({"expect": Expectation(state=REJECTED)}, "its expected state was '' in the reviewed plan and is 'Rejected' now"),
    (
        {"expect": Expectation(certificate=ExpectedCertificate(common_name="x", issuer="CN=y"))},
        "its expected certificate was '' in the reviewed plan and is 'common_name x, issuer CN=y' now",
    ),
    ({"before": None}, "its state before was 'Pending' in the reviewed plan and is '' now"),
    ({"valid_until": NOW}, "its valid_until was '' in the reviewed plan and is '2026-11-23T12:00:00Z' now"),
    ({"approvers": ("a",)}, "its list of approvers was '' in the reviewed plan and is 'a' now"),
    ({"parameters": Parameters(reason="x")}, "its parameters differ from the reviewed plan"),
]


@pytest.mark.parametrize(("change", "said"), DIFFERENCES)
def test_a_change_that_differs_from_the_reviewed_one_is_refused_with_the_difference(change, said) -> None:
    (held,) = hold_against(plan(step(1, **change)), plan(step(1))).steps
    assert (held.reason, held.detail) == (Reason.REFUSED_NOT_REVIEWED, said + ADVICE)


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ({"explanation": None}, "its explanation was '' in the reviewed plan and is 'reviewed' now"),
        ({"change": None}, "its change was '' in the reviewed plan and is 'CHG0041234' now"),
        (
            {"expect": Expectation(state=REJECTED)},
            "its expected state was 'Rejected' in the reviewed plan and is '' now",
        ),
        ({"valid_until": NOW}, "its valid_until was '2026-11-23T12:00:00Z' in the reviewed plan and is '' now"),
    ],
)
def test_what_was_reviewed_and_is_stated_otherwise_now_is_told_too(then, said) -> None:
    (held,) = hold_against(plan(step(1)), plan(step(1, **then))).steps
    assert held.detail == said + ADVICE
    (other,) = hold_against(plan(step(1, change=None)), plan(step(1))).steps
    assert other.detail == "its change was 'CHG0041234' in the reviewed plan and is '' now" + ADVICE


def test_several_approvers_are_compared_whatever_their_order() -> None:
    both = step(1, approvers=("a", "b"))
    assert hold_against(plan(step(1, approvers=("b", "a"))), plan(both)).steps[0].reason is Reason.APPROVE_WANTED
    (held,) = hold_against(plan(step(1, approvers=("c", "b"))), plan(both)).steps
    assert held.detail == "its list of approvers was 'a, b' in the reviewed plan and is 'b, c' now" + ADVICE


def test_each_change_is_held_against_the_plan_of_its_own_pull_request() -> None:
    spared = Override("freeze", frozenset({guid(1)}), "Outage", NOW, Source("x"))
    sealed = (Seal("a.yaml", "sha256:1", 1),)
    steps = (*map(step, range(1, 6)), step(6, reason=Reason.IN_SYNC_SAME))
    made = plan(*steps, overrides=(spared,), sealed=sealed)
    one, two = plan(step(1), step(2)), plan(step(3, object="x"))
    seen: dict[Guid, Plan | str] = {guid(1): one, guid(2): two, guid(3): two, guid(4): "PR #9 has no plan; plan again"}
    held = hold_each(made, seen | {guid(6): "PR #9 has no plan; plan again"})
    assert [(each.reason, each.detail) for each in held.steps] == [
        (Reason.APPROVE_WANTED, ""),
        (Reason.REFUSED_NOT_REVIEWED, "the reviewed plan does not change this ticket" + ADVICE),
        (Reason.REFUSED_NOT_REVIEWED, f"its object was 'x' in the reviewed plan and is {OBJECT!r} now" + ADVICE),
        (Reason.REFUSED_NOT_REVIEWED, "PR #9 has no plan; plan again"),
        (Reason.APPROVE_WANTED, ""),
        (Reason.IN_SYNC_SAME, ""),
    ]
    assert held.digest == plan_digest(made.target, held.steps, (spared,), sealed)


def test_where_a_decision_stands_and_how_the_plan_words_it_may_differ() -> None:
    moved = altered(step(1), source=Source("moved.yaml", 1), detail="in other words", rule="weekend")
    assert hold_against(plan(moved), plan(step(1))).steps == (moved,)
