"""A plan for terminals: what can't be undone, other changes, what needs attention; the rest as counts."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from reconciler.model.plan import Plan, Step
from reconciler.model.value import replace
from reconciler.model.verdict import Group
from reconciler.rendering import groups, times
from reconciler.rendering.certificates import soon_words
from reconciler.rendering.escape import log_lines, terminal
from reconciler.rendering.groups import grouped
from reconciler.rendering.summary import (
    as_before,
    beside,
    by_risk,
    found_by,
    heading,
    headline,
    in_group,
    listed,
    total,
    totals,
    what_next,
)
from reconciler.rendering.text.layout import PLAIN, Detail, Ink, View, field, fit_start, joined, painted, table, wrapped
from reconciler.rendering.text.step import FIRST, group_lines, one_line
from reconciler.rendering.words import HEADINGS, REASONS, counted

_CALM = {"ok": "ok", "off": "not configured"}


def plan_text(plan: Plan, view: View = PLAIN) -> str:
    """Return the whole plan as text that ends with what happens next. It has no control characters but colours."""
    lines: list[str] = []
    view = replace(view, expires_at=plan.expires_at)
    if view.detail is not Detail.QUIET:
        lines.extend(_header(plan, view))
        lines.extend(_changes(plan, view))
    lines.extend(_persons(plan.own, view))
    lines.extend(_others(plan, view))
    if view.detail is not Detail.QUIET:
        lines.extend(_unchanged(plan, view))
        lines.extend(_sealed(plan, view))
        lines.extend(_notes(plan, view))
        lines.extend(_controls(plan, view))
    first, *rest = wrapped(totals(plan), view.width - 6)
    lines.append(painted("Plan: ", Ink.STRONG, view.colour) + first)
    lines.extend(f"      {line}" for line in rest)
    if view.detail is not Detail.QUIET:
        for sentence in what_next(plan):
            lines.extend(wrapped(terminal(sentence, 1_000), view.width))
    return log_lines(joined(lines))


def _header(plan: Plan, view: View) -> Iterator[str]:
    yield painted(fit_start(f"Plan: {headline(plan)}", view.width), Ink.STRONG, view.colour)
    for title, words in beside(plan):
        yield from field(title, painted(terminal(words, 2_000), Ink.BAD, view.colour), width=view.width, indent=2)
    if soon := soon_words(plan.changes):
        yield from field("expiry", painted(soon, Ink.BAD, view.colour), width=view.width, indent=2)
    if named := groups.urgent_names(plan):
        yield from field("urgent", terminal("; ".join(named), 400), width=view.width, indent=2)
    where = terminal(plan.target) + (f", environment {terminal(plan.environment)}" if plan.environment else "")
    yield from field("server", where, width=view.width, indent=2)
    origin = [
        f"as {terminal(plan.identity)}" if plan.identity else "",
        f"commit {terminal(plan.commit)[:12]}" if plan.commit else "",
        f"shard {terminal(plan.shard)}" if plan.shard else "",
        f"digest {terminal(plan.digest)[:19]}",
    ]
    yield from field("from", ", ".join(part for part in origin if part), width=view.width, indent=2)
    yield from field("made", times.both(plan.made_at, view.zone), width=view.width, indent=2)
    yield from field("valid", f"until {times.both(plan.expires_at, view.zone)}", width=view.width, indent=2)
    yield ""


def _changes(plan: Plan, view: View) -> Iterator[str]:
    if not plan.changes:
        return
    for verdict, group in groupby(by_risk(plan.changes), key=lambda step: step.verdict):
        steps = list(group)
        yield painted(_capital(heading(verdict, len(steps))), Ink.STRONG, view.colour)
        for each in grouped(steps):
            yield from group_lines(each, view)
        yield ""


def _persons(plan: Plan, view: View) -> Iterator[str]:
    for reason, group in groupby(_by_reason(plan), key=lambda step: step.reason):
        found = list(group)
        words = REASONS[reason]
        title = f"{_capital(HEADINGS[reason.verdict])} ({len(found):,})  [{reason.value}]"
        yield painted(title, Ink.CARE, view.colour)
        yield from field("why", words.cause, width=view.width, indent=2, label=4)
        yield from field("do", words.remedy, width=view.width, indent=2, label=4)
        if view.detail is Detail.QUIET and len(found) > FIRST:
            yield from (one_line(step, view) for step in found[:FIRST])
            yield f"    … and {len(found) - FIRST:,} more; without --quiet the plan tells of each"
        else:
            for each in grouped(found):
                yield from group_lines(each, view)
        yield ""


def _others(plan: Plan, view: View) -> Iterator[str]:
    """Return one line on what the run is not judged by."""
    if not plan.others:
        return
    yield painted(_capital(terminal(as_before(plan), 400)), Ink.STRONG, view.colour)
    if view.detail is Detail.VERBOSE:
        for step in by_risk(plan.others):
            yield one_line(step, view)
    yield ""


def _by_reason(plan: Plan) -> list[Step]:
    """What needs attention, with equal reasons side by side, so that each reason is explained once."""
    order = {verdict: rank for rank, verdict in enumerate(in_group(plan, Group.ATTENTION))}
    steps = by_risk(step for step in plan.steps if step.group is Group.ATTENTION)
    return sorted(steps, key=lambda step: (order[step.verdict], step.reason.value))


def _unchanged(plan: Plan, view: View) -> Iterator[str]:
    counts = in_group(plan, Group.FINE)
    if not counts:
        return
    yield painted(f"Unchanged ({total(counts):,})", Ink.STRONG, view.colour) + f"  {listed(counts)}"
    if view.detail is Detail.VERBOSE:
        for step in by_risk(step for step in plan.steps if step.group is Group.FINE):
            yield one_line(step, view)
    yield ""


def _sealed(plan: Plan, view: View) -> Iterator[str]:
    if not plan.sealed:
        return
    words = f"in {counted(len(plan.sealed), 'manifest')} that need not be read: all settled"
    yield painted(f"Sealed ({plan.decisions_sealed:,})", Ink.STRONG, view.colour) + f"  {words}"
    if view.detail is Detail.VERBOSE:
        for seal in plan.sealed:
            yield f"  {fit_start(terminal(seal.path), view.width - 24)}  {counted(seal.decisions, 'decision')}"
    yield ""


def _notes(plan: Plan, view: View) -> Iterator[str]:
    if not plan.notes:
        return
    yield painted("Please check", Ink.STRONG, view.colour)
    for note in plan.notes:
        first, *rest = wrapped(terminal(note, 1_000), view.width - 4)
        yield f"  - {first}"
        yield from (f"    {line}" for line in rest)
    yield ""


def _controls(plan: Plan, view: View) -> Iterator[str]:
    """Show the guards that refused or let pass by exemption; the others as one line, unless everything is asked for."""
    if not plan.controls:
        return
    shown = [control for control in plan.controls if view.detail is Detail.VERBOSE or control.result not in _CALM]
    calm = Counter(control.result for control in plan.controls if control not in shown)
    counts = " · ".join(f"{calm[result]} {words}" for result, words in _CALM.items() if calm[result])
    yield painted("Controls", Ink.STRONG, view.colour) + (f"  {counts}" if counts else "")
    rows = [(terminal(control.name), terminal(control.result), terminal(found_by(control))) for control in shown]
    yield from table(rows, width=view.width)
    yield ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
