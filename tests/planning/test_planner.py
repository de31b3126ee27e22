"""Putting a plan together: order, siblings, contradictions, guards, digest."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.change_record import SeenChange
from reconciler.model.decision import Attestation, Override, OverrideUse, Seal, Source
from reconciler.model.plan import Control, Sibling
from reconciler.model.policy import FourEyes, Freeze, Limits, Policy
from reconciler.model.review import Assessment, NotReviewed, Review
from reconciler.model.status import State, Status
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.planning.digest import check_digest, plan_digest
from reconciler.planning.guards import Circumstances
from reconciler.planning.planner import assemble, enforce_again, enforce_reviews
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


def test_a_plan_holds_its_rules_and_exemptions_and_its_digest_covers_what_it_means() -> None:
    again = Freeze("weekly", NOW, NOW)
    seen = Circumstances(Policy(limits=Limits(changes=9), freezes=(Freeze("f", NOW, NOW),)), NOW, recurring=(again,))
    spared, sealed = (an_override(2), an_override(1)), (Seal("b.yaml", "sha256:2", 1), Seal("a.yaml", "sha256:1", 1))
    made = assemble(replace(EMPTY, overrides=spared, sealed=sealed), STEPS, seen)
    assert (made.freezes, made.limits) == ((Freeze("f", NOW, NOW), again), Limits(changes=9))
    assert (made.overrides, made.sealed, made.folder_limits) == (spared[::-1], sealed[::-1], ())
    assert made.digest == plan_digest(EMPTY.target, made.steps, spared, sealed)


def a_window_without_end(number: int, **changes: Any):
    stop = at("2026-11-29T02:00:00Z")
    wanted = State(Status.APPROVED_AFTER, at("2026-11-28T22:00:00Z"), stop)
    return step(number, after=wanted, object=f"o{number}", **{"reason": Reason.SCHEDULE_WANTED, **changes})


@pytest.mark.parametrize(
    ("count", "places"),
    [
        (1, "tickets/web.yaml:4:5"),
        (3, "tickets/web.yaml:4:5, tickets/web.yaml:5:5, tickets/web.yaml:6:5"),
        (4, "tickets/web.yaml:4:5, tickets/web.yaml:5:5, tickets/web.yaml:6:5 and 1 more"),
        (5, "tickets/web.yaml:4:5, tickets/web.yaml:5:5, tickets/web.yaml:6:5 and 2 more"),
    ],
)
def test_a_stop_beside_approved_after_is_noted_with_its_first_places(count: int, places: str) -> None:
    steps = [a_window_without_end(number) for number in range(1, count + 1)]
    fine = a_window_without_end(9, reason=Reason.IN_SYNC_SAME)
    assert assemble(EMPTY, (*steps, fine, step(10)), SEEN).notes == (
        "look here",
        "`Approved After` with a stop: what TPP does with the stop is not established; "
        f"`Approved Between` says it plainly ({places})",
    )
    assert assemble(EMPTY, (fine,), SEEN).notes == ("look here",)


def unchecked(number: int, record: str = "CHG0041234", **changes: Any):
    return step(number, object=f"o{number}", change_record=SeenChange(record, NOW, unchecked="HTTP 503"), **changes)


def test_change_records_that_could_not_be_checked_are_noted_with_how_many_changes_they_let_pass() -> None:
    steps = (unchecked(1), unchecked(2), unchecked(3, "CHG2"), unchecked(4, "CHG3", reason=Reason.IN_SYNC_SAME))
    said = "could not be checked: HTTP 503; policy.change_record.when_unavailable lets"
    assert assemble(EMPTY, (*steps, step(5, object="o", change_record=SeenChange("CHG4", NOW))), SEEN).notes == (
        "look here",
        f"change record CHG0041234 {said} 2 changes pass",
        f"change record CHG2 {said} 1 change pass",
    )


def test_what_will_be_recorded_as_decided_outside_is_noted_up_to_twenty() -> None:
    outside = {"reason": Reason.IN_SYNC_ACCEPTED, "detail": "INC1", "decided": Attestation("ann", NOW, "console", "x")}
    steps = [step(number, object=f"o{number}", **outside) for number in range(1, 23)]
    known = step(99, **{**outside, "reason": Reason.IN_SYNC_SAME})
    notes = assemble(EMPTY, (*steps, known), SEEN).notes
    assert notes[1] == f"recorded as decided outside: {guid(1)} Approved, INC1"
    assert notes[20:] == (
        f"recorded as decided outside: {guid(20)} Approved, INC1",
        "and 2 more that are recorded as decided outside",
    )
    assert len(assemble(EMPTY, steps[:20], SEEN).notes) == 21


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


def test_a_control_that_refused_stays_refused_and_others_say_what_they_find_now() -> None:
    rules = Policy(limits=Limits(changes=1), require=frozenset({"change"}), owns=(r"\VED\**",))
    made = assemble(EMPTY, (step(1), step(2), step(3, change=None)), Circumstances(rules, NOW))
    later = replace(rules, freezes=FROZEN.freezes, limits=Limits(changes=5))
    again = enforce_again(made, Circumstances(later, at("2026-12-21T00:00:00Z")))
    told = {each.name: (each.result, each.detail) for each in again.controls if each.result != "off"}
    assert told == {
        "stop": ("ok", "nothing refused"),
        "required": ("refused", "1 refused"),
        "ownership": ("ok", "nothing refused"),
        "freeze": ("ok", "nothing refused"),
        "changes": ("refused", "2 changes, the limit is 1; split the change into waves or raise the limit"),
    }


def test_a_control_that_refused_and_refuses_again_says_what_it_refuses_now() -> None:
    frozen = step(1, reason=Reason.SCHEDULE_WANTED, after=State(Status.APPROVED_AFTER, at("2026-12-25T00:00:00Z")))
    made = assemble(EMPTY, (frozen, step(2), step(3)), Circumstances(FROZEN, NOW))
    again = enforce_again(made, Circumstances(FROZEN, at("2026-12-21T00:00:00Z")))
    for one, said in ((made, "1 refused"), (again, "2 refused")):
        assert {each.name: each.detail for each in one.controls}["freeze"] == said


def test_the_newest_commit_is_held_against_a_plan_with_its_reviews_and_the_rest_is_left_as_it_is() -> None:
    rules = Policy(freezes=FROZEN.freezes, limits=Limits(changes=9))
    made = assemble(replace(EMPTY, sealed=(Seal("a.yaml", "sha256:1", 1),)), (step(1),), Circumstances(rules, NOW))
    old = enforce_reviews(made, Circumstances(Policy(), NOW, superseded="main is at 123"))
    assert (old.steps[0].reason, old.steps[0].detail) == (Reason.REFUSED_SUPERSEDED, "main is at 123")
    check_digest(old)
    refused = Control("superseded", "refused", "1 refused")
    off = Control("four-eyes", "off", "not configured")
    assert old.controls == (*(off if each.name == "four-eyes" else each for each in made.controls), refused)


REQUESTED = SeenChange("CHG0041234", NOW, requester="Ann Other")
BY_ANN, BY_BOB = (Assessment(Review(12, "zoe", reviewers=(name,))) for name in ("ann", "bob"))
PUSHED = NotReviewed("pushed", direct=True)


@pytest.mark.parametrize(
    ("one", "people", "rules", "why"),
    [
        ({}, {"people": BY_BOB}, {}, None),
        ({}, {"people": BY_ANN}, {}, "nobody but Ann Other, who requested CHG0041234, approved PR #12"),
        ({}, {"people": BY_BOB, "decided_by": {"tickets/web.yaml": BY_ANN}}, {}, "nobody but Ann Other"),
        ({}, {"people": BY_ANN, "decided_by": {"tickets/web.yaml": BY_BOB}}, {}, None),
        ({}, {"people": BY_BOB, "brought_by": {guid(1): BY_ANN}}, {}, "nobody but Ann Other"),
        ({}, {"people": BY_ANN, "brought_by": {guid(1): BY_BOB}}, {}, None),
        ({}, {"people": PUSHED}, {}, "nobody but Ann Other has seen it: pushed"),
        ({}, {"people": PUSHED}, {"four_eyes": FourEyes(allow_direct_push=True)}, None),
        ({"change_record": SeenChange("CHG0041234", NOW)}, {"people": BY_ANN}, {}, None),
        ({"change_record": None}, {"people": BY_ANN}, {}, None),
        ({"reason": Reason.IN_SYNC_SAME}, {"people": BY_ANN}, {}, None),
    ],
)
def test_the_requester_of_a_change_record_is_not_enough_as_its_reviewer(one, people, rules, why) -> None:
    given = step(1, **{"change_record": REQUESTED, **one})
    before = Control("change-record", "ok", "nothing refused")
    made = plan(given, step(2, source=Source("x.yaml", 1)), controls=(before,))
    seen = Circumstances(Policy(**rules), NOW, logins={"Ann Other": "ann"}, **people)
    found = enforce_reviews(made, seen)
    assert found.steps[1:] == made.steps[1:]
    if why is None:
        assert found.steps[0] == given
        return
    assert found.steps[0].reason is Reason.REFUSED_CHANGE_RECORD
    assert found.steps[0].detail.startswith(f"requester: {why}")
    assert found.controls[0] == Control("change-record", "refused", "1 refused")
    assert before not in found.controls
    check_digest(found)
    spared = replace(made, overrides=(an_override(1, "change-record"),))
    assert enforce_reviews(spared, seen).steps == made.steps
    elsewhere = replace(made, overrides=(an_override(2, "change-record"), an_override(1, "freeze")))
    assert enforce_reviews(elsewhere, seen).steps == found.steps


def test_an_override_of_the_plan_holds_at_apply_until_it_runs_out() -> None:
    spared = an_override(1)
    made = assemble(replace(EMPTY, overrides=(spared,)), (step(1),), Circumstances(FROZEN, NOW))
    in_time = Circumstances(FROZEN, at("2026-12-21T00:00:00Z"))
    assert enforce_again(made, in_time).steps[0].reason is Reason.REFUSED_FREEZE
    begun = replace(made, steps=(replace(made.steps[0], overridden=(OverrideUse("freeze", "", NOW, Source("x")),)),))
    assert enforce_again(begun, in_time).steps[0].overridden == ()
    longer = replace(made, overrides=(replace(spared, until=at("2026-12-22T00:00:00Z")),))
    assert enforce_again(longer, in_time).steps[0].reason is Reason.APPROVE_WANTED
