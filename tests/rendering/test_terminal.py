"""What holds for every text on a terminal: width, colour, nothing that acts, names beside GUIDs, the order of risk."""

import re
import unicodedata

import pytest

from reconciler.model.receipt import Outcome
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.rendering import words
from reconciler.rendering.text import layout
from reconciler.rendering.text.layout import Detail, View
from reconciler.rendering.text.plan import plan_text
from reconciler.rendering.text.run import run_text
from reconciler.rendering.text.timeline import timeline_text
from tests import builders
from tests.rendering.plans import PLANS, RUNS, large_plan, large_run
from tests.rendering.test_cases import BERLIN

VIEWS = [
    View(width=width, zone=zone, detail=detail)
    for width in (80, 100, 200)
    for zone in (None, BERLIN)
    for detail in Detail
]


def _texts(view: View) -> list[str]:
    plans = [render(plan, view) for plan in PLANS.values() for render in (plan_text, timeline_text)]
    return plans + [run_text(run, view) for run in RUNS.values()]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_no_line_is_wider_than_the_terminal(view: View) -> None:
    wide = [line for text in _texts(view) for line in text.splitlines() if layout.columns(line) > view.width]
    assert wide == []


def test_a_wider_terminal_needs_fewer_lines() -> None:
    plan = PLANS["long-texts"]
    narrow, wide = plan_text(plan), plan_text(plan, View(width=160))
    assert len(wide.splitlines()) < len(narrow.splitlines())


@pytest.mark.parametrize("detail", Detail)
def test_colour_adds_codes_and_nothing_else(detail: Detail) -> None:
    plain, coloured = _texts(View(detail=detail)), _texts(View(detail=detail, colour=True))
    assert [re.sub(r"\x1b\[[\d;]*m", "", text) for text in coloured] == plain
    assert plain != coloured


def test_nothing_in_a_text_acts_on_a_terminal_or_a_log() -> None:
    for text in _texts(View(zone=BERLIN, detail=Detail.VERBOSE)):
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::") or "##[" in line]


def test_hyperlinks_lead_to_the_source_and_only_when_asked_for() -> None:
    linked = plan_text(PLANS["one-approval"], View(links="file:///home/me/approvals/"))
    assert "\x1b]8;;file:///home/me/approvals/tickets/web.yaml\x1b\\tickets/web.yaml:4\x1b]8;;\x1b\\" in linked
    assert "\x1b" not in plan_text(PLANS["one-approval"])


def test_irreversible_changes_come_first_and_what_needs_a_person_before_the_total() -> None:
    text = plan_text(PLANS["irreversible-first"])
    order = [
        "Reject",
        "Approve at once",
        "Schedule an approval",
        "Move a scheduled",
        "Refused by",
        "Unchanged",
        "\nPlan:",
    ]
    places = [text.index(words_) for words_ in order]
    assert places == sorted(places)


def test_unchanged_tickets_are_a_number_unless_everything_is_asked_for() -> None:
    plan = PLANS["nothing-to-do"]
    names = [step.guid[:8] for step in plan.steps]
    assert not [name for name in names if name in plan_text(plan)]
    assert all(name in plan_text(plan, View(detail=Detail.VERBOSE)) for name in names)


def test_quiet_says_only_what_needs_a_person_and_the_total() -> None:
    assert plan_text(PLANS["one-approval"], View(detail=Detail.QUIET)) == "Plan: 1 will change (1 approve)\n"
    quiet = plan_text(PLANS["irreversible-first"], View(detail=Detail.QUIET))
    assert "vpn-edge" in quiet
    assert "api-gw" not in quiet


def test_every_ticket_of_a_large_plan_that_matters_is_there_once() -> None:
    plan = large_plan()
    text = plan_text(plan, View(width=140, detail=Detail.VERBOSE)).partition("Unchanged")[0]
    heads = re.findall(r"(?m)^  [+x>~<!] .*?([0-9a-f]{8}-[0-9a-f-]{27})  ", text)
    assert len(heads) == sum(step.group is not Group.FINE for step in plan.steps)


def test_the_totals_of_a_run_are_those_of_its_receipts() -> None:
    run = large_run()
    last = run_text(run).split("Run: ")[1]
    said = {
        word: int(number.replace(",", ""))
        for number, word in re.findall(r"([\d,]+) ([a-z-]+)", " ".join(last.split("·")[0].split()))
    }
    assert said == {outcome.value: number for outcome, number in run.counts.items()}


def test_thousands_of_applied_receipts_are_a_number() -> None:
    run = replace(RUNS["one-approval"], receipts=tuple(builders.receipt(number) for number in range(1_000)))
    text = run_text(run)
    assert len(text.splitlines()) < 15
    assert "applied (1,000)" in text


def test_every_word_of_the_model_has_words_for_people() -> None:
    assert set(words.REASONS) == set(Reason)
    assert set(words.HEADINGS) == set(Verdict)
    assert set(words.OUTCOMES) == set(Outcome)
    assert {
        reason
        for reason, found in words.REASONS.items()
        if reason.verdict.group is Group.ATTENTION and not found.remedy
    } == set()


def test_a_bar_covers_the_columns_of_its_window() -> None:
    plan = builders.plan(
        builders.step(
            1, reason=Reason.SCHEDULE_WANTED, after=builders.between("2026-11-24T00:00:00Z", "2026-11-24T06:00:00Z")
        )
    )
    text = timeline_text(plan, View(width=80))
    step, start = re.search(r"one column is (\d+) h", text), re.search(r"from \w+ (\S+) (\S+) UTC", text)
    assert step is not None
    assert start is not None
    row = next(line for line in text.splitlines() if line.startswith("www.example.com"))[27:]
    first = builders.at(f"{start[1]}T{start[2]}:00Z")
    columns = [
        int((builders.at(moment) - first).total_seconds()) // 3600 // int(step[1])
        for moment in ("2026-11-24T00:00:00Z", "2026-11-24T06:00:00Z")
    ]
    assert (row.index("█"), row.rindex("█") + 1) == (columns[0], columns[1])


def test_wide_characters_take_two_columns() -> None:
    assert layout.columns("日本 é") == 6
    assert layout.columns("e\u0301") == 1
    assert layout.fit("日本語の名前", 7) == "…の名前"
    assert layout.fit_start("日本語の名前", 7) == "日本語…"
    assert layout.wrapped("日本語の名前", 5) == ["日本", "語の", "名前"]
