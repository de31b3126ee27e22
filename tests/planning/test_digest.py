"""Digests cover meaning, all of it and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.codec import canonical, sha256
from reconciler.errors import GuardRefused
from reconciler.model.certificate import Certificate, CertificateContext
from reconciler.model.change_record import SeenChange
from reconciler.model.decision import (
    Attestation,
    Decision,
    Expectation,
    ExpectedCertificate,
    Override,
    OverrideUse,
    Parameters,
    Seal,
    Source,
    WindowUse,
)
from reconciler.model.plan import EntryEdit, Sibling, Step
from reconciler.model.status import approved, approved_after, approved_between, pending, rejected
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning import digest
from reconciler.planning.digest import check_digest, decision_digest, plan_digest
from tests.builders import (
    NOW,
    OBJECT,
    PENDING,
    REJECTED,
    WORKFLOW,
    after,
    altered,
    at,
    between,
    decision,
    guid,
    plan,
    step,
)

TARGET = "https://tpp.example.com"
START, STOP = at("2026-11-28T22:00:00Z"), at("2026-11-29T02:00:00Z")
OVERRIDE = Override(
    "freeze", frozenset({guid(1)}), "the certificate ends tonight", START, Source("tickets/web.yaml", 9)
)

GOLDEN = "sha256:f838b2dd7570dd06fb93d5a02658c4d85c5fdbbe174b39c300e83503cd9f21e2"
GOLDEN_FULL = "sha256:3d1ebbc49afa2f0fa050d6c3d6c076dba715493cf8cf856cdab1502771385930"
DECISIONS = {
    "plain": "sha256:f279f8aff80e9653e3e56021e5e10f1fefc447a9abf2d169ac0c3a9cd98930e0",
    "window": "sha256:f32207ffe0d73bbaf377e2de313776fa9a417db40cc5e408c090085cb0def4dd",
    "weekly": "sha256:89cb72eef6fcd89313864b0284f769415abb865ef723a3df20eea556252ea3b2",
    "seen": "sha256:6b22bd7c2038690d9170c4147d69f26c1f597043fee7a2204e1efb84f8bfa191",
    "decided": "sha256:5bb56afff1e1ac6a8edb919bcd67e9df86a86afb10e7596495f085bb9ee69553",
}

MEANING: list[dict[str, Any]] = [
    {"guid": guid(7)},
    {"reason": Reason.SCHEDULE_WANTED},
    {"before": None},
    {"before": REJECTED},
    {"after": REJECTED},
    {"after": after("2026-11-28T22:00:00Z")},
    {"after": between("2026-11-28T22:00:00Z", "2026-11-29T02:00:00Z")},
    {"object": OBJECT + "x"},
    {"workflow": WORKFLOW + "x"},
    {"approvers": ("local:{b6e6a98b-6419-4497-9249-860d136dfba0}",)},
    {"approval_reason": "Stage 500"},
    {"explanation": None},
    {"explanation": "looked at it twice"},
    {"change": "CHG0049999"},
    {"expect": Expectation(object=OBJECT)},
    {"expect": Expectation(workflow=WORKFLOW)},
    {"expect": Expectation(certificate=ExpectedCertificate("www.example.com"))},
    {"expect": Expectation(certificate=ExpectedCertificate(issuer="www.example.com"))},
    {"valid_until": NOW},
    {"parameters": Parameters(reason="")},
    {"parameters": Parameters(approvers=())},
    {"parameters": Parameters(approvers=("local:a",))},
    {"parameters": Parameters(object_dn=OBJECT)},
    {"parameters": Parameters(user_data="x")},
    {"window": WindowUse("sat-night")},
    {"window": WindowUse("sat-night", "FREQ=WEEKLY;BYDAY=SA")},
    {"digest": "sha256:" + "f" * 64},
    {"expect": Expectation(state=REJECTED)},
    {"expect": Expectation(state=PENDING)},
    {"decided": Attestation("AD+CORP:jdoe", NOW, "console", "INC0012345")},
    {"decided": Attestation("AD+CORP:jroe", NOW, "console", "INC0012345")},
]

WORDING: list[dict[str, Any]] = [
    {"detail": "said in other words"},
    {"source": Source("elsewhere.yaml", 99, 9)},
    {"siblings": (Sibling(guid(9)),)},
    {"rule": "weekend"},
    {"operation": "6a1f09c2d4e7"},
    {"closed": True},
    {"created": NOW},
    {"context": CertificateContext(Certificate(common_name="www.example.com"))},
    {"known_from": "ledger"},
    {"change_record": SeenChange("CHG0041234", NOW, "scheduled")},
    {"overridden": (OverrideUse("freeze", "Outage", STOP, Source("a.yaml")),)},
    {"edit": EntryEdit(wanted=REJECTED)},
    {"named": False},
    {"own": False},
]


@pytest.mark.parametrize("change", MEANING, ids=" ".join)
def test_a_plan_that_means_something_else_has_another_digest(change: dict[str, Any]) -> None:
    assert plan_digest(TARGET, (step(), step(2))) != plan_digest(TARGET, (altered(step(), **change), step(2)))


def test_all_changes_of_meaning_have_digests_of_their_own() -> None:
    digests = {plan_digest(TARGET, (altered(step(), **change),)) for change in MEANING}
    assert len(digests) == len(MEANING)


@pytest.mark.parametrize("change", WORDING, ids=str)
def test_a_plan_that_says_the_same_in_other_words_has_the_same_digest(change: dict[str, Any]) -> None:
    assert plan_digest(TARGET, (step(),)) == plan_digest(TARGET, (altered(step(), **change),))


def test_every_field_of_a_step_is_meaning_or_wording() -> None:
    named = {name for change in MEANING + WORDING for name in change}
    own, of_decision = set(Step.__struct_fields__), set(Decision.__struct_encode_fields__)
    assert named == (own - {"decision"}) | of_decision


def test_another_server_or_another_exemption_is_another_meaning() -> None:
    digests = {
        plan_digest(TARGET, (step(),)),
        plan_digest("https://other.example.com", (step(),)),
        plan_digest(TARGET, (step(),), (OVERRIDE,)),
        plan_digest(TARGET, (step(),), (replace(OVERRIDE, rule="ownership"),)),
        plan_digest(TARGET, (step(),), (replace(OVERRIDE, tickets=frozenset({guid(2)})),)),
        plan_digest(TARGET, (step(),), (replace(OVERRIDE, until=STOP),)),
    }
    assert len(digests) == 6


def test_the_wording_of_an_exemption_is_no_meaning() -> None:
    other = replace(OVERRIDE, reason="in other words", source=Source("x.yaml"))
    assert plan_digest(TARGET, (), (OVERRIDE,)) == plan_digest(TARGET, (), (other,))


@given(st.permutations([step(number) for number in range(1, 7)]))
def test_the_order_of_steps_is_no_meaning(steps) -> None:
    assert plan_digest(TARGET, tuple(steps)) == plan_digest(TARGET, tuple(step(number) for number in range(1, 7)))


def test_the_digest_of_a_plan_stays_what_it_is_from_release_to_release() -> None:
    assert plan_digest(TARGET, (step(),)) == GOLDEN


WEEKLY = WindowUse("sat-night", "FREQ=WEEKLY;BYDAY=SA")
OUTSIDE = Attestation("AD+CORP:jdoe", NOW, "console", "INC0012345")


def test_everything_that_a_plan_can_have_stays_in_its_digest_under_the_same_name() -> None:
    """An old ledger and a saved plan name digests: a member that is spelled otherwise makes strangers of them."""
    full = altered(
        step(),
        expect=Expectation(OBJECT, WORKFLOW, ExpectedCertificate("www.example.com"), PENDING),
        decided=OUTSIDE,
        window=WEEKLY,
        valid_until=STOP,
        approvers=("b", "a"),
        parameters=Parameters("r", ("a",), OBJECT, "u"),
    )
    sealed = (Seal("b.yaml", "sha256:2", 1), Seal("a.yaml", "sha256:1", 2))
    assert plan_digest(TARGET, (full, step(2)), (OVERRIDE,), sealed) == GOLDEN_FULL


def test_the_digests_of_decisions_stay_what_they_are_from_release_to_release() -> None:
    every = {
        "plain": decision(parameters=Parameters("r", ("a",), OBJECT, "u")),
        "window": decision(wanted=approved_between(START, STOP), window=WindowUse("cutover")),
        "weekly": decision(wanted=approved_between(START, STOP), window=WEEKLY),
        "seen": decision(expect=Expectation(state=rejected())),
        "decided": decision(decided=OUTSIDE),
    }
    assert {name: decision_digest(each) for name, each in every.items()} == DECISIONS


def test_the_digest_is_that_of_one_canonical_object_sorted_by_ticket() -> None:
    steps = (step(guid=guid(2)), step(guid=guid(1)), step(guid=guid(3)))
    meaning = {
        "target": TARGET,
        "steps": [digest.meaning_of(each) for each in sorted(steps, key=lambda each: each.guid)],
        "overrides": [canonical(digest._override(OVERRIDE)).decode()],
    }
    assert plan_digest(TARGET, steps, (OVERRIDE,)) == sha256(canonical(meaning))
    assert plan_digest(TARGET, ()) == sha256(canonical({"target": TARGET, "steps": [], "overrides": []}))


def test_a_plan_with_the_digest_of_its_meaning_passes() -> None:
    made = plan(step(), digest=plan_digest(TARGET, (step(),)))
    check_digest(made)
    check_digest(replace(made, made_at=NOW + timedelta(days=1), notes=("look",), commit="abc"))


@pytest.mark.parametrize(
    "edit",
    [
        {"steps": (step(after=REJECTED),)},
        {"steps": ()},
        {"steps": (step(), step(2))},
        {"target": "https://other.example.com"},
        {"overrides": (OVERRIDE,)},
        {"digest": "sha256:" + "0" * 64},
    ],
    ids=" ".join,
)
def test_an_edited_plan_is_refused(edit: dict[str, Any]) -> None:
    made = replace(plan(step(), digest=plan_digest(TARGET, (step(),))), **edit)
    with pytest.raises(GuardRefused, match="it was edited after it was made") as refused:
        check_digest(made)
    assert refused.value.hint == "make a new plan, have it reviewed, and apply that one"


def test_decisions_that_want_different_things_have_different_digests() -> None:
    wanted = [
        pending(),
        approved(),
        rejected(),
        approved_after(START),
        approved_after(STOP),
        approved_between(START, STOP),
        approved_between(START, STOP + timedelta(microseconds=1)),
    ]
    digests = {decision_digest(decision(wanted=each)) for each in wanted}
    digests |= {decision_digest(decision(2)), decision_digest(decision(parameters=Parameters(reason="x")))}
    assert len(digests) == len(wanted) + 2


def test_a_decision_is_the_same_whatever_its_words_place_and_time_zone() -> None:
    plain = decision(wanted=approved_after(START))
    other = replace(
        plain,
        wanted=approved_after(START.astimezone(at("2026-11-28T23:00:00+01:00").tzinfo)),
        source=Source("moved.yaml", 1),
        explanation="in other words",
        change="CHG1",
        valid_until=NOW,
    )
    assert decision_digest(plain) == decision_digest(other)


def test_a_window_that_comes_again_is_the_same_decision_next_week() -> None:
    weekly = WindowUse("sat-night", "FREQ=WEEKLY;BYDAY=SA")
    this_week = decision(wanted=approved_between(START, STOP), window=weekly)
    next_week = replace(this_week, wanted=approved_between(START + timedelta(7), STOP + timedelta(7)))
    assert decision_digest(this_week) == decision_digest(next_week)
    assert decision_digest(this_week) != decision_digest(replace(this_week, window=None))
    assert decision_digest(this_week) != decision_digest(replace(this_week, window=replace(weekly, rule="FREQ=DAILY")))


def test_a_single_window_that_is_moved_is_another_decision() -> None:
    once = decision(wanted=approved_between(START, STOP), window=WindowUse("cutover"))
    assert decision_digest(once) != decision_digest(replace(once, wanted=approved_between(START, STOP + timedelta(1))))
