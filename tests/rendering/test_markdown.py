"""What holds for every markdown text: it fits, rows are whole, and its parsers see only what we meant."""

import re

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from reconciler.model.decision import Problem, Seal, Source
from reconciler.model.value import replace
from reconciler.model.verdict import Group
from reconciler.rendering.markdown.mermaid import LONGEST, gantt
from reconciler.rendering.markdown.plan import drift_markdown, plan_markdown, problems_markdown
from reconciler.rendering.markdown.rows import Page
from reconciler.rendering.markdown.run import run_markdown
from reconciler.rendering.timeline import bars, timeline
from tests import builders
from tests.rendering.hostile import HOSTILE
from tests.rendering.plans import PLANS, RUNS, large_plan, large_run
from tests.rendering.test_cases import PAGE

OURS = {
    "table", "thead", "tbody", "tr", "th", "td", "code", "strong", "p", "ul", "li", "h2", "h3", "details", "summary",
    "span", "pre", "a", "br", "!--", 'code class="language-mermaid"',
}  # fmt: skip


def _html(text: str) -> str:
    return cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)


def _tags(html: str) -> set[str]:
    return set(re.findall(r"<(?!/)(!--|pre|code class=\"[^\"]*\"|\w+)", html))


def _everything(page: Page) -> list[str]:
    plans = [render(plan, page) for plan in PLANS.values() for render in (plan_markdown, drift_markdown)]
    return plans + [run_markdown(run, page) for run in RUNS.values()]


def test_parsers_see_our_elements_and_no_others() -> None:
    for text in _everything(PAGE):
        html = _html(text)
        assert _tags(html) <= OURS
        assert {url.split("/")[2] for url in re.findall(r'href="([^"]*)"', html)} <= {"ci.example", "github.example"}
        assert not re.search(
            r"[^\w]@\w|[^\w&]#\d", re.sub(r"<pre.*?</pre>|<code>.*?</code>|<[^>]*>", "", html, flags=re.DOTALL)
        )


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    for text in _everything(PAGE):
        for table in re.findall(r"<table>.*?</table>", _html(text), flags=re.DOTALL):
            cells = {len(re.findall(r"<t[hd]", row)) for row in re.findall(r"<tr>.*?</tr>", table, flags=re.DOTALL)}
            assert len(cells) == 1


def test_each_step_that_matters_has_one_line() -> None:
    for plan in PLANS.values():
        items = re.findall(
            r"<li>(.*?)</li>", _html(plan_markdown(plan, PAGE)).partition("(for operators)")[0], re.DOTALL
        )
        for step in plan.steps:
            named = [item for item in items if f">{step.guid[:8]}</a>" in item]
            assert len(named) == (step.group is not Group.FINE)


@pytest.mark.parametrize("budget", [8_000, 64_000, 1_000_000])
def test_a_text_fits_its_budget_and_counts_what_is_not_shown(budget: int) -> None:
    plan = large_plan()
    for text in (plan_markdown(plan, replace(PAGE, budget=budget)), drift_markdown(plan, Page(budget=budget))):
        assert len(text.encode("utf-8")) <= budget
        changes = re.findall(r"(?m)^\*\*(?:Reject|Approve|Move) ([\d,]+)\*\*", text)
        attention = re.findall(r"(?m)^\*\*(?:Refused by a guard|No such ticket) ([\d,]+)\*\*", text)
        assert sum(int(number.replace(",", "")) for number in changes) == len(plan.changes)
        assert sum(int(number.replace(",", "")) for number in attention) == 2_500


@pytest.mark.parametrize("budget", [8_000, 64_000])
def test_thousands_of_different_changes_are_cut_by_whole_groups_and_counted(budget: int) -> None:
    steps = [builders.step(number, explanation=f"because of {number}") for number in range(5_000)]
    text = plan_markdown(builders.plan(*steps), replace(PAGE, budget=budget))
    assert len(text.encode("utf-8")) <= budget
    shown = len(re.findall(r"(?m)^\*\*Approve 1\*\*", text))
    assert f"**{5_000 - shown:,} more groups**: [the whole list]" in text


def test_a_small_text_leaves_nothing_out() -> None:
    text = plan_markdown(PLANS["irreversible-first"], PAGE)
    assert "the whole list" not in text
    assert "more group" not in text


@pytest.mark.parametrize("budget", [8_000, 64_000])
def test_hostile_text_can_not_break_the_budget(budget: int) -> None:
    nasty = "$@|`<" * 20_000
    step = builders.step(1, object=nasty, workflow=nasty, explanation=nasty, change=nasty, detail=nasty)
    plan = builders.plan(
        *(builders.altered(step, guid=builders.guid(number)) for number in range(50)),
        target=nasty, environment=nasty, identity=nasty, notes=(nasty,) * 50,
        sealed=(Seal(nasty, "sha256:" + "0" * 64, 7),) * 50,
    )  # fmt: skip
    assert len(plan_markdown(plan, Page(budget=budget)).encode()) <= max(budget, 12_000)


@pytest.mark.parametrize("budget", [8_000, 64_000])
def test_a_large_run_fits_and_shows_trouble_first(budget: int) -> None:
    text = run_markdown(large_run(), Page(budget=budget))
    assert len(text.encode("utf-8")) <= budget
    outcomes = re.findall(r"(?m)^\| \*\*.*\| \*\*([a-z-]+)\*\*", text)
    assert set(outcomes) == {"unknown"}
    assert "not shown: " in text
    assert "2,000 applied" in text


def test_what_can_not_be_undone_stands_first_and_what_is_blocked_last() -> None:
    text = plan_markdown(PLANS["irreversible-first"])
    assert re.findall(r"(?m)^- \*\*([\w-]+)", text.partition("### ")[2].partition("(for operators)")[0]) == [
        "old-ldap",
        "api-gw",
        "shop-prod-01",
        "pay-gw-eu",
        "unknown",
        "vpn-edge",
    ]


def test_what_a_reviewer_must_check_stands_above_the_tickets() -> None:
    text = plan_markdown(PLANS["irreversible-first"])
    assert text.index("can't be undone") < text.index("**Please check**") < text.index("### ")


def test_the_first_line_is_a_marker_that_nobody_sees() -> None:
    for plan in PLANS.values():
        first = plan_markdown(plan).splitlines()[0]
        assert re.fullmatch(r"<!-- tpp-plan:v1 [!-~ ]+ digest=sha256:0+ -->", first)
        assert first.count("--") == 2
        assert first.count(">") == 1


def test_a_diagram_is_never_longer_than_mermaid_draws() -> None:
    steps = [
        builders.step(
            number,
            object="\\VED\\Policy\\" + "x" * 200,
            after=builders.after(f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}T{number % 24:02d}:00:00Z"),
        )
        for number in range(2_000)
    ]
    text, left_out = gantt(timeline(builders.plan(*steps)))
    drawn = text.count(":active")
    assert len(text) <= LONGEST
    assert drawn + left_out == len(bars(steps))
    assert 0 < drawn <= 60


def test_no_windows_no_diagram() -> None:
    assert gantt(timeline(PLANS["one-approval"])) == ("", 0)
    assert "mermaid" not in plan_markdown(PLANS["one-approval"])


def test_the_drift_issue_says_when_a_reconcile_last_succeeded() -> None:
    plan = PLANS["irreversible-first"]
    assert "## 🔴 TPP drift: 6 decisions and TPP differ\n" in drift_markdown(plan)
    assert "Last successful reconcile: never" in drift_markdown(plan)
    aged = drift_markdown(plan, last_success=builders.at("2026-11-20T10:00:00Z"))
    assert "Last successful reconcile: Fri 2026-11-20 10:00 UTC, 3 d 2 h before this look." in aged


def test_a_validation_summary_shows_every_fault_or_counts_the_rest() -> None:
    problem = Problem("schema/type", Source("tickets/web.yaml", 14, 7), "`start` is no time", "write `2026-…`")
    text = problems_markdown((problem,))
    assert "- `tickets/web.yaml:14:7` error: " in text
    many = problems_markdown((problem,) * 5_000)
    assert len(many.encode()) <= 64_000
    assert re.search(r"\*\*[\d,]+ more problems\*\*: the log has all of them", many)
    assert problems_markdown(()).startswith("## 🟢")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_problems_stay_one_line(text: str) -> None:
    html = _html(problems_markdown((Problem("a/b", Source(text or "f", 1), text, text),)))
    assert html.count("<li>") == 1
    assert _tags(html) <= OURS
