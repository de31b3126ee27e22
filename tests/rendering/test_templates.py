"""The templates of the pages escape what they show, and only commands that make pages load their library."""

import html
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import reconciler.rendering.html
from reconciler.model.verdict import Group
from reconciler.rendering.groups import BACK, BLOCKED, FINAL, in_order
from reconciler.rendering.html.page import render
from reconciler.rendering.html.plan import plan_page
from reconciler.rendering.markdown.plan import plan_markdown
from reconciler.rendering.summary import short
from reconciler.rendering.words import REASONS
from tests import builders
from tests.builders import NOW
from tests.rendering.plans import PLANS
from tests.rendering.sites import FRAME

TEMPLATES = sorted((Path(reconciler.rendering.html.__file__).parent / "templates").glob("*.html"))
FINISHED = {"policy", "style", "script", "data"}
"""What Python hands over as finished text: styles and scripts of ours, and the data block."""


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_shows_nothing_unescaped_but_what_is_ours(path: Path) -> None:
    assert set(re.findall(r"([\w.]+)\s*\|\s*safe", path.read_text(encoding="utf-8"))) <= FINISHED
    assert "autoescape" not in path.read_text(encoding="utf-8")


def test_text_is_neutralised_wherever_a_template_shows_it() -> None:
    nasty = '<img src=x onerror="alert(1)">\x1b[31m\u202e'
    step = builders.step(1, object=nasty, detail=nasty, workflow=nasty)
    page = render(
        "ticket.html", frame=FRAME, title=nasty, current="", pages=(), zone="UTC", policy="", style="", scripts=(),
        guid=builders.guid(1), name=nasty, dn=nasty, workflow=nasty, step=step, words=REASONS[step.reason], tone="",
        plan=None, certificate=(), lines=(),
    )  # fmt: skip
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in page


@pytest.mark.parametrize(
    "name", ["irreversible-first", "schedules", "needs-a-person", "siblings", "shard-and-overrides"]
)
def test_a_plans_page_has_the_groups_of_its_comment_in_their_order(name: str) -> None:
    plan = PLANS[name]
    page, comment = plan_page(plan), plan_markdown(plan)
    heads = [
        html.unescape(head).rsplit(" <span>", 1) for head in re.findall(r'scope="rowgroup">(.*?)</span></th>', page)
    ]
    sections = [section for section in (FINAL, BACK, BLOCKED) if f"### {section}" in comment]
    shown = list(dict.fromkeys(head.partition(":")[0] for head, _ in heads))
    assert shown == [*sections, *(["Unchanged"] if any(step.group is Group.FINE for step in plan.steps) else [])]
    assert sum(int(number.replace(",", "")) for _, number in heads) == len(plan.steps)
    objects = re.findall(r'<span class="guid">([0-9a-f]{8})</span>', page)
    assert len(objects) == len(plan.steps)
    told = [short(step.guid) for _, step in in_order(plan)]
    assert objects == told


def test_a_page_says_what_is_urgent_beside_each_ticket() -> None:
    steps = [builders.step(number, created=NOW - timedelta(days=2 + number)) for number in range(1, 7)]
    page = plan_page(builders.plan(*steps))
    assert page.count("urgent: waiting 6 days") == 2, "in the row and in the data"
    assert "urgent: waiting 5 days" not in page


def test_validating_loads_no_templates(tmp_path: Path) -> None:
    manifest = f"version: 1\ntickets: [{{guid: {builders.guid(1)}, status: Approved}}]\n"
    (tmp_path / "tickets.yaml").write_text(manifest, encoding="utf-8")
    command = [sys.executable, "-X", "importtime", "-m", "reconciler", "validate", "tickets.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "reconciler.manifests.schema" in done.stderr
    assert not re.search(r"\b(jinja2|markupsafe|requests|aiohttp)\b", done.stderr)
