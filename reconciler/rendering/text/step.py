"""One step of a plan as lines for a terminal: name and place, then what changes, field by field."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from reconciler.model.change_record import SeenChange
from reconciler.model.plan import Step
from reconciler.model.status import Schedule, State
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering import change_records, times
from reconciler.rendering.certificates import certificate_fields, certificate_line, is_too_late
from reconciler.rendering.escape import WEB, terminal, url, url_path
from reconciler.rendering.groups import Alike
from reconciler.rendering.summary import folder_name, last_name, name_of, parameters_of, short, to_merge
from reconciler.rendering.text.layout import Detail, Ink, View, columns, field, fitted, linked, painted

MARKS: dict[Verdict, tuple[str, Ink]] = {
    Verdict.APPROVE: ("+", Ink.GOOD),
    Verdict.REJECT: ("x", Ink.BAD),
    Verdict.SCHEDULE: (">", Ink.TIME),
    Verdict.RESCHEDULE: ("~", Ink.CARE),
    Verdict.REOPEN: ("<", Ink.TAKE_BACK),
}
_ATTENTION_MARK = ("!", Ink.CARE)
_FINE_MARK = ("=", Ink.DIM)
_SHOWN_SIBLINGS = 5
_often = lru_cache(maxsize=64)(terminal)
"""terminal() for what many steps have in common."""
LARGEST = 100
"""A group of more tickets is a count with the first ones."""
FIRST = 10
"""Tickets of a very large group that are listed."""
_BASES = (*WEB, "file://")
_LABELS = 14
"""Columns that a field's indent and name take."""


def step_lines(step: Step, view: View) -> list[str]:
    """Return the block of one step: a headline, then only the fields that say something."""
    lines = [_headline(step, view)]
    for name, value in _fields(step, view):
        if value:
            lines.extend(_set(name, value, step, view))
    return lines


def _set(name: str, value: str, step: Step, view: View) -> list[str]:
    """Set a field; what is known of a certificate that ends too soon in red."""
    lines = field(name, value, width=view.width)
    late = name == "cert" and view.colour and view.expires_at is not None and is_too_late(step, view.expires_at)
    return [painted(line, Ink.BAD, late) for line in lines]


def group_lines(group: Alike, view: View) -> Iterator[str]:
    """Yield what the tickets of a group have in common, then one line for each; of very many only the first."""
    if len(group.steps) == 1:
        yield from step_lines(group.first, view)
        return
    folders = {folder_name(step.object or step.expect.object or "") for step in group.steps}
    together = folders.pop() if len(folders) == 1 else ""
    yield f"    {len(group.steps):,} tickets" + (f" in {terminal(together)}" if together else "")
    for name, value in (("workflow", _often(group.first.workflow)), *_shared(group.first, view)):
        if value:
            yield from field(name, value, width=view.width)
    every = view.detail is Detail.VERBOSE or len(group.steps) <= LARGEST
    shown = group.steps if every else group.steps[:FIRST]
    for step in shown:
        yield _headline(step, view)
        for name, value in (("object", "" if together else terminal(step.object)), *_own(step, view)):
            if value:
                yield from _set(name, value, step, view)
    if len(shown) < len(group.steps):
        yield f"    … and {len(group.steps) - len(shown):,} more; --verbose lists all"


def one_line(step: Step, view: View) -> str:
    """Return the headline alone, for lists of tickets that nothing happens to."""
    return _headline(step, view)


def _headline(step: Step, view: View) -> str:
    verdict, verbose = step.verdict, view.detail is Detail.VERBOSE
    mark, ink = MARKS.get(verdict) or (_ATTENTION_MARK if verdict.group is Group.ATTENTION else _FINE_MARK)
    place = terminal(str(step.source) if verbose else f"{step.source.path}:{step.source.line}")
    ticket = step.guid if verbose else short(step.guid)
    taken = 2 + 2 + len(ticket) + 2
    place, place_takes = fitted(place, max(view.width - taken - 16, 12))
    name, name_takes = fitted(terminal(name_of(step)), max(view.width - taken - place_takes - 2, 10))
    space = " " * max(view.width - taken - name_takes - place_takes - 1, 2)
    shown = linked(place, _address(step.source.path, view.links)) if view.links else place
    if not view.colour:
        return f"  {mark} {name}  {ticket}{space}{shown}"
    mark, name = painted(mark, ink, True), painted(name, Ink.STRONG, True)
    return f"  {mark} {name}  {painted(ticket, Ink.DIM, True)}{space}{painted(shown, Ink.DIM, True)}"


def _fields(step: Step, view: View) -> Iterator[tuple[str, str]]:
    yield from _place(step, view)
    yield from _shared(step, view)
    yield from _own(step, view)


def judged_fields(step: Step, view: View, *, seen: bool) -> Iterator[tuple[str, str]]:
    """What a page about one ticket has to add that tells already of its place, its rule and the certificate behind it.

    `seen` says that object and workflow stand there, too.
    """
    if not seen:
        yield from _place(step, view)
    yield from (row for row in _shared(step, view) if row[0] != "rule")
    if step.detail:
        yield "detail", terminal(step.detail, 1_000)
    if step.edit is not None:
        yield "merge", terminal(to_merge(step.edit))


def _shared(step: Step, view: View) -> Iterator[tuple[str, str]]:
    """What equal steps have in common."""
    yield from changed_fields(step, view)
    yield "change", _change(step)
    yield from record_fields(step.change_record, view)
    for number, (name, value) in enumerate(parameters_of(step)):
        yield ("" if number else "sends"), f'{name} "{terminal(value, 1_000)}"'
    if step.window:
        yield "window", terminal(step.window.name) + (f" ({terminal(step.window.rule)})" if step.window.rule else "")
    if step.valid_until is not None:
        yield "valid", f"until {times.both(step.valid_until, view.zone)}"
    if step.rule:
        yield "rule", terminal(step.rule)
    if view.detail is Detail.VERBOSE:
        yield "code", step.reason.value


def record_fields(record: SeenChange | None, view: View) -> Iterator[tuple[str, str]]:
    """Title, state and planned window of a change record as the guard saw it."""
    if record is None:
        return
    address = url(record.url)
    title = terminal(record.title, 200)
    if title:
        yield "record", linked(title, address) if view.links is not None and address else title
    yield ("" if title else "record"), terminal(change_records.facts_of(record, view.zone), 1_000)
    if view.detail is Detail.VERBOSE:
        yield "", f"seen {times.utc(record.seen_at)}"
        yield "", address


def _own(step: Step, view: View) -> Iterator[tuple[str, str]]:
    """What a step has for itself, although its change is that of others."""
    if step.detail:
        yield "detail", terminal(step.detail, 1_000)
    if step.edit is not None:
        yield "merge", terminal(to_merge(step.edit))
    yield from _certificate(step, view)
    if step.siblings:
        yield "siblings", siblings(step, terminal)
    if view.detail is Detail.VERBOSE:
        yield "reason", terminal(step.approval_reason)
        yield "approvers", ", ".join(terminal(name) for name in step.approvers)
        yield "operation", step.operation or ""
        yield "decision", step.digest


def _certificate(step: Step, view: View) -> Iterator[tuple[str, str]]:
    if step.context is None:
        return
    if view.detail is Detail.VERBOSE:
        yield from ((name, terminal(value, 1_000)) for name, value in certificate_fields(step.context))
        return
    if step.context.certificate is not None:
        yield "cert", terminal(certificate_line(step.context.certificate), 1_000)
    for note in step.context.notes:
        yield "look", f"{terminal(note.text, 1_000)} [{note.code}]"


def _place(step: Step, view: View) -> Iterator[tuple[str, str]]:
    dn, workflow = terminal(step.object or step.expect.object or ""), _often(step.workflow)
    together = f"{dn}  stopped by {workflow}"
    if dn and workflow and columns(together) <= view.width - _LABELS:
        yield "object", together
    else:
        yield "object", dn
        yield "workflow", workflow


def _change(step: Step) -> str:
    change = _often(step.change) if step.change else ""
    if not step.explanation:
        return change
    explanation = f'"{terminal(step.explanation)}"'
    return f"{change}, {explanation}" if change else explanation


def siblings(step: Step, neutral: Callable[[str], str]) -> str:
    """Name the other tickets on the same object and what becomes of them."""
    shown = [
        f"{short(sibling.guid)} at {neutral(last_name(sibling.workflow)) or 'an unknown stage'} "
        f"({neutral(sibling.wanted) if sibling.wanted else 'in no manifest'})"
        for sibling in step.siblings[:_SHOWN_SIBLINGS]
    ]
    if rest := len(step.siblings) - len(shown):
        shown.append(f"and {rest:,} more")
    return "also stop this object: " + ", ".join(shown)


def changed_fields(step: Step, view: View) -> Iterator[tuple[str, str]]:
    """Name status and times as before → after, and only what differs; times in UTC and below it in the zone."""
    before, after = step.before, step.after
    was = "?" if before is None else _often(before.status)
    if was != after.status:
        final = ", can't be undone" if step.verdict in (Verdict.APPROVE, Verdict.REJECT) else ""
        yield "status", f"{was} → {_often(after.status)}{final}"
    elif before == after or step.verdict is Verdict.REOPEN:
        yield "status", _often(after.status)
    yield from _times(step, before, after.schedule, view)


def _times(step: Step, before: State | None, schedule: Schedule | None, view: View) -> Iterator[tuple[str, str]]:
    old = before.schedule if before else None
    if old == schedule:
        old = None
    if old is not None:
        known = " (known from the ledger)" if step.known_from == "ledger" else ""
        yield ("was" if schedule else "takes back"), times.window(old) + known
    if schedule is None:
        return
    when = times.window(schedule)
    if view.zone is None:
        yield "when", when
        return
    here = times.local_window(schedule, view.zone)
    if len(when) + len(here) + 3 <= view.width - _LABELS:
        yield "when", f"{when} ({here})"
    else:
        yield "when", when
        yield "", here


def _address(path: str, base: str) -> str:
    """The address of a source file: below the base, or by itself when its path is absolute."""
    return f"file://{url_path(path)}" if path.startswith("/") else f"{url(base, _BASES).rstrip('/')}/{url_path(path)}"
