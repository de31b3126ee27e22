"""What the ledger tells about time, and the pages that show it, read without a browser."""

import json
import re
from datetime import timedelta

import pytest

from reconciler.model.receipt import Outcome
from reconciler.model.record import Intent
from reconciler.model.value import Head, replace
from reconciler.model.verdict import Verdict
from reconciler.rendering.history import quantile, since, stories, weeks
from reconciler.rendering.html.site import Report, site
from tests import builders
from tests.rendering import ledgers
from tests.rendering.sites import FRAME, REPORT


def _decided(number: int, at: str, after: object = builders.APPROVED, **changes: object) -> list[object]:
    moment = builders.at(at)
    intent = builders.holding(
        Intent, at=moment, operation=f"{number:012x}", guid=builders.guid(1), digest="sha256:1",
        before=builders.PENDING, after=after,
        updated=moment - timedelta(hours=1), created=moment - timedelta(hours=5),
    )  # fmt: skip
    receipt = builders.receipt(1, at=moment, after=after, operation=f"{number:012x}", **changes)
    return [ledgers.line(2 * number, intent), ledgers.line(2 * number + 1, receipt)]


def test_weeks_begin_on_monday_and_quiet_weeks_are_there() -> None:
    lines = _decided(1, "2026-11-01T23:59:59Z") + _decided(2, "2026-11-16T00:00:00Z")
    found = weeks(lines)  # type: ignore[arg-type]
    assert [f"{week.start:%Y-%m-%d}" for week in found] == ["2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16"]
    assert [week.decided[Verdict.APPROVE] for week in found] == [1, 0, 0, 1]
    assert found[0].waited == [5.0]


def test_a_window_that_is_set_again_after_it_passed_was_missed() -> None:
    first = builders.between("2026-11-02T00:00:00Z", "2026-11-02T04:00:00Z")
    later = builders.between("2026-11-09T00:00:00Z", "2026-11-09T04:00:00Z")
    missed = _decided(1, "2026-11-01T00:00:00Z", first) + _decided(2, "2026-11-05T00:00:00Z", later)
    moved = _decided(1, "2026-11-01T00:00:00Z", first) + _decided(2, "2026-11-01T12:00:00Z", later)
    assert sum(week.missed for week in weeks(missed)) == 1  # type: ignore[arg-type]
    assert sum(week.missed for week in weeks(moved)) == 0  # type: ignore[arg-type]


def test_how_long_a_ticket_waited_is_known_only_where_its_creation_is() -> None:
    asked, answered = _decided(1, "2026-11-05T00:00:00Z")
    unknown = replace(asked, entry=replace(asked.entry, created=None))  # type: ignore[attr-defined, type-var]
    (week,) = weeks([unknown, answered])  # type: ignore[list-item]
    assert (week.decided[Verdict.APPROVE], week.waited) == (1, [])


def test_what_took_no_effect_is_no_decision() -> None:
    lines = _decided(1, "2026-11-05T00:00:00Z", outcome=Outcome.STALE)
    (week,) = weeks(lines)  # type: ignore[arg-type]
    assert (sum(week.decided.values()), week.stale, week.waited) == (0, 1, [])


def test_no_more_than_a_year_is_shown() -> None:
    lines = _decided(1, "2020-01-01T00:00:00Z") + _decided(2, "2026-11-05T00:00:00Z")
    assert len(weeks(lines)) == 53  # type: ignore[arg-type]


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.9, 4), (1.0, 4), (0.0, 1)])
def test_quantiles_are_values_that_occurred(share: float, value: float) -> None:
    assert quantile([4, 1, 3, 2], share) == value


def test_the_story_of_a_ticket_is_in_the_order_of_time() -> None:
    lines = ledgers.lines()
    told = stories(reversed(lines))
    assert len(told) == 40
    kinds = [type(line.entry).__name__ for line in told[builders.guid(0)]]
    assert kinds == ["Intent", "Receipt", "ClosedEntry"]


def test_a_report_has_its_pages_and_one_for_each_ticket_of_the_ledger() -> None:
    files = site(REPORT)
    assert list(files)[:5] == ["index.html", "timeline.html", "ledger.html", "controls.html", "plan.html"]
    assert {name for name in files if "/" in name} == {f"tickets/{builders.guid(number)}.html" for number in range(40)}
    assert site(replace(REPORT, lines=list(reversed(list(REPORT.lines))))) == files


def test_a_ticket_in_any_state_has_a_page_also_without_a_history() -> None:
    plan = REPORT.plan
    assert plan is not None
    files = site(Report(FRAME, plan))
    assert {name for name in files if "/" in name} == {f"tickets/{step.guid}.html" for step in plan.steps}
    refused = next(step for step in plan.steps if step.verdict is Verdict.REFUSED)
    page = files[f"tickets/{refused.guid}.html"]
    for said in ("refused</span>", "Move it outside the freeze", "CHG0041234", "refused/freeze", "tickets/web.yaml:7"):
        assert said in page
    assert "The ledger has no entry about it yet." in page
    for name in ("index.html", "plan.html"):
        assert f'href="tickets/{refused.guid}.html"' in files[name]


def test_a_plan_beside_a_newer_ledger_says_so_and_what_became_of_its_tickets() -> None:
    plan = builders.plan(builders.step(1), builders.step(2))
    later = builders.receipt(1, at=plan.made_at + timedelta(hours=1))
    files = site(Report(FRAME, plan, [ledgers.line(1, later)]))
    for name in ("index.html", "plan.html"):
        assert "The ledger is newer than this plan: it has entries about 1 ticket, 1 of them in" in files[name]
        assert files[name].count(">since this plan: applied, Mon 2026-11-23 13:00 UTC<") == 1
    before = replace(later, at=plan.made_at - timedelta(hours=1))
    assert "is newer" not in site(Report(FRAME, plan, [ledgers.line(1, before)]))["index.html"]


def test_the_heads_of_a_plan_tell_what_is_newer_and_no_clock() -> None:
    line = ledgers.line(7, builders.receipt(1, at=builders.NOW + timedelta(days=9)))
    known = builders.plan(builders.step(1), ledger_heads=(Head(line.source.path, "sha256:0", 7),))
    assert since(known, [line]) == {}
    older = replace(known, ledger_heads=(Head(line.source.path, "sha256:0", 6),))
    assert since(older, [line]) == {builders.guid(1): line}


def test_charts_appear_once_there_is_enough_to_show() -> None:
    few = site(Report(FRAME, lines=_decided(1, "2026-11-05T00:00:00Z") + _decided(2, "2026-11-12T00:00:00Z")))  # type: ignore[arg-type]
    assert "<figure" not in few["ledger.html"]
    assert "Charts appear once three weeks have something to show: 0 missed windows and 0 conf" in few["ledger.html"]
    many = site(REPORT)["ledger.html"]
    assert re.findall(r"<figcaption>([^<]*)", many) == ["Decisions by week", "Waiting time in hours", "Conflicts"]


def test_a_report_of_nothing_says_so_on_every_page() -> None:
    files = site(Report(FRAME))
    assert set(files) == {"index.html", "timeline.html", "ledger.html", "controls.html", "plan.html"}
    assert "no receipts yet" in files["ledger.html"]
    assert "not checked" in files["controls.html"]


def test_a_ledger_that_does_not_hold_is_shown_with_its_faults() -> None:
    chain = replace(ledgers.CHAIN, faults=("2026/11/x.jsonl:7: the line was changed <b>",))
    page = site(replace(REPORT, chain=chain))["controls.html"]
    assert "The ledger is not intact" in page
    assert "the line was changed &lt;b&gt;" in page
    assert "verified</span>" not in page


def test_the_data_of_a_page_are_all_receipts() -> None:
    page = site(REPORT)["ledger.html"]
    block = re.search(r'<script type="application/json" id="rows-data">(.*?)</script>', page, flags=re.DOTALL)
    assert block is not None
    rows = json.loads(block[1])["rows"]
    assert len(rows) == 40
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)


def test_every_inline_script_and_style_is_named_by_the_policy_and_no_other() -> None:
    for text in site(REPORT).values():
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
        assert policy is not None
        assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy[1]
        assert len(re.findall(r"<script>", text)) == policy[1].split("script-src")[1].count("sha256-")
        assert not re.search(r"<[^>]* (?:style|on\w+)=", text.split("<body>")[1].split("<script>")[0])
