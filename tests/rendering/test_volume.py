"""Equal decisions are said once, and thousands are a count with the first ten."""

import re
from datetime import timedelta
from typing import Any

from reconciler.model.plan import Step
from reconciler.model.verdict import Reason
from reconciler.rendering.html.plan import plan_page
from reconciler.rendering.text.layout import Detail, View
from reconciler.rendering.text.plan import plan_text
from tests import builders


def _objects(count: int, **changes: Any) -> list[Step]:
    return [builders.step(n, object=rf"\VED\Policy\Web\app{n:04d}.example.com", **changes) for n in range(count)]


def test_equal_changes_are_one_group_with_a_line_for_each_ticket() -> None:
    text = plan_text(builders.plan(*_objects(6)))
    assert text.count("CHG0041234") == 1
    assert text.count("can't be undone") <= 3
    assert "    6 tickets in \\VED\\Policy\\Web\n" in text
    assert len(re.findall(r"(?m)^  \+ app\d{4}\.example\.com  ", text)) == 6


def test_thousands_of_equal_changes_are_a_count_with_the_first_ten_and_the_way_to_all() -> None:
    plan = builders.plan(*_objects(5_000))
    text = plan_text(plan)
    assert len(re.findall(r"(?m)^  \+ app", text)) == 10
    assert "… and 4,990 more; --verbose lists all" in text
    assert len(re.findall(r"(?m)^  \+ app", plan_text(plan, View(width=140, detail=Detail.VERBOSE)))) == 5_000


def test_a_quiet_plan_of_five_thousand_missing_tickets_fits_a_screen() -> None:
    steps = _objects(5_000, reason=Reason.MISSING_TICKET, before=None, detail="not there")
    text = plan_text(builders.plan(*steps), View(detail=Detail.QUIET))
    assert len(text.splitlines()) <= 24
    assert "… and 4,990 more" in text
    assert "5,000 need attention" in text


def test_what_one_ticket_has_for_itself_is_said_with_it() -> None:
    first, second, *rest = (builders.step(n, object=rf"\VED\Policy\Web\app{n}", detail=f"own {n}") for n in range(3))
    text = plan_text(builders.plan(first, second, *rest))
    assert [text.index(f"own {n}") for n in range(3)] == sorted(text.index(f"own {n}") for n in range(3))
    assert text.count("status") == 1


def test_what_is_urgent_stands_in_the_head_of_text_and_page() -> None:
    late = builders.step(1, created=builders.NOW - timedelta(days=9), object=r"\VED\Policy\Web\late.example.com")
    plan = builders.plan(late)
    assert "  urgent    late.example.com: waiting 9 days\n" in plan_text(plan)
    page = plan_page(plan)
    assert page.index("can&#x27;t be undone") < page.index("late.example.com: waiting 9 days") < page.index("Server")
