"""What Mermaid itself makes of our diagrams: it draws each of them, one bar for each window, as long as the window."""

import re
from pathlib import Path

import pytest

from reconciler.rendering.markdown.plan import plan_markdown
from reconciler.rendering.timeline import timeline
from tests.rendering.browser import Browser
from tests.rendering.plans import PLANS, large_plan

pytestmark = pytest.mark.slow


DRAWN = {name: plan for name, plan in PLANS.items() if timeline(plan, past=False)} | {"large": large_plan(2_000)}
_DRAW = """
const [text, done] = arguments;
mermaid.initialize({ startOnLoad: false, securityLevel: "strict", gantt: { useMaxWidth: false } });
mermaid.render("diagram", text).then(({ svg }) => {
  document.body.innerHTML = svg;
  const bars = [...document.querySelectorAll("rect.task")].map((bar) => [bar.x.baseVal.value, bar.width.baseVal.value]);
  const names = [...document.querySelectorAll(".taskText, .taskTextOutsideRight, .taskTextOutsideLeft")];
  const kinds = new Set([...document.querySelectorAll("svg *")].map((element) => element.tagName.toLowerCase()));
  done({ bars, names: names.map((name) => name.textContent), kinds: [...kinds] });
}).catch((error) => done({ error: String(error) }));
"""


@pytest.fixture
def sheet(browser: Browser, mermaid: Path, tmp_path: Path) -> Browser:
    page = tmp_path / "blank.html"
    page.write_text(
        f'<!doctype html><title>x</title><script src="{mermaid.as_uri()}"></script><body>', encoding="utf-8"
    )
    browser.open(page)
    return browser


@pytest.mark.parametrize("name", DRAWN)
def test_every_diagram_is_drawn_as_the_data_say(sheet: Browser, name: str) -> None:
    plan = DRAWN[name]
    found = re.findall(r"```mermaid\n(.*?)```", plan_markdown(plan), flags=re.DOTALL)
    assert len(found) == 1
    drawn = sheet.wait(_DRAW, found[0])
    assert "error" not in drawn
    shown = timeline(plan, past=False)
    assert shown is not None
    wanted = [(bar.schedule.start, bar.end) for bar in shown.bars] + [(start, stop) for _, start, stop in shown.freezes]
    assert len(drawn["bars"]) == len(wanted)
    origin = min(start for start, _ in wanted)
    total = (max(stop for _, stop in wanted) - origin).total_seconds()
    left = min(x for x, _ in drawn["bars"])
    scale = max(x + width for x, width in drawn["bars"]) - left
    for (x, width), (start, stop) in zip(sorted(drawn["bars"]), sorted(wanted), strict=True):
        assert x - left == pytest.approx((start - origin).total_seconds() / total * scale, abs=scale / 500 + 1)
        assert width == pytest.approx((stop - start).total_seconds() / total * scale, abs=scale / 500 + 1)


def test_hostile_names_become_labels_and_nothing_else(sheet: Browser) -> None:
    text = re.findall(r"```mermaid\n(.*?)```", plan_markdown(PLANS["hostile"]), flags=re.DOTALL)[0]
    drawn = sheet.wait(_DRAW, text)
    assert not {"a", "img", "script", "iframe", "foreignobject"} & set(drawn["kinds"])
    assert all(name.strip() for name in drawn["names"])
