"""The plans and runs of shards as one."""

import re
from datetime import timedelta

import pytest

from reconciler.errors import GuardRefused
from reconciler.model.decision import Override, Source
from reconciler.model.plan import Control, Plan
from reconciler.model.policy import Freeze, Limits
from reconciler.model.pull_request import BaseVerdict, PullRequestContext, Removal, RuleChange
from reconciler.model.receipt import Attention, NotedLedger, Outcome, Run
from reconciler.model.review import Review, ReviewedTickets
from reconciler.model.value import Head, replace
from reconciler.model.verdict import Reason
from reconciler.planning.digest import plan_digest
from reconciler.planning.merge import merge_plans, merge_runs, part_of
from tests.builders import APPROVED, NOW, guid, plan, receipt, step

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
    assert merge_runs([_run(None, 1)]) == _run(None, 1)


def test_times_controls_and_notes_are_those_that_warn_most() -> None:
    late = NOW + timedelta(minutes=5)
    ok, off = Control("freeze", "ok", "nothing refused"), Control("stop", "off", "not configured")
    merged = merge_plans(
        [
            _part("1/2", 1, made_at=late, expires_at=late, controls=(ok, off), notes=("a", "b")),
            _part(
                "2/2",
                2,
                controls=(Control("freeze", "refused", "1 refused"), off),
                notes=("b", "c"),
                expires_at=NOW + timedelta(minutes=4),
            ),
        ]
    )
    assert (merged.made_at, merged.expires_at, merged.notes) == (NOW, NOW + timedelta(minutes=4), ("a", "b", "c"))
    assert merged.controls == (Control("freeze", "refused", "1 refused"), off)


def test_a_control_is_as_bad_as_its_worst_shard_and_tells_every_finding_of_that_kind() -> None:
    def controls(*told: tuple[str, str, str]) -> tuple[Control, ...]:
        return tuple(Control(name, result, detail, "x") for name, result, detail in told)

    def worst(name: str, result: str, detail: str, value: str = "x") -> Control:
        return Control(name, result, detail, value)

    merged = merge_plans(
        [
            _part("1/3", 1, controls=controls(("a", "off", "1"), ("b", "ok", "1"), ("c", "overridden", "1"))),
            _part("2/3", 2, controls=controls(("a", "ok", "2"), ("b", "overridden", "2"), ("c", "overridden", "2"))),
            _part(
                "3/3",
                3,
                controls=(*controls(("a", "ok", "3")), worst("b", "ok", "3", "y"), Control("d", "refused", "3")),
            ),
        ]
    )
    assert merged.controls == (
        worst("a", "ok", "2; 3"),
        worst("b", "overridden", "2", "x; y"),
        worst("c", "overridden", "1; 2"),
        Control("d", "refused", "3"),
    )
    strange = merge_plans([_part(None, 1, controls=(Control("a", "unheard of", "1"),))])
    assert strange.controls == (Control("a", "off", ""),)


def test_what_each_shard_knows_besides_is_there_once() -> None:
    again = Freeze("again", NOW, NOW)
    freeze, spared = Freeze("f", NOW, NOW), Override("freeze", frozenset({guid(1)}), "x", NOW, Source("x"))

    def beside(*numbers: int, rule: str) -> PullRequestContext:
        return PullRequestContext(
            rules=(RuleChange("server", None, "x"), RuleChange(rule)),
            files=("CODEOWNERS",),
            removed=tuple(Removal(guid(number), Source("x"), APPROVED) for number in numbers),
            by_base=tuple(BaseVerdict(guid(number), Reason.MISSING_TICKET) for number in numbers),
            base="main",
        )

    merged = merge_plans(
        [
            _part("2/2", 2, freezes=(freeze,), pull_request=beside(9, 7, rule="a")),
            _part("1/2", 1, freezes=(freeze, again), overrides=(spared,), pull_request=beside(8, rule="b")),
        ]
    )
    assert (merged.freezes, merged.overrides, merged.shard) == ((freeze, again), (spared,), None)
    assert merged.digest == plan_digest(TARGET, merged.steps, (spared,))
    whole = beside(7, 8, 9, rule="a")
    assert merged.pull_request == replace(whole, rules=(*whole.rules, RuleChange("b")))


ONE_RUN = "hand over files of one run only"
ONCE = "hand over each shard's file once, of one run only"


@pytest.mark.parametrize(
    ("parts", "why", "hint"),
    [
        ([], "no plan of any shard is here", "check that the shards ran and their files were fetched"),
        ([_part("1/3", 1), _part("3/3", 2)], "the plan of shard 2/3 is absent", "run that shard again, then merge"),
        ([_part("2/3", 1)], "the plan of shard 1/3, 3/3 is absent", "run that shard again, then merge"),
        ([_part("1/2", 1), _part("1/2", 2), _part("2/2", 3)], "shard 1/2 is in more than one file", ONCE),
        ([_part("1/2", 1), _part("2/3", 2)], "the shards differ in number of shards: 2, 3", ONE_RUN),
        ([_part("1/2", 1), _part(None, 2)], "a plan without a shard is among those of shards", ONE_RUN),
        ([_part(None, 1), _part(None, 2)], "a plan without a shard is among those of shards", ONE_RUN),
        ([_part("1/2", 1, 2), _part("2/2", 2, 1)], f"ticket {guid(1)}, {guid(2)} is in more than one file", ONCE),
        ([_part("1/2", 1), _part("2/2", 2, commit="c")], "the shards differ in commit: None, c", ONE_RUN),
        ([_part("1/2", 1), _part("2/2", 2, environment="e")], "the shards differ in environment: None, e", ONE_RUN),
        ([_part("1/2", 1), _part("2/2", 2, target="x")], f"the shards differ in target: {TARGET}, x", ONE_RUN),
        ([_part("1/2", 1), _part("2/2", 2, ledger_head="h")], "the shards differ in ledger head: None, h", ONE_RUN),
        (
            [_part("1/2", 1), _part("2/2", 2, limits=Limits(1))],
            f"the shards differ in limits: {Limits(1)}, {Limits()}",
            ONE_RUN,
        ),
    ],
)
def test_plans_that_are_not_one_division_of_one_thing_are_refused(parts: list[Plan], why: str, hint: str) -> None:
    with pytest.raises(GuardRefused) as refused:
        merge_plans(parts)
    assert (str(refused.value), refused.value.hint) == (why, hint)


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


ANN, BOB = Review(12, "ann"), Review(13, "bob")


def test_runs_of_shards_tell_together_what_each_of_them_tells() -> None:
    first = _run(
        "1/2",
        1,
        run="r",
        digest="d",
        started_at=NOW - timedelta(minutes=1),
        stopped="budget",
        attention=(Attention(guid(9), Reason.MISSING_TICKET),),
        reviews=(ReviewedTickets(ANN, (guid(3), guid(1))), ReviewedTickets(BOB, (guid(5),))),
        ledger=NotedLedger("ledger", (Head("b", "sha256:b", 2), Head("a", "sha256:a", 1)), ("c1",)),
        resolved={Outcome.UNKNOWN: 1, Outcome.APPLIED: 2},
    )
    second = _run(
        "2/2",
        2,
        run="r",
        digest="d",
        ended_at=NOW + timedelta(minutes=1),
        stopped="deadline",
        attention=(Attention(guid(8), Reason.MISSING_TICKET),),
        reviews=(ReviewedTickets(ANN, (guid(2),)),),
        ledger=NotedLedger("ledger", (Head("a", "sha256:c", 3), Head("a", "sha256:a", 1)), ("c2", "c1")),
        resolved={Outcome.APPLIED: 1},
    )
    merged = merge_runs([first, second])
    assert (merged.run, merged.digest, merged.stopped, merged.shard) == ("r", "d", "budget; deadline", None)
    assert (merged.started_at, merged.ended_at) == (first.started_at, second.ended_at)
    assert list(merged.resolved.items()) == [(Outcome.APPLIED, 3), (Outcome.UNKNOWN, 1)]
    turned = merge_runs([second, replace(first, digest="e", environment=None)])
    assert (turned.digest, turned.started_at, turned.ended_at) == ("d+e", first.started_at, second.ended_at)
    assert [each.guid for each in merged.attention] == [guid(8), guid(9)]
    assert merged.reviews == (
        ReviewedTickets(ANN, (guid(1), guid(2), guid(3))),
        ReviewedTickets(BOB, (guid(5),)),
    )
    heads = (Head("a", "sha256:a", 1), Head("a", "sha256:c", 3), Head("b", "sha256:b", 2))
    assert merged.ledger == NotedLedger("ledger", heads, ("c1", "c2"))
    assert merge_runs([first, replace(second, ledger=None)]).ledger == replace(
        merged.ledger, heads=heads[::2], commits=("c1",)
    )
    own = ReviewedTickets(ANN, (guid(1), guid(8)))
    part = part_of(merged, own)
    assert (part.receipts, part.attention, part.reviews) == ((receipt(1),), merged.attention[:1], (own,))
    assert part.resolved == {}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"target": "x"}, f"the shards differ in target: {TARGET}, x"),
        ({"environment": "e"}, "the shards differ in environment: None, e"),
        ({"receipts": (receipt(1),)}, f"receipt {guid(1)} is in more than one file"),
        ({"shard": None}, "a run without a shard is among those of shards"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(changes, why: str) -> None:
    with pytest.raises(GuardRefused, match=f"^{re.escape(why)}$"):
        merge_runs([_run("1/2", 1), replace(_run("2/2", 2), **changes)])


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
