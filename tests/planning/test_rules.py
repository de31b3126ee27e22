"""A pull request that changes rules shows each of them, as it was and as it will be."""

from datetime import timedelta

from reconciler.model.decision import Override, Source
from reconciler.model.policy import FolderRules, Freeze, Limits, Policy
from reconciler.model.pull_request import RuleChange
from reconciler.model.settings import Requests, Settings
from reconciler.model.value import replace
from reconciler.planning.rules import override_changes, rule_changes
from tests.builders import NOW, guid

FREEZE = Freeze("year-end", NOW, NOW + timedelta(days=1))
BASE = Settings(
    server="https://tpp.example.com",
    policy=Policy(
        require=frozenset({"expect", "change"}),
        owns=(r"\VED\b", r"\VED\a"),
        freezes=(FREEZE,),
        limits=Limits(changes=5),
        folders={"tickets/web": FolderRules(limits=Limits(percent=50))},
    ),
    path="reconciler.yaml",
    timezone="Europe/Berlin",
)


def test_settings_that_are_the_same_change_no_rule_wherever_they_stand() -> None:
    assert rule_changes(BASE, replace(BASE, path="x.yaml", environment="staging", timezone="Asia/Tokyo")) == ()


def test_each_rule_that_differs_is_named_with_what_it_was_and_what_it_will_be() -> None:
    head = replace(
        BASE,
        server=None,
        requests=replace(Requests(), writes=9),
        policy=replace(
            BASE.policy,
            require=frozenset({"expect", "explanation"}),
            owns=(r"\VED\a",),
            freezes=(replace(FREEZE, stop=NOW + timedelta(days=2)), replace(FREEZE, name="fair", objects=("x",))),
            limits=Limits(changes=6, percent=10),
            timezone="Asia/Tokyo",
            folders={"tickets/web": FolderRules(limits=Limits(percent=60))},
        ),
        context=replace(BASE.context, certificates=not BASE.context.certificates),
    )
    certificates = ("true", "false") if BASE.context.certificates else ("false", "true")
    assert set(rule_changes(BASE, head)) == {
        RuleChange("server", "https://tpp.example.com"),
        RuleChange("requests.writes", str(Requests().writes), "9"),
        RuleChange("policy.require", "change, expect", "expect, explanation"),
        RuleChange("policy.owns", r"\VED\b, \VED\a", r"\VED\a"),
        RuleChange("policy.freezes.year-end.stop", "2026-11-24T12:00:00Z", "2026-11-25T12:00:00Z"),
        RuleChange("policy.freezes.fair.name", None, "fair"),
        RuleChange("policy.freezes.fair.start", None, "2026-11-23T12:00:00Z"),
        RuleChange("policy.freezes.fair.stop", None, "2026-11-24T12:00:00Z"),
        RuleChange("policy.freezes.fair.objects", None, "x"),
        RuleChange("policy.limits.changes", "5", "6"),
        RuleChange("policy.limits.percent", None, "10"),
        RuleChange("policy.timezone", None, "Asia/Tokyo"),
        RuleChange("policy.folders.tickets/web.limits.percent", "50", "60"),
        RuleChange("context.certificates", *certificates),
    }
    assert len(rule_changes(BASE, head)) == 14


def override(number: int, rule: str = "freeze", path: str = "a.yaml", days: int = 1) -> Override:
    tickets = frozenset(guid(each) for each in range(number))
    return Override(rule, tickets, "Outage", NOW + timedelta(days=days), Source(path, number))


def test_overrides_that_are_added_changed_or_removed_are_named_by_rule_and_file() -> None:
    base = (override(2), override(1), override(3, "changes"), override(1, path="b.yaml"))
    moved = (replace(override(1), source=Source("a.yaml", 99)), override(2))
    head = (*moved, override(1200, "changes"), override(1, "percent"))
    assert override_changes(base, base[::-1]) == ()
    assert override_changes(base, head) == (
        RuleChange(
            "override of changes in a.yaml",
            "3 tickets until 2026-11-24T12:00:00Z: Outage",
            "1,200 tickets until 2026-11-24T12:00:00Z: Outage",
        ),
        RuleChange("override of freeze in b.yaml", "1 tickets until 2026-11-24T12:00:00Z: Outage"),
        RuleChange("override of percent in a.yaml", None, "1 tickets until 2026-11-24T12:00:00Z: Outage"),
    )
    (grown,) = override_changes((override(2),), moved)
    one, two = (f"{number} tickets until 2026-11-24T12:00:00Z: Outage" for number in (1, 2))
    assert grown == RuleChange("override of freeze in a.yaml", two, f"{one}; {two}")
