"""Good manifests, and the whole of what they declare."""

from pathlib import Path

import pytest

from reconciler.errors import InvalidInput
from reconciler.manifests.load import check, load_desired
from reconciler.model.decision import (
    Decision,
    Desired,
    Expectation,
    Override,
    Parameters,
    Selection,
    Source,
    WindowUse,
)
from reconciler.model.status import approved, approved_after, approved_between, pending, rejected
from reconciler.model.ticket import Guid
from tests.builders import NOW, at
from tests.manifests.corpus import EXAMPLES, INVALID, VALID, WINDOWS, good_files, name, problems_of

JOE = Guid("6ede0e12-f7c0-4068-9977-001076205c84")
AFTER = Guid("8a83384d-3e44-4b62-b706-dc78459f2ac3")
BETWEEN = Guid("4f1c9ab0-52f3-4b1e-9a57-0e6b7d3c2a11")
SAT_NIGHT = approved_between(at("2026-11-28T21:00:00Z"), at("2026-11-29T01:00:00Z"))
SAT_NIGHT_USE = WindowUse("sat-night", "FREQ=WEEKLY;BYDAY=SA")


def load(*paths: str) -> Desired:
    return load_desired(paths, windows=WINDOWS, now=NOW)


@pytest.fixture
def decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in the folder of good manifests, so that places are short."""
    monkeypatch.chdir(VALID / "decisions")


@pytest.mark.parametrize("path", good_files(), ids=name)
def test_a_good_file_has_no_fault(path: Path) -> None:
    assert problems_of(str(path), config=path.parent.name == "config") == ()


def test_the_three_examples_of_the_reference_are_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    path, stage = "tickets/update-status.yaml", r"\VED\Policy\Workflows\Stage 0"
    assert load(path).decisions == (
        Decision(
            JOE,
            approved(),
            Source(path, 12, 5),
            explanation="Ticket was approved by Joe",
            change="CHG0041234",
            expect=Expectation(r"\VED\Policy\Web\www.example.com", stage),
        ),
        Decision(
            AFTER,
            approved_after(at("2036-11-25T07:15:00Z")),
            Source(path, 19, 5),
            explanation="Renewal of the shop, from Tuesday morning on",
            change="CHG0041234",
            expect=Expectation(r"\VED\Policy\Web\shop.example.com", stage),
        ),
        Decision(
            BETWEEN,
            approved_between(at("2036-11-29T22:00:00Z"), at("2036-11-30T02:00:00Z")),
            Source(path, 28, 5),
            explanation="Renewal of the interface, in the night to Sunday",
            change="CHG0041234",
            expect=Expectation(r"\VED\Policy\Web\api.example.com", stage),
        ),
    )


@pytest.mark.usefixtures("decisions")
def test_defaults_are_merged_under_each_ticket() -> None:
    path, stage = "defaults-merged.yaml", r"\VED\Policy\Workflows\Stage 0"
    until = at("2036-11-29T00:00:00Z")
    by_default = Parameters(reason="by default", user_data="by default")
    desired = load(path)
    assert desired.decisions == (
        Decision(
            JOE,
            SAT_NIGHT,
            Source(path, 12, 5),
            "by default",
            "CHG0000002",
            Expectation(r"\VED\Policy\Web\a", stage),
            until,
            Parameters(reason="its own", user_data="by default"),
            SAT_NIGHT_USE,
        ),
        Decision(
            AFTER,
            rejected(),
            Source(path, 15, 5),
            "by default",
            "CHG0000003",
            Expectation(None, stage),
            until,
            by_default,
        ),
        Decision(
            BETWEEN,
            pending(),
            Source(path, 18, 5),
            "by default",
            "CHG0000002",
            Expectation(None, stage),
            until,
            by_default,
        ),
    )


@pytest.mark.usefixtures("decisions")
def test_a_deadline_after_the_window_is_a_warning_and_no_fault() -> None:
    (warning,) = load("defaults-merged.yaml").warnings
    assert (str(warning.source), warning.code) == ("defaults-merged.yaml:10:16", "ticket/valid-until")


@pytest.mark.usefixtures("decisions")
def test_defaults_may_stand_below_the_tickets() -> None:
    (decision,) = load("header-after-tickets.yaml").decisions
    assert decision == Decision(
        JOE,
        approved_between(at("2036-11-29T21:00:00Z"), at("2036-11-30T01:00:00Z")),
        Source("header-after-tickets.yaml", 3, 5),
        explanation="from below",
        change="CHG0041234",
    )


@pytest.mark.usefixtures("decisions")
def test_aliases_stand_for_what_they_name() -> None:
    first, second, third = load("anchors-and-aliases.yaml").decisions
    assert (second.expect, second.parameters) == (first.expect, first.parameters)
    assert third.parameters == Parameters(approvers=("AD+CORP:jdoe",))


@pytest.mark.usefixtures("decisions")
def test_words_and_times_stay_the_text_that_was_written() -> None:
    (decision,) = load("words-that-look-like-values.yaml").decisions
    assert (decision.explanation, decision.change) == ("yes", "12:30:00")


@pytest.mark.usefixtures("decisions")
def test_local_times_are_read_in_the_zone_of_the_file_with_daylight_saving() -> None:
    (decision,) = load("local-times.yaml").decisions
    assert decision.wanted == approved_between(at("2036-11-02T02:00:00Z"), at("2036-11-02T09:00:30.25Z"))
    assert decision.valid_until == at("2036-11-01T22:00:00Z")


@pytest.mark.usefixtures("decisions")
def test_named_windows_become_times_and_say_where_they_come_from() -> None:
    recurring, single = load("named-windows.yaml").decisions
    assert (recurring.wanted, recurring.window) == (SAT_NIGHT, SAT_NIGHT_USE)
    assert (single.wanted, single.window) == (approved_after(at("2036-11-29T21:00:00Z")), WindowUse("open-end"))


@pytest.mark.usefixtures("decisions")
def test_a_guid_has_one_spelling() -> None:
    assert [decision.guid for decision in load("braces-and-capitals.yaml").decisions] == [JOE]


@pytest.mark.usefixtures("decisions")
def test_overrides_are_named_narrow_and_end() -> None:
    assert load("overrides.yaml").overrides == (
        Override(
            "freeze",
            frozenset({JOE}),
            "Board decision 12",
            at("2036-12-23T23:00:00Z"),
            Source("overrides.yaml", 6, 5),
        ),
    )


@pytest.mark.usefixtures("decisions")
def test_rules_become_bounded_selections() -> None:
    assert load("rules.yaml").selections == (
        Selection(
            name="lab",
            wanted=SAT_NIGHT,
            at_most=5,
            source=Source("rules.yaml", 6, 5),
            object=r"\VED\Policy\Lab\**",
            workflow="*",
            reason="renew*",
            created_before=at("2036-10-31T23:00:00Z"),
            explanation="lab",
            change="CHG0041234",
            valid_until=at("2036-11-29T22:00:00Z"),
            window=SAT_NIGHT_USE,
        ),
        Selection(
            name="old",
            wanted=rejected(),
            at_most=1,
            source=Source("rules.yaml", 13, 5),
            object=r"\VED\Policy\Old\**",
            created_before=at("2026-01-01T00:00:00Z"),
            change="CHG0041234",
            valid_until=at("2036-11-29T22:00:00Z"),
        ),
    )


def test_decisions_stand_in_order_of_path_and_line() -> None:
    desired = load(str(EXAMPLES / "tickets" / "update-status.yaml"), str(EXAMPLES / "tickets" / "clean-up.yaml"))
    places = [(decision.source.path, decision.source.line) for decision in desired.decisions]
    assert places == sorted(places)
    assert desired == load(str(EXAMPLES / "tickets"))


def test_without_paths_nothing_is_silently_empty() -> None:
    desired, (problem,) = check([], windows={}, now=NOW)
    assert (desired, problem.code) == (Desired(), "file/none-found")


def test_all_faults_of_all_files_are_raised_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        load(str(INVALID / "folders" / "faults-in-two-files"))
    assert [problem.code for problem in caught.value.problems] == ["schema/value", "yaml/duplicate-key"]


@pytest.mark.usefixtures("decisions")
def test_a_whole_decimal_is_a_number_too() -> None:
    (selection,) = load("whole-decimals.yaml").selections
    assert (selection.at_most, type(selection.at_most)) == (5, int)


def test_decisions_are_in_order_of_path_and_place_however_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    guids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(7)]
    # one that only jsonschema takes (a float that is whole), two on one line, and usual ones around them
    Path("b.yaml").write_text(
        f"version: 1.0\ntickets:\n  - guid: {guids[0]}\n    status: Pending\n"
        f"  - {{guid: {guids[1]}, status: Pending}}\n  - guid: {guids[2]}\n    status: Pending\n"
    )
    Path("a.yaml").write_text(
        f"version: 1\ntickets: [{{guid: {guids[3]}, status: Pending}}, {{guid: {guids[4]}, status: Pending}}]\n"
    )
    Path("folder").mkdir()
    Path("folder/c.yaml").write_text(f"version: 1\ntickets:\n  - guid: {guids[5]}\n    status: Pending\n")
    for paths in (("b.yaml", "folder", "a.yaml"), ("a.yaml", "b.yaml", "folder"), (".",)):
        places = [decision.source for decision in load(*paths).decisions]
        assert len(places) == 6
        assert places == sorted(places)
