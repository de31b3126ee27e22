"""What a plan asks of a human, held against what began earlier: which exceptions begin, and which end."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from reconciler.model.plan import Plan, Step
from reconciler.model.record import AttentionEntry, Episode
from reconciler.model.status import format_instant
from reconciler.model.value import replace
from reconciler.model.verdict import Group


def episodes(plan: Plan, known: Iterable[AttentionEntry], now: datetime, *, whole: bool) -> tuple[AttentionEntry, ...]:
    """Return the entries to write for a plan that is about to be applied: those that begin, then those that end.

    `known` is what began and has not ended. What is about a ticket that the plan does not name goes on, unless the
    plan is of the `whole` configuration: then git no longer asks for anything of that ticket.
    """
    there = {entry.key: entry for entry in exceptions(plan, now)}
    open_ones = {entry.key: entry for entry in known}
    judged = {step.guid for step in plan.steps}
    ended = (
        replace(entry, at=now, state=Episode.END, detail="")
        for key, entry in open_ones.items()
        if key not in there and (whole or entry.guid in judged)
    )
    return (*(entry for key, entry in there.items() if key not in open_ones), *sorted(ended, key=lambda each: each.key))


def exceptions(plan: Plan, now: datetime) -> Iterator[AttentionEntry]:
    """Yield what a plan asks of a human: every step that needs attention, and every override that was used."""
    for step in plan.steps:
        if step.group is Group.ATTENTION:
            yield begin(step, step.reason.value, step.detail, now)
        elif step.group is Group.CHANGE:
            for use in step.overridden:
                detail = f"{use.reason} (until {format_instant(use.until)}, {use.source})"
                yield begin(step, f"override/{use.rule}", detail, now)


def by_hand(entry: AttentionEntry) -> tuple[AttentionEntry, AttentionEntry]:
    """Return what records a manual step: it is done with when it is known, so it ends at once."""
    return entry, replace(entry, state=Episode.END, detail="")


def begin(step: Step, reason: str, detail: str, now: datetime) -> AttentionEntry:
    """Return the entry with which something that is about a step begins."""
    return AttentionEntry(
        at=now,
        reason=reason,
        state=Episode.BEGIN,
        guid=step.guid,
        digest=step.digest,
        object=step.object or step.expect.object or "",
        workflow=step.workflow or step.expect.workflow or "",
        change=step.change,
        source=step.source,
        detail=detail,
    )
