"""A plan as markdown: the pull-request comment, the job summary, the drift issue. Verdict first, risk first."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from reconciler.model.decision import Problem
from reconciler.model.guid import Guid
from reconciler.model.plan import Plan, Step
from reconciler.model.value import replace
from reconciler.model.verdict import Group
from reconciler.rendering import times
from reconciler.rendering.escape import code, html_comment, markdown, url
from reconciler.rendering.markdown.mermaid import gantt
from reconciler.rendering.markdown.rows import (
    CHANGE_HEAD,
    PERSON_HEAD,
    Page,
    change_row,
    fine_row,
    person_row,
    within,
)
from reconciler.rendering.problems import problems_count
from reconciler.rendering.summary import by_risk, headline, in_group, listed, sealed, total, totals
from reconciler.rendering.timeline import bars
from reconciler.rendering.words import CONTROL_RESULTS, REASONS, counted

COMMENT = Page()
"""A pull-request comment in UTC without links."""
_SIGNS = {"ok": "✅", "refused": "⛔", "overridden": "⚠️", "off": "—"}


def plan_markdown(plan: Plan, page: Page = COMMENT, *, title: str = "TPP plan") -> str:
    """Return the plan as GitHub-flavoured markdown that fits the page's budget; what is not shown is counted.

    The first line is a marker that no reader sees. Rows are cut whole; sections beside the tables have small shares.
    """
    changes = by_risk(plan.changes)
    persons = by_risk(step for step in plan.steps if step.group is Group.PERSON)
    numbers = {step.guid: number for number, step in enumerate((*changes, *persons), 1)}
    head = _marker(plan) + _head(plan, title, page)
    sections = [
        _fine(plan, page, page.budget // 20),
        _sealed(plan, page.budget // 20),
        _diagram(plan, numbers, page.budget // 5),
        _notes(plan.notes, page.budget // 10),
        _unblock(persons, numbers, page.budget // 10),
        _controls(plan, page.budget // 10),
    ]
    foot = _foot(plan, page)
    room = page.budget - sum(len(text.encode("utf-8")) for text in (head, foot, *sections)) - 1_000
    tables = _tables(changes, persons, numbers, replace(page, budget=max(room, 0)))
    return head + tables + "".join(sections) + foot


def _marker(plan: Plan) -> str:
    place = f" environment={html_comment(plan.environment, 80)}" if plan.environment else ""
    return (
        f"<!-- tpp-plan:v1 target={html_comment(plan.target, 200)}{place} digest={html_comment(plan.digest, 80)} -->\n"
    )


def _head(plan: Plan, title: str, page: Page) -> str:
    persons = in_group(plan, Group.PERSON)
    sign = "🔴" if persons else "🟢" if plan.changes else "⚪"
    facts = [
        f"Target {code(plan.target, 200)}" + (f" ({markdown(plan.environment, 80)})" if plan.environment else ""),
        f"as {code(plan.identity, 100)}" if plan.identity else "",
        f"commit {code(plan.commit[:12])}" if plan.commit else "",
        f"shard {code(plan.shard, 20)}" if plan.shard else "",
        f"observed {times.both(plan.made_at, page.zone)}",
        f"plan expires {times.both(plan.expires_at, page.zone)}",
    ]
    line = " · ".join(fact for fact in facts if fact)
    return f"## {sign} {title}: {headline(plan)}\n\n**{totals(plan)}**\n\n{line}\n\n"


def _tables(changes: Sequence[Step], persons: Sequence[Step], numbers: dict[Guid, int], page: Page) -> str:
    """Set both tables into the page's budget; persons' cases keep two fifths of it when both are long."""
    person_rows = [person_row(numbers[step.guid], step, page) for step in _affordable(persons, page)]
    needed = sum(len(row.encode("utf-8")) for row in person_rows)
    share = page.budget if not changes else min(needed, page.budget * 2 // 5)
    shown_persons, person_count, _ = within(person_rows, share)
    rows = (change_row(numbers[step.guid], step, page) for step in _affordable(changes, page))
    shown_changes, change_count, _ = within(rows, page.budget - min(share, needed))
    zone = f" · {times.zone_name(page.zone)}" if page.zone else ""
    text = ""
    if changes:
        text += f"### Changes\n\n{CHANGE_HEAD.format(zone=zone)}{shown_changes}{_shown(change_count, len(changes))}"
    if persons:
        text += f"### Needs attention\n\n{PERSON_HEAD}{shown_persons}{_shown(person_count, len(persons))}"
    return text


def _affordable(steps: Sequence[Step], page: Page) -> Sequence[Step]:
    """Leave out at once what can't fit: no row is shorter than this."""
    return steps[: page.budget // 60 + 1]


def _shown(count: int, of: int) -> str:
    if count == of:
        return f"\nAll {counted(of, 'row')} shown.\n\n"
    return f"\n**{count:,} of {of:,} rows shown**; the saved plan has all of them.\n\n"


def _fine(plan: Plan, page: Page, room: int) -> str:
    steps = by_risk(step for step in plan.steps if step.group is Group.FINE)
    if not steps:
        return ""
    rows, count, _ = within((fine_row(step, page) for step in steps[: room // 40]), room)
    counts = listed(in_group(plan, Group.FINE))
    rest = f"- … and {len(steps) - count:,} more\n" if count < len(steps) else ""
    return f"<details><summary>{len(steps):,} unchanged ({counts})</summary>\n\n{rows}{rest}\n</details>\n\n"


def _sealed(plan: Plan, room: int) -> str:
    if not plan.sealed:
        return ""
    rows, _, left_out = within(
        (f"- {code(seal.path, 200)}: {counted(seal.decisions, 'decision')}\n" for seal in plan.sealed), room
    )
    rest = f"- … and {left_out:,} more\n" if left_out else ""
    return f"<details><summary>{sealed(plan)}</summary>\n\n{rows}{rest}\n</details>\n\n"


def _diagram(plan: Plan, numbers: dict[Guid, int], room: int) -> str:
    text, left_out = gantt(bars(plan.steps), plan.freezes, numbers, room)
    if not text:
        return ""
    more = f"\n{counted(left_out, 'more window')} not drawn.\n" if left_out else ""
    return f"```mermaid\n{text}```\n{more}\n"


def _bullets(title: str, lines: Iterable[str], room: int) -> str:
    shown, count, left_out = within((f"- {line}\n" for line in lines), room)
    if not count and not left_out:
        return ""
    rest = f"- … and {left_out:,} more\n" if left_out else ""
    return f"**{title}**\n\n{shown}{rest}\n"


def _notes(notes: Iterable[str], room: int) -> str:
    return _bullets("Please check", (markdown(note, 400) for note in notes), room)


def _unblock(persons: Sequence[Step], numbers: dict[Guid, int], room: int) -> str:
    rows: dict[str, list[int]] = {}
    for step in persons:
        rows.setdefault(step.reason.value, []).append(numbers[step.guid])
    lines = (
        f"{'Row' if len(found) == 1 else 'Rows'} {_numbers(found)} ({code(reason)}): {_do(reason)}"
        for reason, found in rows.items()
    )
    return _bullets("To unblock", lines, room)


_DO = {reason.value: words.remedy for reason, words in REASONS.items()}


def _do(reason: str) -> str:
    return _DO[reason]


def _numbers(found: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in found[:10])
    return f"{shown} and {len(found) - 10:,} more" if len(found) > 10 else shown


def _controls(plan: Plan, room: int) -> str:
    if not plan.controls:
        return ""
    rows, _, left_out = within(
        (
            f"| {markdown(control.name, 80)} | {_SIGNS.get(control.result, '')} "
            f"{markdown(CONTROL_RESULTS.get(control.result, control.result), 40)} | {markdown(control.detail, 300)} |\n"
            for control in plan.controls
        ),
        room,
    )
    rest = f"\n… and {left_out:,} more controls\n" if left_out else ""
    return f"| Control | Result | Found |\n|--|--|--|\n{rows}{rest}\n"


def _foot(plan: Plan, page: Page) -> str:
    parts = [
        f"Digest {code(plan.digest, 80)}",
        f"[full plan]({url(page.plan_url)})" if page.plan_url else "",
        f"[workflow run]({url(page.run_url)})" if page.run_url else "",
        f"reproduce: {code(page.command)}" if page.command else "",
    ]
    return " · ".join(part for part in parts if part) + "\n"


def drift_markdown(plan: Plan, page: Page = COMMENT, *, last_success: datetime | None = None) -> str:
    """Return the body of the drift issue: the plan, and how long ago a reconcile last succeeded."""
    number = len(plan.changes) + total(in_group(plan, Group.PERSON))
    said = "Live tickets are as git wants them." if not number else f"{counted(number, 'decision')} and TPP differ."
    age = "never, as far as the ledger knows"
    if last_success is not None:
        age = f"{times.both(last_success, page.zone)}, {times.span(plan.made_at - last_success)} before this look"
    lead = f"{said} Last successful reconcile: {age}.\n\n"
    first, _, rest = plan_markdown(plan, replace(page, budget=page.budget - 500), title="TPP drift").partition("\n")
    return f"{first}\n{lead}{rest}"


def problems_markdown(problems: Sequence[Problem], page: Page = COMMENT) -> str:
    """Return the summary of a validation: every fault with its place and remedy, as many as fit."""
    if not problems:
        return "## 🟢 Manifests are valid\n\nNo problems were found.\n"
    head = f"## 🔴 Manifests: {problems_count(problems)}\n\n| Place | What is wrong | What to do |\n|--|--|--|\n"
    rows, count, _ = within(
        (
            f"| {code(str(problem.source), 200)} | {problem.severity.value}: {markdown(problem.message, 400)} "
            f"{code(problem.code)} | {markdown(problem.hint, 400) or '—'} |\n"
            for problem in problems[: page.budget // 40]
        ),
        page.budget - 1_000,
    )
    return (
        head + rows + _shown(count, len(problems)).replace("the saved plan has all of them", "the log has all of them")
    )
