"""Rules of a campaign take the tickets that they describe, no more than they say, and each ticket once."""

from datetime import timedelta

import pytest

from reconciler.model.decision import Decision, Expectation, Problem, Selection, Source, WindowUse
from reconciler.model.status import approved, rejected
from reconciler.model.value import replace
from reconciler.planning.selections import expand, matches, pattern_of, takes, too_open
from tests.builders import NOW, OBJECT, WORKFLOW, at, guid, live

RULE = Selection("renewals", approved(), 10, Source("tickets/rules.yaml", 4), r"\VED\Policy\Web\**")


def test_a_rule_becomes_one_bound_decision_for_every_ticket_that_it_takes() -> None:
    rule = replace(RULE, explanation="renewal", change="CHG0041234", valid_until=NOW, window=WindowUse("sat-night"))
    other = live(3, object=r"\VED\Policy\Db\db1")
    decisions, problems = expand((rule,), [live(2), other, live(1)], frozenset())
    assert problems == ()
    assert decisions == tuple(
        Decision(
            guid=guid(number),
            wanted=approved(),
            source=rule.source,
            explanation="renewal",
            change="CHG0041234",
            expect=Expectation(OBJECT, WORKFLOW),
            valid_until=NOW,
            window=WindowUse("sat-night"),
            rule="renewals",
        )
        for number in (1, 2)
    )


def test_a_ticket_that_a_manifest_names_belongs_to_its_entry() -> None:
    decisions, problems = expand((replace(RULE, at_most=1),), [live(1), live(2)], frozenset({guid(1)}))
    assert ([one.guid for one in decisions], problems) == ([guid(2)], ())


@pytest.mark.parametrize(
    ("rule", "ticket", "taken"),
    [
        ({}, {}, True),
        ({"object": r"\VED\Policy\Db\**"}, {}, False),
        ({"workflow": r"**\stage 0"}, {}, True),
        ({"workflow": r"**\Stage 500"}, {}, False),
        ({"reason": "*needs an approval"}, {}, True),
        ({"reason": "*renewal*"}, {}, False),
        ({"created_before": at("2026-11-20T08:00:01Z")}, {}, True),
        ({"created_before": at("2026-11-20T08:00:00Z")}, {}, False),
        ({"created_before": NOW}, {"created": None}, False),
    ],
)
def test_a_rule_takes_a_ticket_that_meets_all_its_conditions(rule, ticket, taken) -> None:
    assert takes(replace(RULE, **rule), live(**ticket)) == taken


def test_a_rule_that_takes_too_many_tickets_takes_none() -> None:
    decisions, (problem,) = expand((replace(RULE, at_most=1),), [live(1), live(2)], frozenset())
    assert decisions == ()
    assert (problem.code, problem.source) == ("rule-takes-too-many", RULE.source)
    assert problem.message == "rule 'renewals' takes 2 tickets, at_most is 1"
    assert (
        problem.hint
        == "narrow the rule, or raise at_most after looking at the tickets with `reconciler import --dry-run`"
    )


def test_two_rules_on_one_ticket_are_a_fault_even_if_they_want_the_same() -> None:
    other = replace(RULE, name="weekend", wanted=rejected(), source=Source("tickets/rules.yaml", 20))
    decisions, (problem,) = expand((RULE, other), [live(1)], frozenset())
    assert decisions == ()
    assert (problem.code, problem.source) == ("rules-overlap", other.source)
    assert problem.message == f"rules 'renewals', 'weekend' all take ticket {guid(1)}"
    assert "tickets/rules.yaml:4" in problem.hint


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({}, None),
        ({"created_before": NOW, "valid_until": NOW + DAY}, None),
        (
            {"created_before": NOW + timedelta(seconds=1)},
            Problem(
                "rule-future",
                RULE.source,
                "rule 'renewals': created_before 2026-11-23T12:00:01Z is in the future",
                "a rule takes only tickets that are there already",
            ),
        ),
        (
            {"valid_until": NOW + DAY + timedelta(seconds=1)},
            Problem(
                "rule-too-long",
                RULE.source,
                "rule 'renewals': valid_until 2026-11-24T12:00:01Z is too far ahead",
                "let it end by 2026-11-24T12:00:00Z, or raise policy.rules.longest",
            ),
        ),
    ],
)
def test_a_rule_decides_only_what_somebody_can_have_seen_and_not_for_ever(rule: dict, fault: Problem | None) -> None:
    given = (replace(RULE, **rule), RULE)
    assert too_open(given, NOW, DAY) == ((fault,) if fault else ())
    a_little_later = too_open(given, NOW + timedelta(milliseconds=1), DAY)
    assert [each.hint for each in a_little_later] == ([fault.hint] if fault else [])
    assert len(too_open(given * 2, NOW, DAY)) == (2 if fault else 0)


@pytest.mark.parametrize(
    ("said", "pattern"),
    [
        ("www.example.com", r"**\www.example.com"),
        ("*.example.com", r"**\*.example.com"),
        (r"\VED\Policy\**", r"\VED\Policy\**"),
        (r"Web\www", r"Web\www"),
        ("**", "**"),
    ],
)
def test_a_name_without_a_folder_is_the_last_part_of_any(said: str, pattern: str) -> None:
    assert pattern_of(said) == pattern


def test_two_stars_stand_for_nothing_only_where_what_comes_before_them_fits() -> None:
    assert matches(r"*a\**\b", r"xa\b")
    assert not matches(r"*a\**\b", r"x\b")


def test_rules_that_take_nothing_decide_nothing() -> None:
    assert expand((RULE,), [], frozenset()) == ((), ())
    assert expand((), [live(1)], frozenset()) == ((), ())
