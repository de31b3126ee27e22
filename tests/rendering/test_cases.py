"""Every folder of cases/ is a plan or a run and what each view says about it; see cases/README.md."""

import os
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reconciler.codec import decode_plan, decode_run, plan_json, run_json
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run
from reconciler.rendering.html.plan import plan_page
from reconciler.rendering.markdown.plan import drift_markdown, plan_markdown
from reconciler.rendering.markdown.rows import Page
from reconciler.rendering.markdown.run import run_markdown
from reconciler.rendering.text.layout import Detail, View
from reconciler.rendering.text.plan import plan_text
from reconciler.rendering.text.run import run_text
from reconciler.rendering.text.timeline import timeline_text

CASES = Path(__file__).parent / "cases"
BERLIN = ZoneInfo("Europe/Berlin")
PAGE = Page(
    zone=BERLIN,
    plan_url="https://ci.example/plan.json",
    run_url="https://ci.example/run/1",
    source_url="https://github.example/team/approvals/blob/main/",
    command="reconciler plan tickets",
)

PLAN_VIEWS: dict[str, Callable[[Plan], str]] = {
    "plan.json": plan_json,
    "plan.txt": plan_text,
    "plan-wide.txt": lambda plan: plan_text(plan, View(width=140, zone=BERLIN, detail=Detail.VERBOSE)),
    "plan-quiet.txt": lambda plan: plan_text(plan, View(detail=Detail.QUIET)),
    "timeline.txt": lambda plan: timeline_text(plan, View(zone=BERLIN)),
    "plan.md": lambda plan: plan_markdown(plan, PAGE),
    "drift.md": drift_markdown,
    "plan.html": lambda plan: _main(plan_page(plan)),
}
RUN_VIEWS: dict[str, Callable[[Run], str]] = {
    "run.json": run_json,
    "run.txt": run_text,
    "run-wide.txt": lambda run: run_text(run, View(width=140, zone=BERLIN, detail=Detail.VERBOSE)),
    "run.md": lambda run: run_markdown(run, PAGE),
}


def _main(page: str) -> str:
    """What stands between header and footer: styles and scripts have tests of their own."""
    return page[page.index("<main") : page.index("</main>")] + "</main>\n"


def _cases(file: str) -> list[Path]:
    return sorted(path.parent for path in CASES.glob(f"*/{file}"))


@pytest.mark.parametrize("view", PLAN_VIEWS)
@pytest.mark.parametrize("case", _cases("plan.json"), ids=lambda path: path.name)
def test_a_plan_looks_as_recorded(case: Path, view: str) -> None:
    plan = decode_plan((case / "plan.json").read_bytes())
    _holds(case / view, PLAN_VIEWS[view](plan))


@pytest.mark.parametrize("view", RUN_VIEWS)
@pytest.mark.parametrize("case", _cases("run.json"), ids=lambda path: path.name)
def test_a_run_looks_as_recorded(case: Path, view: str) -> None:
    run = decode_run((case / "run.json").read_bytes())
    _holds(case / view, RUN_VIEWS[view](run))


def test_there_is_about_a_dozen_of_cases() -> None:
    assert len(_cases("plan.json")) >= 12
    assert len(_cases("run.json")) >= 5


def _holds(path: Path, text: str) -> None:
    if os.environ.get("WRITE_CASES"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.read_bytes().decode("utf-8") == text
