"""Putting a plan together: order, siblings, contradictions, guards, digest."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.decision import Override, Source
from reconciler.model.plan import Control, Sibling
from reconciler.model.policy import Freeze, Limits, Policy
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.planning.digest import check_digest
from reconciler.planning.guards import Circumstances
from reconciler.planning.planner import assemble, enforce_again
from tests.builders import NOW, OBJECT, REJECTED, WORKFLOW, at, guid, plan, step

EMPTY = plan(digest="", notes=("look here",))
SEEN = Circumstances(Policy(), NOW)
OTHER = r"\VED\Policy\Web\api.example.com"
STAGE_500 = r"\VED\Policy\Workflows\Stage 500"


def an_override(line: int, rule: str = "freeze") -> Override:
    return Override(rule, frozenset({guid(line)}), "agreed", NOW + timedelta(days=1), Source("tickets/web.yaml", line))


STEPS = [
    step(1),
    step(2, object=OTHER),
    step(3, reason=Reason.REJECT_WANTED, after=REJECTED),
    step(4, reason=Reason.MISSING_TICKET, before=None, object=OBJECT),
    step(5, object=OBJECT.upper(), workflow=STAGE_500),
    step(6, reason=Reason.ERROR_UNREADABLE, before=None, object=""),
]


@given(st.permutations(STEPS), st.permutations([an_override(1), an_override(2), an_override(2, "ownership")]))
def test_the_same_input_in_any_order_gives_the_same_plan(steps, overrides) -> None:
    seen = Circumstances(Policy(limits=Limits(percent=70), freezes=(Freeze("f", NOW, NOW),)), NOW)
    in_order = (an_override(1), an_override(2), an_override(2, "ownership"))
    made = assemble(replace(EMPTY, overrides=tuple(overrides)), steps, seen)
    assert made == assemble(replace(EMPTY, overrides=in_order), STEPS, seen)
    check_digest(made)


def test_a_plan_says_where_when_and_for_how_long_it_was_made() -> None:
    empty = replace(EMPTY, environment="staging", commit="abc", shard="1/2", ledger_head="sha256:1", identity="local:x")
    made = assemble(empty, (), SEEN)
    assert (made.tool, made.target, made.made_at) == (EMPTY.tool, EMPTY.target, NOW)
    assert made.expires_at == NOW + timedelta(hours=24)
    assert (made.environment, made.commit, made.shard) == ("staging", "abc", "1/2")
    assert (made.ledger_head, made.identity, made.notes) == ("sha256:1", "local:x", ("look here",))
    assert (made.steps, made.counts, made.changes) == ((), {}, ())


def test_tickets_on_one_object_name_each_other_whatever_the_case() -> None:
    made = assemble(EMPTY, STEPS, SEEN)
    siblings = {one.guid: one.siblings for one in made.steps}
    assert siblings == {
        guid(1): (Sibling(guid(3), WORKFLOW, "Rejected"), Sibling(guid(5), STAGE_500, "Approved")),
        guid(2): (),
        guid(3): (Sibling(guid(1), WORKFLOW, "Approved"), Sibling(guid(5), STAGE_500, "Approved")),
        guid(4): (),
        guid(5): (Sibling(guid(1), WORKFLOW, "Approved"), Sibling(guid(3), WORKFLOW, "Rejected")),
        guid(6): (),
    }


def test_an_approval_and_a_rejection_at_one_stage_of_an_object_are_noted_with_their_lines() -> None:
    made = assemble(EMPTY, STEPS, SEEN)
    assert made.notes == (
        "look here",
        rf"{OBJECT}: one ticket is approved and another rejected at the same stage "
        "(tickets/web.yaml:4:5, tickets/web.yaml:6:5, tickets/web.yaml:8:5)",
    )


def test_different_stages_and_what_is_done_already_do_not_contradict_each_other() -> None:
    rejected = {"reason": Reason.REJECT_WANTED, "after": REJECTED}
    assert assemble(EMPTY, (step(1), step(2, workflow=STAGE_500, **rejected)), SEEN).notes == ("look here",)
    done = replace(step(2, after=REJECTED), reason=Reason.IN_SYNC_SAME)
    assert assemble(EMPTY, (step(1), done), SEEN).notes == ("look here",)


def test_a_plan_counts_its_verdicts_in_the_order_of_the_design() -> None:
    counts = assemble(EMPTY, STEPS, SEEN).counts
    assert list(counts.items()) == [(Verdict.APPROVE, 3), (Verdict.REJECT, 1), (Verdict.MISSING, 1), (Verdict.ERROR, 1)]


FROZEN = Policy(freezes=(Freeze("year-end", at("2026-12-20T00:00:00Z"), at("2027-01-03T00:00:00Z")),))


def test_guards_run_again_before_the_first_write_and_refuse_what_has_become_wrong_since() -> None:
    made = assemble(EMPTY, (step(1),), Circumstances(FROZEN, NOW))
    assert made.steps[0].group is Group.CHANGE
    again = enforce_again(made, Circumstances(FROZEN, at("2026-12-21T00:00:00Z")))
    assert again.steps[0].reason is Reason.REFUSED_FREEZE
    assert again.digest == made.digest


def test_guards_that_run_again_never_allow_what_was_refused() -> None:
    made = assemble(EMPTY, (step(1), step(2)), Circumstances(Policy(limits=Limits(changes=1)), NOW))
    again = enforce_again(made, Circumstances(Policy(limits=Limits(changes=5)), NOW))
    assert again.steps == made.steps
    told = "2 changes, the limit is 1; split the change into waves or raise the limit"
    assert Control("changes", "refused", told, "1") in again.controls


def test_an_override_of_the_plan_holds_at_apply_until_it_runs_out() -> None:
    spared = an_override(1)
    made = assemble(replace(EMPTY, overrides=(spared,)), (step(1),), Circumstances(FROZEN, NOW))
    in_time = Circumstances(FROZEN, at("2026-12-21T00:00:00Z"))
    assert enforce_again(made, in_time).steps[0].reason is Reason.REFUSED_FREEZE
    longer = replace(made, overrides=(replace(spared, until=at("2026-12-22T00:00:00Z")),))
    assert enforce_again(longer, in_time).steps[0].reason is Reason.APPROVE_WANTED
