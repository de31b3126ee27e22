"""The rows of markdown tables, and how many of them fit: whole rows only, and never a bare GUID."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo

from reconciler.model.plan import Step
from reconciler.model.status import Schedule
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering import times
from reconciler.rendering.escape import code, markdown, shorten, url, url_path
from reconciler.rendering.summary import last_name, name_of, parameters_of, short, undoable
from reconciler.rendering.text.step import siblings
from reconciler.rendering.words import HEADINGS, REASONS

_CELL = 200
_DN = 48
_SENT = 400
CHANGE_HEAD = "| # | Ticket | Now → Wanted | When (UTC{zone}) | What follows |\n|--|--|--|--|--|\n"
PERSON_HEAD = "| # | Ticket | Now → Wanted | Why |\n|--|--|--|--|\n"


@dataclass(frozen=True, slots=True)
class Page:
    """Where a markdown text is going: the reader's zone, how many bytes fit, and the links it can offer.

    `budget` counts bytes of UTF-8, of which a text never has fewer than characters: 64,000 for a comment (GitHub takes
    65,536 characters), about 1,000,000 for a job summary (GitHub drops more than 1 MiB whole). `source_url` is the URL
    that a path in the repository is appended to. `command` reproduces the plan.
    """

    zone: tzinfo | None = None
    budget: int = 64_000
    plan_url: str = ""
    run_url: str = ""
    source_url: str = ""
    command: str = ""


def within(rows: Iterable[str], room: int) -> tuple[str, int, int]:
    """Return the leading whole rows that fit into `room` bytes, how many they are, and how many did not fit."""
    kept: list[str] = []
    left_out = 0
    for row in rows:
        size = len(row.encode("utf-8"))
        if left_out or size > room:
            left_out += 1
            continue
        room -= size
        kept.append(row)
    return "".join(kept), len(kept), left_out


def change_row(number: int, step: Step, page: Page) -> str:
    """One row of the table of changes."""
    return f"| {number} | {ticket(step, page)} | {_moved(step)} | {when(step, page.zone)} | {_follows(step)} |\n"


def person_row(number: int, step: Step, page: Page) -> str:
    """One row of the table of what needs attention."""
    mark = "❌" if step.verdict in (Verdict.ERROR, Verdict.MISSING, Verdict.INVISIBLE) else "⛔"
    why = markdown(step.detail, _CELL) if step.detail else REASONS[step.reason].cause
    return f"| {number} | {ticket(step, page)} | {_moved(step)} | {mark} **{HEADINGS[step.verdict]}**: {why} |\n"


def fine_row(step: Step, page: Page) -> str:
    """One line of the list of what is done already."""
    words = REASONS[step.reason].cause
    return f"- {ticket(step, page)}: {words}{'; ' + markdown(step.detail, _CELL) if step.detail else ''}\n"


def ticket(step: Step, page: Page) -> str:
    """Name a ticket: object, end of its DN, short GUID and the line that decides it."""
    dn = shorten(step.object or step.expect.object or "", _DN)
    shown = f" {code(dn)}" if dn and dn != name_of(step) else ""
    return f"**{markdown(name_of(step), 80)}**{shown} {short(step.guid)} {_place(step, page)}"


def _place(step: Step, page: Page) -> str:
    source = step.source
    shown = code(shorten(f"{source.path}:{source.line}", _DN))
    if not page.source_url:
        return shown
    return f"[{shown}]({url(page.source_url).rstrip('/')}/{url_path(source.path)}#L{source.line})"


def _moved(step: Step) -> str:
    was = markdown(step.before.status, 40) if step.before else "?"
    wanted = markdown(step.after.status, 40)
    if step.group is not Group.CHANGE:
        return f"{was} → {wanted}"
    final = f" ⚠️ {undoable(step.verdict)}" if undoable(step.verdict) else ""
    return f"{was} → **{wanted}**{final}"


def when(step: Step, zone: tzinfo | None) -> str:
    """Say when a step takes effect, in UTC and in the zone, with the earlier time when it moves."""
    schedule = step.after.schedule
    if schedule is None:
        return "at apply" if step.group is Group.CHANGE else "—"
    old = step.before.schedule if step.before else None
    moved = f"{_window(old, zone)} → " if old and old != schedule else ""
    learnt = " (old times from the ledger)" if moved and step.known_from == "ledger" else ""
    return f"{moved}{_window(schedule, zone)}{learnt}"


def _window(schedule: Schedule, zone: tzinfo | None) -> str:
    here = f" · {times.local_window(schedule, zone)}" if zone else ""
    return f"{times.window(schedule)}{here}"


def _follows(step: Step) -> str:
    parts = list(_consequences(step))
    return "; ".join(parts) or "—"


def _consequences(step: Step) -> Iterator[str]:
    if step.detail:
        yield markdown(step.detail, _CELL)
    if step.siblings:
        yield siblings(step, lambda text: markdown(text, 60))
    if step.change:
        yield markdown(step.change, 60)
    if step.explanation:
        yield f"“{markdown(step.explanation, _CELL)}”"
    for name, value in parameters_of(step):
        yield f"sends {code(name)} “{markdown(value, _SENT)}”"
    if step.workflow:
        yield f"workflow {markdown(last_name(step.workflow), 60)}"
