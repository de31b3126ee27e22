"""Guards refuse single steps: each names its rule, the value, the limit and the way out."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.certificate import Certificate, CertificateContext, ContextNote, NoteCode
from reconciler.model.decision import Attestation, Expectation, Override, OverrideUse, Source
from reconciler.model.plan import EntryEdit
from reconciler.model.policy import ChangeRule, EmergencyRule, FolderRules, FourEyes, Freeze, Limits, Policy
from reconciler.model.review import Assessment, Emergency, NotReviewed, NotYetReviewed, Review
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.enforcement import enforce
from reconciler.planning.four_eyes import independent_reviewers
from reconciler.planning.guards import NEVER_OVERRIDDEN, STEP_GUARDS, Circumstances
from reconciler.planning.limits import check_limits
from tests.builders import APPROVED, NOW, OBJECT, PENDING, REJECTED, after, altered, at, between, guid, step

ROOT = Path(__file__).parents[2]
FREEZE = Freeze("year-end", at("2026-12-20T00:00:00Z"), at("2027-01-03T00:00:00Z"), (r"\VED\Policy\Web\**",))
REVIEW = Assessment(Review(12, "alice", reviewers=("bob",), last_pusher="alice"))
PUSHED = NotReviewed("commit abc came without a pull request; revert it", direct=True)
EXPECTED = Expectation(object=OBJECT)
INCIDENT = Emergency(guid(1), "INC0012345", "ann", "bob", "environment")
URGENT = {"emergency": INCIDENT, "rule_of_emergencies": EmergencyRule("^INC")}
DROPPING = CertificateContext(
    Certificate(common_name="a.test"), notes=(ContextNote(NoteCode.DROPS_NAME, "the renewal drops b.test"),)
)


def seen(now=NOW, people=NotYetReviewed(), identities=(), stopped=None, **more: Any) -> Circumstances:  # noqa: B008
    rest = {name: more.pop(name) for name in ("configuration", "superseded", "emergency") if name in more}
    more |= {"emergency": more.pop("rule_of_emergencies")} if "rule_of_emergencies" in more else {}
    return Circumstances(Policy(**more), now, people, frozenset(identities), stopped, **rest)


def refused(rule: str, one=None, **circumstances: Any) -> tuple[Reason, str] | None:
    (found,), _ = enforce((one or step(),), (), seen(**circumstances))
    alone = STEP_GUARDS[rule](one or step(), seen(**circumstances))
    assert (alone is None) == (found.group is Group.CHANGE)
    return (found.reason, found.detail) if alone else None


REFUSALS = [
    (
        "stop",
        {},
        {"stopped": "the stop file STOP exists"},
        "the stop file STOP exists; nothing is written until the stop is taken away",
    ),
    (
        "required",
        {"explanation": None, "change": ""},
        {"require": frozenset({"explanation", "change", "expect", "valid_until"})},
        "the policy requires change, expect, explanation, valid_until; add it to the entry",
    ),
    (
        "change-pattern",
        {"change": "INC1"},
        {"change_pattern": "^CHG[0-9]{7}$"},
        "change 'INC1' does not match '^CHG[0-9]{7}$'; name a change record that does",
    ),
    (
        "ownership",
        {"object": r"\VED\Policy\Db\db1"},
        {"owns": (r"\VED\Policy\Web\**", r"\VED\Policy\Shop\**")},
        r"\VED\Policy\Db\db1 is outside \VED\Policy\Web\**, \VED\Policy\Shop\**; decide it where it is owned",
    ),
    (
        "ownership",
        {"object": ""},
        {"owns": (r"\VED\**",)},
        r"an unnamed object is outside \VED\**; decide it where it is owned",
    ),
    (
        "freeze",
        {"after": between("2026-12-19T22:00:00Z", "2026-12-20T02:00:00Z")},
        {"freezes": (FREEZE,)},
        "the approval may take effect in freeze year-end (2026-12-20T00:00:00Z to 2027-01-03T00:00:00Z); "
        "move it out of the freeze",
    ),
    (
        "four-eyes",
        {},
        {"four_eyes": FourEyes(), "people": PUSHED},
        "commit abc came without a pull request; revert it",
    ),
    (
        "four-eyes",
        {},
        {"four_eyes": FourEyes(allow_direct_push=True), "people": NotReviewed("the checkout is shallow")},
        "the checkout is shallow",
    ),
    (
        "four-eyes",
        {},
        {"four_eyes": FourEyes(), "configuration": PUSHED},
        "the configuration: commit abc came without a pull request; revert it",
    ),
    (
        "four-eyes",
        {},
        {"four_eyes": FourEyes(), "people": Assessment(REVIEW.review, objections=("eve",))},
        "PR #12 has changes requested by eve; have them approve it, or dismiss their review",
    ),
    (
        "four-eyes",
        {},
        {"four_eyes": FourEyes(), "people": Assessment(REVIEW.review, unaccounted=("dependabot[bot]",))},
        "PR #12 has 1 of 2 independent approvals (author alice, approved by bob, 1 more for dependabot[bot]); "
        "have somebody approve who neither wrote nor pushed any of it",
    ),
    (
        "superseded",
        {},
        {"superseded": "main is at 123 by now"},
        "main is at 123 by now",
    ),
    (
        "emergency",
        {},
        {"emergency": INCIDENT},
        "the policy allows no emergency; bring it in by a pull request, or configure policy.emergency",
    ),
    (
        "emergency",
        {},
        {"emergency": INCIDENT, "rule_of_emergencies": EmergencyRule("^CHG")},
        "incident 'INC0012345' does not match '^CHG'; name the incident that it is for",
    ),
    (
        "emergency",
        {},
        {
            "emergency": replace(INCIDENT, earlier=frozenset({guid(8), guid(9)})),
            "rule_of_emergencies": EmergencyRule("^INC", per_day=2),
        },
        "2 tickets were decided so within 24 hours, the limit is 2; decide it in the console and record it with "
        "`decided`",
    ),
    (
        "four-eyes",
        {},
        {"four_eyes": FourEyes(2), "people": REVIEW},
        "PR #12 has 1 of 2 independent approvals (author alice, approved by bob); "
        "have somebody approve who neither wrote nor pushed any of it",
    ),
    (
        "four-eyes",
        {},
        {"four_eyes": FourEyes(), "people": Assessment(Review(12, "alice"))},
        "PR #12 has 0 of 1 independent approvals (author alice, approved by nobody); "
        "have somebody approve who neither wrote nor pushed any of it",
    ),
    (
        "identity",
        {"approvers": ("local:{b6}", "AD+CORP:jdoe")},
        {"four_eyes": FourEyes(), "identities": ("local:{ff}",)},
        "the caller is not among the ticket's approvers (local:{b6}, AD+CORP:jdoe); use an identity that is",
    ),
    (
        "change-record",
        {"change": "CHG0041234"},
        {"change_record": (ChangeRule(),)},
        "unavailable: CHG0041234 was not looked up; plan again",
    ),
    (
        "context",
        {"context": DROPPING},
        {"refuse": frozenset({NoteCode.WILDCARD, NoteCode.DROPS_NAME})},
        "context/drops-name: the renewal drops b.test",
    ),
    (
        "context",
        {"context": CertificateContext(None, "the server answered HTTP 502", failed=True)},
        {"refuse": frozenset({NoteCode.DROPS_NAME})},
        "the policy refuses context/drops-name, and the certificate is not known: the server answered HTTP 502",
    ),
]


@pytest.mark.parametrize(("rule", "fields", "circumstances", "said"), REFUSALS)
def test_a_guard_refuses_and_says_why_and_what_to_do(rule, fields, circumstances, said) -> None:
    assert refused(rule, altered(step(), **fields), **circumstances) == (Reason(f"refused/{rule}"), said)


def test_every_guard_of_steps_has_a_refusal_here() -> None:
    assert {row[0] for row in REFUSALS} == set(STEP_GUARDS)


def test_the_documentation_says_of_every_guard_whether_it_can_be_overridden() -> None:
    page = (ROOT / "docs/concepts/verdicts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\| (yes|no) \|$", page, re.MULTILINE)
    assert dict(rows) == {rule: "no" if rule in NEVER_OVERRIDDEN else "yes" for rule in STEP_GUARDS}


@pytest.mark.parametrize("rule", sorted(STEP_GUARDS))
def test_a_guard_that_nobody_configured_refuses_nothing(rule: str) -> None:
    assert refused(rule) is None


ALLOWED = [
    ("required", {"expect": EXPECTED}, {"require": frozenset({"explanation", "change", "expect"})}),
    ("required", {"valid_until": NOW}, {"require": frozenset({"valid_until"})}),
    ("required", {"named": False, "change": None}, {"require": frozenset({"change"})}),
    ("change-pattern", {}, {"change_pattern": "^CHG[0-9]{7}$"}),
    ("change-pattern", {"change": None}, {"change_pattern": "^CHG[0-9]{7}$"}),
    ("ownership", {"object": OBJECT.upper()}, {"owns": (r"\VED\Policy\Web\**",)}),
    ("freeze", {"object": r"\VED\Policy\Db\db1"}, {"freezes": (FREEZE,), "now": FREEZE.start}),
    ("four-eyes", {}, {"four_eyes": FourEyes(), "people": NotYetReviewed()}),
    ("four-eyes", {}, {"four_eyes": FourEyes(), "people": REVIEW}),
    ("four-eyes", {}, {"four_eyes": FourEyes(allow_direct_push=True), "people": PUSHED}),
    ("emergency", {}, URGENT),
    (
        "emergency",
        {},
        {
            "emergency": replace(INCIDENT, earlier=frozenset({guid(1)})),
            "rule_of_emergencies": EmergencyRule("^INC", per_day=1),
        },
    ),
    ("four-eyes", {}, {"four_eyes": FourEyes(2), "people": PUSHED, **URGENT}),
    ("change-pattern", {"change": "INC0012345"}, {"change_pattern": "^CHG[0-9]{7}$", **URGENT}),
    ("identity", {"approvers": ("local:{B6}",)}, {"four_eyes": FourEyes(), "identities": ("LOCAL:b6",)}),
    ("identity", {"approvers": ("local:b6",)}, {"four_eyes": FourEyes(), "identities": ("local:{b6}",)}),
    ("identity", {"approvers": ("local:{b6}",)}, {"four_eyes": FourEyes()}),
    ("identity", {"approvers": ()}, {"four_eyes": FourEyes(), "identities": ("local:ff",)}),
    ("identity", {"approvers": ("local:{b6}",)}, {"identities": ("local:ff",)}),
]


@pytest.mark.parametrize(("rule", "fields", "circumstances"), ALLOWED)
def test_a_guard_lets_through_what_meets_its_rule(rule, fields, circumstances) -> None:
    assert refused(rule, altered(step(), **fields), **circumstances) is None


BEFORE, AFTERWARDS = "2026-12-19T22:00:00Z", "2027-01-03T00:00:00Z"
EXECUTION = [
    # state wanted, the instant at which the plan is made, whether the freeze refuses it
    ("approved now, before it", APPROVED, FREEZE.start - timedelta(seconds=1), False),
    ("approved now, as it begins", APPROVED, FREEZE.start, True),
    ("approved now, in it", APPROVED, at("2026-12-25T00:00:00Z"), True),
    ("approved now, in its last second", APPROVED, FREEZE.stop - timedelta(seconds=1), True),
    ("approved now, as it ends", APPROVED, FREEZE.stop, False),
    ("a start before it", after(BEFORE), NOW, False),
    ("a start in it", after("2026-12-25T00:00:00Z"), NOW, True),
    ("a start as it ends", after(AFTERWARDS), NOW, False),
    ("a start that has passed, sent in it", after(BEFORE), at("2026-12-25T00:00:00Z"), True),
    ("a start in it, sent after it", after("2026-12-25T00:00:00Z"), FREEZE.stop, False),
    ("a window before it", between(BEFORE, "2026-12-19T23:59:59Z"), NOW, False),
    ("a window until it begins", between(BEFORE, "2026-12-20T00:00:00Z"), NOW, True),
    ("a window into it", between(BEFORE, "2026-12-20T02:00:00Z"), NOW, True),
    ("a window in it", between("2026-12-25T00:00:00Z", "2026-12-26T00:00:00Z"), NOW, True),
    ("a window around it", between(BEFORE, "2027-01-04T00:00:00Z"), NOW, True),
    ("a window out of it", between("2027-01-02T22:00:00Z", "2027-01-03T02:00:00Z"), NOW, True),
    ("a window from its end on", between(AFTERWARDS, "2027-01-03T02:00:00Z"), NOW, False),
    ("a window out of it, sent after it", between("2027-01-02T22:00:00Z", "2027-01-04T02:00:00Z"), FREEZE.stop, False),
]


@pytest.mark.parametrize(("name", "wanted", "now", "frozen"), EXECUTION, ids=[row[0] for row in EXECUTION])
def test_a_freeze_is_held_against_the_time_at_which_the_approval_can_take_effect(name, wanted, now, frozen) -> None:
    one = step(after=wanted, reason=Reason.APPROVE_WANTED if wanted == APPROVED else Reason.SCHEDULE_WANTED)
    assert (refused("freeze", one, freezes=(FREEZE,), now=now) is not None) == frozen


@pytest.mark.parametrize(
    "one",
    [
        step(reason=Reason.REJECT_WANTED, after=REJECTED),
        step(reason=Reason.REOPEN_WANTED, before=after("2026-12-25T00:00:00Z"), after=PENDING),
    ],
    ids=["reject", "reopen"],
)
def test_what_makes_nothing_happen_may_be_done_in_a_freeze(one) -> None:
    assert refused("freeze", one, freezes=(FREEZE,), now=FREEZE.start) is None


def test_the_first_freeze_that_covers_object_and_time_is_named() -> None:
    other = replace(FREEZE, name="databases", objects=(r"\VED\Policy\Db\**",))
    every = replace(FREEZE, name="everything", objects=("**",))
    _, detail = refused("freeze", step(object=""), freezes=(other, every), now=FREEZE.start) or ("", "")
    assert "freeze everything (" in detail


def test_a_freeze_is_told_in_the_zone_of_its_readers_too() -> None:
    _, detail = refused("freeze", freezes=(FREEZE,), now=FREEZE.start, timezone="Asia/Tokyo") or ("", "")
    assert detail == (
        "the approval may take effect in freeze year-end (2026-12-20T00:00:00Z to 2027-01-03T00:00:00Z, "
        "in Asia/Tokyo 2026-12-20 09:00 to 2027-01-03 09:00); move it out of the freeze"
    )


def test_neither_author_nor_last_pusher_is_independent_however_their_names_are_spelled() -> None:
    review = Review(12, "Alice", reviewers=("ALICE", "Bob", "carol"), last_pusher="bob")
    assert independent_reviewers(review) == ("carol",)


def test_the_first_refusal_of_a_step_counts_and_others_are_left_as_they_are() -> None:
    fine = step(2, reason=Reason.IN_SYNC_SAME, explanation=None)
    steps, controls = enforce(
        (step(explanation=None, object=r"\VED\Policy\Db\db1"), fine),
        (),
        seen(require=frozenset({"explanation"}), owns=(r"\VED\Policy\Web\**",)),
    )
    assert [one.reason for one in steps] == [Reason.REFUSED_REQUIRED, Reason.IN_SYNC_SAME]
    assert {(c.name, c.result, c.detail) for c in controls} == {
        ("stop", "ok", "nothing refused"),
        ("required", "refused", "1 refused"),
        ("change-pattern", "off", "not configured"),
        ("ownership", "ok", "nothing refused"),
        ("freeze", "off", "not configured"),
        ("four-eyes", "off", "not configured"),
        ("identity", "off", "not configured"),
        ("change-record", "off", "not configured"),
    }


def test_four_eyes_that_are_checked_later_say_so() -> None:
    _, controls = enforce((step(),), (), seen(four_eyes=FourEyes()))
    told = {control.name: (control.result, control.detail) for control in controls}
    assert told["four-eyes"] == ("ok", "checked again when the plan is applied")


def override(rule: str, *numbers: int, until=NOW + timedelta(days=1)) -> Override:
    return Override(rule, frozenset(guid(number) for number in numbers), "agreed with the owner", until, SOURCE)


SOURCE = Source("tickets/web.yaml", 9, 3)
OWNS_NOTHING = seen(owns=(r"\VED\Policy\Db\**",))


def test_an_override_spares_the_tickets_that_it_names_and_no_others() -> None:
    steps, controls = enforce((step(1), step(2)), (override("ownership", 1),), OWNS_NOTHING)
    assert [one.reason for one in steps] == [Reason.APPROVE_WANTED, Reason.REFUSED_OWNERSHIP]
    assert {c.name: c.detail for c in controls}["ownership"] == "1 refused, 1 overridden"


def test_a_control_that_was_overridden_altogether_says_so() -> None:
    _, controls = enforce((step(1),), (override("ownership", 1),), OWNS_NOTHING)
    assert {c.name: (c.result, c.detail) for c in controls}["ownership"] == ("overridden", "1 overridden")


def test_controls_count_every_ticket_that_was_refused_and_every_one_that_was_spared() -> None:
    steps, controls = enforce(tuple(map(step, range(1, 6))), (override("ownership", 1, 2, 3),), OWNS_NOTHING)
    assert [one.group for one in steps] == [Group.CHANGE] * 3 + [Group.ATTENTION] * 2
    assert {c.name: c.detail for c in controls}["ownership"] == "2 refused, 3 overridden"


def test_of_several_overrides_of_a_ticket_the_one_that_lasts_longest_is_noted() -> None:
    short, long = (override("ownership", 1, until=NOW + timedelta(days=days)) for days in (1, 2))
    for given in ((short, long), (long, short)):
        (found,), _ = enforce((step(1),), given, OWNS_NOTHING)
        assert found.overridden == (OverrideUse("ownership", "agreed with the owner", long.until, SOURCE),)


def test_an_emergency_spares_its_ticket_for_an_hour_what_the_policy_waives_and_says_who_decided() -> None:
    urgent = seen(
        now=FREEZE.start + timedelta(microseconds=7),
        emergency=INCIDENT,
        rule_of_emergencies=EmergencyRule("^INC", waives=frozenset({"freeze"})),
        freezes=(FREEZE,),
    )
    (found, other), _ = enforce((step(1), step(2)), (), urgent)
    said = "emergency INC0012345: ann asked, bob agreed (environment)"
    until = FREEZE.start + timedelta(hours=1)
    assert found.overridden == (OverrideUse("freeze", said, until, Source("policy.emergency")),)
    assert other.reason is Reason.REFUSED_FREEZE


OUTSIDE = Attestation("AD+CORP:jdoe", NOW, "console", "INC0012345")


@pytest.mark.parametrize(
    ("circumstances", "reason"),
    [
        (seen(require=frozenset({"valid_until"}), stopped="stop", freezes=(FREEZE,)), Reason.IN_SYNC_ACCEPTED),
        (seen(require=frozenset({"valid_until"}), owns=(r"\VED\Policy\Db\**",)), Reason.REFUSED_OWNERSHIP),
        (seen(require=frozenset({"valid_until"}), four_eyes=FourEyes(), people=PUSHED), Reason.REFUSED_FOUR_EYES),
    ],
)
def test_what_was_decided_outside_is_recorded_only_of_what_is_owned_and_only_with_reviewers(
    circumstances, reason
) -> None:
    """It can't be refused any more, so no other guard looks at it; and what nobody records needs no guard at all."""
    fine = step(2, reason=Reason.IN_SYNC_ACCEPTED)
    known = step(3, reason=Reason.IN_SYNC_SAME, decided=OUTSIDE)
    steps, _ = enforce((step(1, reason=Reason.IN_SYNC_ACCEPTED, decided=OUTSIDE), fine, known), (), circumstances)
    assert [one.reason for one in steps] == [reason, Reason.IN_SYNC_ACCEPTED, Reason.IN_SYNC_SAME]


IN_FREEZE = after("2026-12-25T00:00:00Z")
ARMED = "the approval is armed for 2026-12-25T00:00:00Z"
SPAN = "freeze year-end (2026-12-20T00:00:00Z to 2027-01-03T00:00:00Z)"


def armed(reason=Reason.IN_SYNC_SAME, number=1, **changes: Any):
    return step(number, reason=reason, before=IN_FREEZE, after=IN_FREEZE, **changes)


@pytest.mark.parametrize(
    ("one", "edit"),
    [
        (armed(), EntryEdit(wanted=PENDING)),
        (armed(Reason.IN_SYNC_LEDGER), EntryEdit(wanted=PENDING)),
        (armed(Reason.IN_SYNC_ACCEPTED), EntryEdit(wanted=PENDING, seen=IN_FREEZE)),
        (armed(Reason.AWAITING_OTHERS), None),
    ],
)
def test_what_is_armed_for_a_freeze_that_came_later_is_a_conflict_with_the_edit_that_ends_it(one, edit) -> None:
    (found, again), controls = enforce((one, armed(number=2)), (), seen(freezes=(FREEZE,)))
    assert (found.reason, found.detail) == (Reason.CONFLICT_FREEZE, f"{ARMED}, which is in {SPAN}")
    assert (found.edit, again.reason) == (edit, Reason.CONFLICT_FREEZE)
    assert {c.name: (c.result, c.detail) for c in controls}["freeze"] == ("refused", "2 armed already")


@pytest.mark.parametrize(
    "one",
    [
        armed(decided=OUTSIDE),
        armed(Reason.IN_SYNC_PROCESSING),
        armed(object=r"\VED\Policy\Db\db1"),
        step(reason=Reason.IN_SYNC_SAME),
    ],
    ids=["decided outside", "being carried out", "another object", "not scheduled"],
)
def test_what_no_freeze_is_for_is_left_alone(one) -> None:
    assert enforce((one,), (), seen(freezes=(FREEZE,)))[0] == (one,)


def test_what_may_take_effect_in_the_freeze_all_the_same_is_counted_as_overridden() -> None:
    both = (armed(), armed(number=2))
    steps, controls = enforce(both, (override("freeze", 1, 2),), seen(freezes=(FREEZE,)))
    assert steps == both
    assert {c.name: (c.result, c.detail) for c in controls}["freeze"] == ("overridden", "2 overridden")


def test_the_stop_does_not_hold_up_what_is_armed_and_says_so() -> None:
    (found, _), controls = enforce((armed(), armed(number=2)), (override("freeze", 1),), seen(stopped="STOP exists"))
    said = f"{ARMED} all the same: STOP exists; decide it in the console, or end the stop"
    assert (found.reason, found.detail, found.edit) == (Reason.CONFLICT_FREEZE, said, None)
    assert {c.name: (c.result, c.detail) for c in controls}["stop"] == ("refused", "2 armed already")


def test_controls_show_what_the_policy_says_in_words() -> None:
    rules = seen(
        require=frozenset({"change"}),
        owns=(r"\VED\**", "x"),
        limits=Limits(changes=3),
        failure_budget=2,
        four_eyes=FourEyes(2, allow_direct_push=True),
        change_record=(ChangeRule(requester_may_review_alone=False),),
        folders={"tickets/web": FolderRules(limits=Limits(changes=1, percent=50))},
    )
    _, controls = enforce((), (), rules)
    told = {each.name: (each.result, each.detail, each.value) for each in controls}
    fine = "nothing refused"
    wanted = {
        "stop": ("ok", fine, ""),
        "required": ("ok", fine, "change"),
        "change-pattern": ("off", "not configured", ""),
        "ownership": ("ok", fine, r"\VED\**; x"),
        "freeze": ("off", "not configured", ""),
        "four-eyes": ("ok", "checked again when the plan is applied", "reviewers 2, allow_direct_push yes"),
        "identity": ("off", "not configured", ""),
        "change-record": ("ok", fine, "requester_may_review_alone no"),
        "changes": ("ok", "0 of 3 changes", "3"),
        "changes in tickets/web": ("ok", "folder tickets/web: 0 of 1 changes", "1"),
        "percent in tickets/web": ("ok", "folder tickets/web: 0 of 50 percent of the decisions", "50"),
        "failure-budget": ("ok", "configured", "2"),
        "folders": ("ok", "configured", "tickets/web limits changes 1, percent 50"),
    }
    assert told.items() >= wanted.items()
    assert {name for name, (_, _, value) in told.items() if value} <= wanted.keys()


def test_an_override_exempts_from_its_own_rule_only() -> None:
    seen_both = seen(owns=(r"\VED\Policy\Db\**",), require=frozenset({"valid_until"}))
    (found,), _ = enforce((step(1),), (override("required", 1),), seen_both)
    assert found.reason is Reason.REFUSED_OWNERSHIP


@pytest.mark.parametrize("until", [NOW, NOW - timedelta(seconds=1)])
def test_an_override_that_has_run_out_exempts_nobody(until) -> None:
    (found,), _ = enforce((step(1),), (override("ownership", 1, until=until),), OWNS_NOTHING)
    assert found.reason is Reason.REFUSED_OWNERSHIP


def test_one_override_may_run_out_while_another_for_the_same_rule_holds() -> None:
    steps, _ = enforce(
        (step(1), step(2)), (override("ownership", 1, until=NOW), override("ownership", 2)), OWNS_NOTHING
    )
    assert [one.reason for one in steps] == [Reason.REFUSED_OWNERSHIP, Reason.APPROVE_WANTED]


@pytest.mark.parametrize(
    ("rule", "circumstances"),
    [
        ("stop", seen(stopped="the variable RECONCILER_STOP is set")),
        ("four-eyes", seen(four_eyes=FourEyes(), people=PUSHED)),
        ("identity", seen(four_eyes=FourEyes(), identities=("local:ff",))),
    ],
)
def test_nobody_is_exempt_from_the_stop_four_eyes_and_the_identity(rule, circumstances) -> None:
    assert rule in NEVER_OVERRIDDEN
    (found,), _ = enforce((step(1, approvers=("local:a",)),), (override(rule, 1),), circumstances)
    assert found.reason is Reason(f"refused/{rule}")


def test_manifests_may_name_exactly_the_rules_that_can_be_overridden() -> None:
    decisions, config = (
        json.loads((ROOT / f"schemas/{name}.schema.json").read_text(encoding="utf-8"))
        for name in ("decisions", "config")
    )
    limits = {check.rule for check in check_limits(Limits(0, 0, 0, 0), (), 0)}
    rules = set(STEP_GUARDS) - NEVER_OVERRIDDEN | limits
    assert set(decisions["$defs"]["override"]["properties"]["rule"]["enum"]) == rules
    assert set(config["$defs"]["override_bounds"]["properties"]["rules"]["items"]["enum"]) == rules
    waived = config["$defs"]["policy"]["properties"]["emergency"]["properties"]["waives"]["items"]["enum"]
    assert {name.replace("_", "-") for name in waived} == rules
