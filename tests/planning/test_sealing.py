"""Which manifests are sealed, and what a plan says of them."""

import pytest

from reconciler.errors import GuardRefused
from reconciler.model.decision import Seal, Source
from reconciler.model.plan import Step
from reconciler.model.policy import Limits, Policy
from reconciler.model.receipt import Outcome
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.digest import check_digest, plan_digest
from reconciler.planning.guards import Circumstances
from reconciler.planning.merge import merge_plans
from reconciler.planning.planner import assemble, enforce_again, seals, went
from tests.builders import NOW, guid, plan, receipt, step

TARGET = "https://tpp.example.com"
WEB, API = Seal("tickets/web.yaml", "sha256:" + "1" * 64, 2), Seal("tickets/api.yaml", "sha256:" + "2" * 64, 1)


def _settled(number: int, path: str = WEB.path, **changes: object) -> Step:
    return step(number, reason=Reason.SETTLED_RECEIPT, before=None, source=Source(path, number), closed=True, **changes)


def test_a_manifest_is_sealed_once_all_its_decisions_are_over() -> None:
    assert seals((WEB, API), (_settled(1), _settled(2))) == (WEB,)
    assert seals((WEB, API), (_settled(1), _settled(2), _settled(3, API.path))) == (WEB, API)


def test_what_went_with_this_run_is_over_too() -> None:
    steps = (_settled(1), step(2, source=Source(WEB.path, 2)))
    assert seals((WEB,), steps) == ()
    assert seals((WEB,), steps, {guid(2)}) == (WEB,)


def test_a_ticket_that_was_gone_before_is_over_only_if_its_intent_has_a_receipt() -> None:
    assert seals((WEB,), (_settled(1), _settled(2, operation="0123456789ab"))) == ()


def test_what_was_decided_outside_is_over_once_it_is_recorded() -> None:
    outside = step(2, reason=Reason.SETTLED_ATTESTED, source=Source(WEB.path, 2))
    assert seals((WEB,), (_settled(1), outside)) == ()
    assert seals((WEB,), (_settled(1), replace(outside, closed=True))) == (WEB,)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("reason", [reason for reason in Reason if not reason.value.startswith("settled/")])
def test_no_other_verdict_is_over(reason: Reason, closed: bool) -> None:
    assert seals((WEB,), (_settled(1), step(2, reason=reason, source=Source(WEB.path, 2), closed=closed))) == ()


def test_a_decision_without_a_step_is_not_over() -> None:
    assert seals((WEB,), (_settled(1),)) == ()


@pytest.mark.parametrize("outcome", Outcome)
def test_a_ticket_went_with_us_only_if_our_update_took_effect(outcome: Outcome) -> None:
    took_effect = outcome in (Outcome.APPLIED, Outcome.AWAITING_OTHERS)
    assert went([receipt(1, outcome=outcome, gone=True)]) == ({guid(1)} if took_effect else set())
    assert went([receipt(1, outcome=outcome, gone=False)]) == set()


def test_a_digest_knows_what_is_sealed_and_not_where_it_stands() -> None:
    plain = plan_digest(TARGET, (step(1),))
    sealed = plan_digest(TARGET, (step(1),), sealed=(WEB, API))
    assert sealed != plain
    assert plan_digest(TARGET, (step(1),), sealed=(replace(API, path="x"), WEB)) == sealed
    assert plan_digest(TARGET, (step(1),), sealed=(WEB, replace(API, decisions=9))) != sealed


def test_a_saved_plan_whose_seals_were_edited_is_refused() -> None:
    whole = replace(plan(step(1)), sealed=(WEB,), digest=plan_digest(TARGET, (step(1),), sealed=(WEB,)))
    check_digest(whole)
    with pytest.raises(GuardRefused, match="edited"):
        check_digest(replace(whole, sealed=()))


def test_decisions_in_sealed_manifests_count_for_the_percent_limit() -> None:
    seen = Circumstances(Policy(limits=Limits(percent=50)), NOW)
    alone = assemble(plan(), (step(1),), seen)
    among = assemble(plan(sealed=(API,)), (step(1),), seen)
    assert [found.group for found in alone.steps] == [Group.ATTENTION]
    assert [found.group for found in among.steps] == [Group.CHANGE]
    assert [found.group for found in enforce_again(among, seen).steps] == [Group.CHANGE]


def test_shards_tell_of_each_sealed_manifest_once_and_limits_hold_for_the_whole() -> None:
    limits = Limits(percent=50)
    parts = [
        replace(plan(step(1), shard="1/2", limits=limits), sealed=(WEB,)),
        replace(plan(shard="2/2", limits=limits), sealed=(API,)),
    ]
    merged = merge_plans(parts)
    assert merged.sealed == (API, WEB)
    assert [found.group for found in merged.steps] == [Group.CHANGE]
    assert merged.digest == plan_digest(TARGET, (step(1),), sealed=(WEB, API))
    with pytest.raises(GuardRefused, match=r"manifest tickets/web\.yaml is in more than one file"):
        merge_plans([parts[0], replace(parts[1], sealed=(WEB,))])
