"""Rules of folders hold for the manifests below them, beside those of the repository."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.model.change_record import SeenChange
from reconciler.model.decision import Override, OverrideUse, Seal, Source
from reconciler.model.plan import Control, FolderLimits, Step
from reconciler.model.policy import (
    FolderRules,
    FourEyes,
    Freeze,
    Limits,
    OverrideBounds,
    Policy,
    RecurringFreeze,
    RecurringWindow,
    Reviewers,
)
from reconciler.model.review import Assessment, NotReviewed, Review, Team
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.enforcement import enforce
from reconciler.planning.folders import reviews_alone
from reconciler.planning.guards import Circumstances
from reconciler.planning.merge import merge_plans
from reconciler.planning.planner import assemble, enforce_reviews
from tests.builders import NOW, OBJECT, after, at, guid, plan, step

TOP, WEB, SHOP, PAY = "tickets/a.yaml", "tickets/web/b.yaml", "tickets/web/shop/c.yaml", "tickets/pay/d.yaml"
BELOW = {WEB: ("tickets/web",), SHOP: ("tickets/web/shop", "tickets/web"), PAY: ("tickets/pay",)}
NOTHING = FolderRules()


def seen(web: FolderRules = NOTHING, shop: FolderRules = NOTHING, pay: FolderRules = NOTHING, **more: Any):
    """What guards look at, with rules for the three folders; `more` are members of the policy or of what is seen."""
    own = {name: more.pop(name) for name in Circumstances.__dataclass_fields__ if name in more}
    folders = {"tickets/web": web, "tickets/web/shop": shop, "tickets/pay": pay}
    return Circumstances(Policy(folders=folders, **more), NOW, **{"below": BELOW, **own})


def one(number: int, path: str, **changes: Any) -> Step:
    return step(number, source=Source(path, number), **changes)


def reasons(steps) -> dict[str, list[Reason]]:
    found: dict[str, list[Reason]] = {}
    for each in steps:
        found.setdefault(each.source.path, []).append(each.reason)
    return found


def override(rule: str, *numbers: int, path: str = TOP, until: datetime = NOW + timedelta(days=1)) -> Override:
    return Override(rule, frozenset(map(guid, numbers)), "agreed", until, Source(path, 9))


def test_each_folder_has_its_own_limits_and_what_they_refuse_counts_no_more_for_the_repository() -> None:
    rules = seen(FolderRules(limits=Limits(changes=1)), pay=FolderRules(limits=Limits(changes=2)), limits=Limits(3))
    steps, controls = enforce(
        (one(1, WEB), one(2, SHOP), one(3, PAY), one(4, PAY), one(5, TOP)),
        (),
        rules,
    )
    assert reasons(steps) == {
        WEB: [Reason.REFUSED_CHANGES],
        SHOP: [Reason.REFUSED_CHANGES],
        PAY: [Reason.APPROVE_WANTED] * 2,
        TOP: [Reason.APPROVE_WANTED],
    }
    told = "folder tickets/web: 2 changes, the limit is 1; split the change into waves or raise the limit"
    assert {each.detail for each in steps[:2]} == {told}
    assert [each for each in controls if each.name.startswith("changes")] == [
        Control("changes", "ok", "3 of 3 changes", "3"),
        Control("changes in tickets/web", "refused", told, "1"),
        Control("changes in tickets/pay", "ok", "folder tickets/pay: 2 of 2 changes", "2"),
    ]


def test_the_percent_of_a_folder_is_of_its_own_decisions_those_of_sealed_manifests_too() -> None:
    old, others = Seal("tickets/web/old.yaml", "sha256:1", 2), Seal("tickets/pay/old.yaml", "sha256:2", 9)
    below = {**BELOW, old.path: ("tickets/web",), others.path: ("tickets/pay",)}
    half = FolderRules(limits=Limits(percent=50))
    steps = (one(1, WEB), one(2, WEB), one(3, PAY))
    _, controls = enforce(steps, (), seen(half, seals=(old, others), below=below))
    assert controls[-2:] == (
        Control("percent in tickets/web", "ok", "folder tickets/web: 50 of 50 percent of the decisions", "50"),
        Control("folders", "ok", "configured", controls[-1].value),
    )
    held, _ = enforce(steps, (), seen(half, seals=(others,), below=below))
    assert reasons(held) == {WEB: [Reason.REFUSED_PERCENT] * 2, PAY: [Reason.APPROVE_WANTED]}


def test_an_exemption_from_the_limits_of_folder_and_repository_is_noted_once() -> None:
    rules = seen(FolderRules(limits=Limits(changes=0)), limits=Limits(changes=0))
    spared = override("changes", 1)
    (found,), _ = enforce((one(1, WEB),), (spared,), rules)
    assert found.overridden == (OverrideUse("changes", "agreed", spared.until, spared.source),)
    assert found.group is Group.CHANGE


def test_a_plan_names_the_limits_of_folders_with_their_manifests_and_merging_holds_them_again() -> None:
    rules = seen(FolderRules(limits=Limits(changes=1)), pay=FolderRules(limits=Limits(changes=5)))
    first = assemble(plan(shard="1/2"), (one(1, SHOP), one(3, PAY), one(4, TOP)), rules)
    assert first.folder_limits == (
        FolderLimits("tickets/pay", Limits(changes=5), (PAY,)),
        FolderLimits("tickets/web", Limits(changes=1), (SHOP,)),
    )
    second = assemble(plan(shard="2/2"), (one(2, WEB),), rules)
    assert [each.group for each in (*first.steps, *second.steps)] == [Group.CHANGE] * 4
    merged = merge_plans([first, second])
    assert merged.folder_limits[1] == FolderLimits("tickets/web", Limits(changes=1), (WEB, SHOP))
    assert reasons(merged.steps) == {
        SHOP: [Reason.REFUSED_CHANGES],
        WEB: [Reason.REFUSED_CHANGES],
        PAY: [Reason.APPROVE_WANTED],
        TOP: [Reason.APPROVE_WANTED],
    }
    assert Control("changes in tickets/pay", "ok", "folder tickets/pay: 1 of 5 changes", "5") in merged.controls


@pytest.mark.parametrize(("days", "reason"), [(9_000, Reason.APPROVE_WANTED), (0, Reason.REFUSED_CHANGES)])
def test_an_exemption_from_a_limit_holds_for_the_merged_plan_until_it_runs_out(days: int, reason: Reason) -> None:
    """Each shard has dropped those that its policy does not let it have."""
    limits = Limits(changes=1)
    spared = (override("changes", 1, 2, until=NOW + timedelta(days=days)),)
    parts = [plan(step(n), shard=f"{n}/2", limits=limits, overrides=spared) for n in (1, 2)]
    assert [each.reason for each in merge_plans(parts).steps] == [reason] * 2


def test_owned_objects_of_the_most_specific_folder_count_beside_those_of_the_repository() -> None:
    rules = seen(
        FolderRules(owns=(r"\VED\Policy\Web\**",)), FolderRules(owns=(r"\VED\Policy\Web\Shop\**",)), owns=(r"\VED\**",)
    )
    shop = r"\VED\Policy\Web\Shop\s1"
    steps, controls = enforce(
        (one(1, WEB), one(2, SHOP), one(3, SHOP, object=shop), one(4, TOP, object="x")), (), rules
    )
    assert [each.detail for each in steps] == [
        "",
        rf"{OBJECT} is outside \VED\Policy\Web\Shop\** of folder tickets/web/shop; decide it where it is owned",
        "",
        r"x is outside \VED\**; decide it where it is owned",
    ]
    assert next(each for each in controls if each.name == "ownership").detail == "2 refused"
    _, controls = enforce((one(1, WEB),), (), seen(shop=FolderRules(owns=("x",))))
    assert next(each for each in controls if each.name == "ownership").detail == "nothing refused"


def freeze(name: str, days: int = 0) -> Freeze:
    return Freeze(name, NOW + timedelta(days=days), NOW + timedelta(days=days + 1))


EVERY_WEEK = RecurringFreeze(
    "weekly", RecurringWindow("FREQ=WEEKLY", "Europe/Berlin", datetime.fromisoformat("2026-11-23T08:00"), 3600)
)


@pytest.mark.parametrize(
    ("path", "frozen"), [(TOP, "everywhere"), (WEB, "this week"), (SHOP, "the fair"), (PAY, "the end of the month")]
)
def test_freezes_of_the_most_specific_folder_that_has_any_hold_beside_those_of_the_repository(path, frozen) -> None:
    rules = seen(
        FolderRules(recurring_freezes=(EVERY_WEEK,)),
        FolderRules(freezes=(freeze("the fair"),)),
        FolderRules(freezes=(freeze("the end of the month"),), recurring_freezes=(EVERY_WEEK,)),
        freezes=(freeze("long ago", -9),),
        recurring=(freeze("everywhere"),) if path == TOP else (freeze("everywhere", 8),),
        recurring_in={"tickets/web": (freeze("this week"),)},
    )
    (found,), controls = enforce((one(1, path),), (), rules)
    assert found.detail.startswith(f"the approval may take effect in freeze {frozen} (")
    assert next(each for each in controls if each.name == "freeze").detail == "1 refused"


@pytest.mark.parametrize(
    "rules", [FolderRules(freezes=(freeze("x", 9),)), FolderRules(recurring_freezes=(EVERY_WEEK,))]
)
def test_a_freeze_of_any_folder_is_one_that_plans_tell_of(rules: FolderRules) -> None:
    _, controls = enforce((one(1, TOP),), (), seen(pay=rules))
    assert next(each for each in controls if each.name == "freeze").detail == "nothing refused"


def approved(*reviewers: str, teams: tuple[Team, ...] = ()) -> Assessment:
    return Assessment(Review(12, "ann", reviewers=reviewers), teams=teams)


DIRECT = NotReviewed("pushed", direct=True)
PKI = Team("pki", frozenset({"eve"}))


@pytest.mark.parametrize(
    ("four_eyes", "reviewers", "people", "why"),
    [
        (None, Reviewers(2), approved("bob"), "PR #12 has 1 of 2 independent approvals"),
        (None, Reviewers(2), approved("bob", "eve"), None),
        (FourEyes(3), Reviewers(2), approved("bob", "eve"), "PR #12 has 2 of 3 independent approvals"),
        (FourEyes(1, allow_direct_push=True), Reviewers(2), DIRECT, None),
        (FourEyes(1), Reviewers(2), DIRECT, "pushed"),
        (None, Reviewers(1, ("pki",)), approved("bob", teams=(PKI,)), "PR #12 has 0 of 1 approvals by members of pki"),
        (None, Reviewers(1, ("pki",)), approved("eve", teams=(PKI,)), None),
        (
            FourEyes(1, of_teams=(Reviewers(1, ("web",)),)),
            Reviewers(1, ("pki",)),
            approved("eve", teams=(PKI, Team("web", frozenset({"bob"})))),
            "PR #12 has 0 of 1 approvals by members of web",
        ),
    ],
)
def test_a_folder_may_ask_for_more_reviewers_than_the_repository(four_eyes, reviewers, people, why) -> None:
    rules = seen(FolderRules(reviewers=reviewers), four_eyes=four_eyes, decided_by={WEB: people, TOP: approved("bob")})
    rules = replace(rules, configuration=approved("bob", "eve", "joe", teams=(Team("web", frozenset({"bob"})),)))
    (found,), _ = enforce((one(1, WEB),), (), rules)
    assert found.reason is (Reason.REFUSED_FOUR_EYES if why else Reason.APPROVE_WANTED)
    assert found.detail.startswith(why or "")


def test_the_configuration_needs_the_reviewers_of_the_repository_and_one_where_only_folders_ask() -> None:
    said = "the configuration: PR #12 has 1 of 2 independent approvals"
    for four_eyes, reviewers, why in ((FourEyes(2), Reviewers(1), said), (None, Reviewers(2), "")):
        rules = seen(FolderRules(reviewers=reviewers), four_eyes=four_eyes, configuration=approved("bob"))
        (found,), _ = enforce((one(1, WEB),), (), rules)
        assert found.detail.startswith(why)
        assert (found.group is Group.CHANGE) == (not why)


LATE = at("2026-12-24T00:00:00Z")


@pytest.mark.parametrize(
    ("bounds", "of", "why"),
    [
        ({}, override("freeze", 1), None),
        (
            {"policy": OverrideBounds(rules=frozenset({"changes", "ownership"}))},
            override("freeze", 1),
            "changes, ownership",
        ),
        ({"policy": OverrideBounds(rules=frozenset())}, override("freeze", 1), "nothing"),
        ({"web": OverrideBounds(rules=frozenset({"changes"}))}, override("freeze", 1), "changes"),
        ({"web": OverrideBounds(rules=frozenset({"changes"}))}, override("freeze", 1, path=PAY), "changes"),
        ({"pay": OverrideBounds(rules=frozenset({"changes"}))}, override("freeze", 1, path=PAY), "changes"),
        ({"pay": OverrideBounds(rules=frozenset({"changes"}))}, override("freeze", 1), None),
        ({"web": OverrideBounds(longest=86_400)}, override("freeze", 1), None),
        ({"web": OverrideBounds(longest=86_399)}, override("freeze", 1), NOW + timedelta(seconds=86_399)),
        ({"policy": OverrideBounds(longest=60)}, override("freeze", 1), NOW + timedelta(minutes=1)),
    ],
)
def test_an_override_counts_only_within_the_bounds_of_where_it_stands_and_of_what_it_spares(bounds, of, why) -> None:
    rules = seen(
        FolderRules(overrides=bounds.get("web")),
        pay=FolderRules(overrides=bounds.get("pay")),
        overrides=bounds.get("policy", OverrideBounds()),
        freezes=(freeze("now"),),
    )
    (found,), _ = enforce((one(1, WEB),), (of,), rules)
    if why is None:
        assert found.group is Group.CHANGE
        return
    said = f"it overrides freeze, and the policy lets it override {why}"
    if isinstance(why, datetime):
        latest = f"{why:%Y-%m-%dT%H:%M:%SZ}"
        said = f"it lasts until 2026-11-24T12:00:00Z, and may last until {latest} at most"
    assert found.detail.endswith(f"; the override at {of.source} does not count: {said}")


def test_an_override_that_a_folder_forbids_spares_its_tickets_from_no_limit_and_lets_nothing_run_in_a_freeze() -> None:
    """It stands where it would count."""
    forbidden = FolderRules(overrides=OverrideBounds(rules=frozenset()))
    given = (override("changes", 1, 2), override("freeze", 1, 2))
    rules = seen(pay=forbidden, limits=Limits(changes=0))
    steps, _ = enforce((one(1, WEB), one(2, PAY)), given, rules)
    assert reasons(steps) == {WEB: [Reason.APPROVE_WANTED], PAY: [Reason.REFUSED_CHANGES]}
    armed = {"reason": Reason.IN_SYNC_SAME, "after": after("2026-11-23T20:00:00Z")}
    rules = seen(pay=forbidden, freezes=(freeze("now"),))
    steps, _ = enforce((one(1, WEB, **armed), one(2, PAY, **armed)), given, rules)
    assert reasons(steps) == {WEB: [Reason.IN_SYNC_SAME], PAY: [Reason.CONFLICT_FREEZE]}


def test_an_override_of_the_change_record_that_a_folder_forbids_spares_no_requester() -> None:
    requested = SeenChange("CHG0041234", NOW, requester="bob")
    made = plan(
        *(one(number, path, change_record=requested) for number, path in ((1, WEB), (2, PAY))),
        overrides=(override("change-record", 1, 2),),
    )
    rules = seen(pay=FolderRules(overrides=OverrideBounds(rules=frozenset())), people=approved("bob"))
    assert reasons(enforce_reviews(made, rules).steps) == {
        WEB: [Reason.APPROVE_WANTED],
        PAY: [Reason.REFUSED_CHANGE_RECORD],
    }


def test_a_plan_keeps_of_its_overrides_the_tickets_that_the_policy_lets_them_spare() -> None:
    rules = seen(pay=FolderRules(overrides=OverrideBounds(rules=frozenset({"changes"}))))
    given = (override("freeze", 1, 2, 7), override("freeze", 2, path=WEB), override("changes", 1, 2))
    made = assemble(plan(overrides=given), (one(1, WEB), one(2, PAY)), rules)
    assert made.overrides == (override("changes", 1, 2), override("freeze", 1, 7))


MORE = OverrideBounds(reviewers=Reviewers(1))


@pytest.mark.parametrize(
    ("bounds", "where", "four_eyes", "people", "why"),
    [
        ({}, TOP, FourEyes(1), approved("bob"), None),
        ({"policy": MORE}, TOP, FourEyes(1), approved("bob"), "1 of 2"),
        ({"policy": MORE}, TOP, FourEyes(1), approved("bob", "eve"), None),
        ({"policy": MORE}, TOP, None, approved("bob"), None),
        ({"policy": MORE}, TOP, None, approved(), "0 of 1"),
        ({"web": MORE}, TOP, FourEyes(1), approved("bob"), "1 of 2"),
        ({"pay": MORE}, PAY, FourEyes(1), approved("bob"), "1 of 2"),
        ({"pay": MORE}, TOP, FourEyes(1), approved("bob"), None),
        (
            {"policy": OverrideBounds(reviewers=Reviewers(1, ("pki",)))},
            TOP,
            FourEyes(1),
            approved("bob", "joe", teams=(PKI,)),
            "0 of 1 approvals by members of pki",
        ),
    ],
)
def test_an_override_may_need_more_reviewers_than_the_decision_that_it_spares(
    bounds, where, four_eyes, people, why
) -> None:
    spared = override("freeze", 1, path=where)
    rules = seen(
        FolderRules(overrides=bounds.get("web")),
        pay=FolderRules(overrides=bounds.get("pay")),
        overrides=bounds.get("policy", OverrideBounds()),
        four_eyes=four_eyes,
        freezes=(freeze("now"),),
        configuration=approved("bob"),
        decided_by={WEB: approved("bob")},
        overridden_by={spared.source: people},
    )
    (found,), _ = enforce((one(1, WEB),), (spared,), rules)
    assert found.detail.startswith(f"the override at {spared.source}: PR #12 has {why}" if why else "")
    assert found.reason is (Reason.REFUSED_FOUR_EYES if why else Reason.APPROVE_WANTED)
    by_file = replace(rules, overridden_by={}, decided_by={WEB: approved("bob"), TOP: people, PAY: people})
    assert enforce((one(1, WEB),), (spared,), by_file)[0] == (found,)


def test_reviews_are_held_against_a_plan_with_the_bounds_of_folders() -> None:
    """The guards besides were held when it was made: of the rules only those about people count then."""
    spared = override("freeze", 1, path=PAY)
    rules = seen(
        pay=FolderRules(overrides=MORE, limits=Limits(changes=0)), four_eyes=FourEyes(1), freezes=(freeze("f"),)
    )
    made = assemble(plan(overrides=(spared,)), (one(1, WEB),), rules)
    assert made.steps[0].group is Group.CHANGE
    people = replace(rules, policy=reviews_alone(rules.policy), people=approved("bob"), configuration=approved("bob"))
    assert enforce_reviews(made, people).steps[0].reason is Reason.REFUSED_FOUR_EYES
    enough = replace(people, overridden_by={spared.source: approved("bob", "eve")})
    assert enforce_reviews(made, enough).steps == made.steps
