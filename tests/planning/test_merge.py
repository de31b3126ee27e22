"""The plans and runs of shards as one."""

from datetime import timedelta

import pytest

from reconciler.errors import GuardRefused
from reconciler.model.plan import Control, Plan
from reconciler.model.policy import Limits
from reconciler.model.receipt import Run
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.digest import plan_digest
from reconciler.planning.merge import merge_plans, merge_runs
from tests.builders import NOW, plan, receipt, step

TARGET = "https://tpp.example.com"


def _part(shard: str | None, *numbers: int, **changes: object) -> Plan:
    return plan(*(step(number) for number in numbers), shard=shard, **changes)


def _run(shard: str | None, *numbers: int, **changes: object) -> Run:
    return replace(
        Run(f"run-{shard}", "sha256:" + "0" * 64, TARGET, NOW, NOW, tuple(map(receipt, numbers)), shard=shard),
        **changes,
    )


def test_the_plan_of_all_shards_is_the_one_that_a_single_machine_makes() -> None:
    whole = replace(plan(step(1), step(2), step(3)), digest=plan_digest(TARGET, (step(1), step(2), step(3))))
    assert merge_plans([_part("2/2", 2), _part("1/2", 3, 1)]) == whole
    assert merge_plans([_part("1/2", 3, 1), _part("2/2", 2)]) == whole


def test_a_plan_that_was_never_split_is_complete() -> None:
    assert merge_plans([_part(None, 1)]).steps == (step(1),)


def test_times_controls_and_notes_are_those_that_warn_most() -> None:
    late = NOW + timedelta(minutes=5)
    ok, off = Control("freeze", "ok", "nothing refused"), Control("stop", "off", "not configured")
    merged = merge_plans(
        [
            _part("1/2", 1, made_at=late, expires_at=late, controls=(ok, off), notes=("a", "b")),
            _part("2/2", 2, controls=(Control("freeze", "refused", "1 refused"), off), notes=("b",)),
        ]
    )
    assert (merged.made_at, merged.expires_at, merged.notes) == (NOW, late, ("a", "b"))
    assert merged.controls == (Control("freeze", "refused", "1 refused"), off)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([], "no plan of any shard is here"),
        ([_part("1/3", 1), _part("3/3", 2)], "the plan of shard 2/3 is absent"),
        ([_part("1/2", 1)], "the plan of shard 2/2 is absent"),
        ([_part("1/2", 1), _part("1/2", 2), _part("2/2", 3)], "shard 1/2 is in more than one file"),
        ([_part("1/2", 1), _part("2/3", 2)], "the shards differ in number of shards: 2, 3"),
        ([_part("1/2", 1), _part(None, 2)], "a plan without a shard"),
        ([_part("1/2", 1), _part("2/2", 1)], "ticket 00000001-0000-4000-8000-000000000000 is in more than one file"),
        ([_part("1/2", 1), _part("2/2", 2, commit="c")], "the shards differ in commit"),
        ([_part("1/2", 1), _part("2/2", 2, target="https://other")], "the shards differ in target"),
        ([_part("1/2", 1), _part("2/2", 2, ledger_head="h")], "the shards differ in ledger head"),
    ],
)
def test_plans_that_are_not_one_division_of_one_thing_are_refused(parts: list[Plan], why: str) -> None:
    with pytest.raises(GuardRefused, match=why):
        merge_plans(parts)


def test_the_run_of_all_shards_has_every_receipt() -> None:
    late = NOW + timedelta(minutes=5)
    merged = merge_runs([_run("2/2", 2, ended_at=late, stopped="budget"), _run("1/2", 1, 3, notes=("n",))])
    assert merged == Run(
        run="run-2/2+run-1/2",
        digest="sha256:" + "0" * 64,
        target=TARGET,
        started_at=NOW,
        ended_at=late,
        receipts=(receipt(1), receipt(2), receipt(3)),
        stopped="budget",
        notes=("n",),
    )


def test_the_run_of_an_absent_shard_is_missed() -> None:
    with pytest.raises(GuardRefused, match="the run of shard 1/2 is absent"):
        merge_runs([_run("2/2", 2)])


def test_limits_are_held_against_the_whole_and_not_only_against_each_shard() -> None:
    limits = Limits(approvals=2)
    first = plan(step(1), step(2), shard="1/2", limits=limits)
    second = plan(step(3), shard="2/2", limits=limits)
    merged = merge_plans([first, second])
    assert [each.reason for each in merged.steps] == [Reason.REFUSED_APPROVALS] * 3
    assert [(each.name, each.result) for each in merged.controls] == [("approvals", "refused")]
    assert merge_plans([plan(step(1), shard="1/2", limits=limits), second]).changes == (step(1), step(3))
