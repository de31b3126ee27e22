"""Steps with the same change are one group: said once, with a line for each ticket."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.model.decision import Parameters, WindowUse
from reconciler.model.plan import Plan, Step
from reconciler.model.status import Schedule, State
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.rendering import times
from reconciler.rendering.certificates import certificate_of, days_words, ends_soon
from reconciler.rendering.summary import by_risk, name_of
from reconciler.rendering.words import HEADINGS, IRREVERSIBLE, REASONS, whose

FINAL = "Can't be undone"
BACK = "Can be taken back by another pull request until it starts"
BLOCKED = "Blocked, nothing is sent"
_ACTIONS = {
    Verdict.APPROVE: "Approve",
    Verdict.REJECT: "Reject",
    Verdict.SCHEDULE: "Approve",
    Verdict.RESCHEDULE: "Move",
    Verdict.REOPEN: "Take back",
}
_LONG = timedelta(days=5)
"""A ticket that has waited longer is urgent."""
_RARE = 10
"""A reason for the approval that at most one in so many tickets has is urgent."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Steps that differ in nothing but their tickets, by name; `first` has what they share."""

    steps: tuple[Step, ...]

    @property
    def first(self) -> Step:
        """Any of them."""
        return self.steps[0]


_Key = tuple[
    Reason,
    State,
    Schedule | None,
    str,
    str | None,
    str | None,
    str,
    Parameters,
    WindowUse | None,
    datetime | None,
    str | None,
    str,
]


def grouped(steps: Iterable[Step]) -> list[Alike]:
    """Return the groups by risk of their first step."""
    found: dict[_Key, list[Step]] = {}
    for step in by_risk(steps):
        found.setdefault(_key(step), []).append(step)
    return [Alike(tuple(steps)) for steps in found.values()]


def _key(step: Step) -> _Key:
    """What steps have in common when one line can speak for all of them."""
    was = step.before.schedule if step.before else None
    return (
        step.reason,
        step.after,
        was,
        step.before.status if step.before else "",
        step.change,
        step.explanation,
        step.workflow,
        step.parameters,
        step.window,
        step.valid_until,
        step.rule,
        step.known_from,
    )


def action(verdict: Verdict) -> str:
    """What a change does, in a word or two."""
    return _ACTIONS.get(verdict, HEADINGS.get(verdict, verdict.value).capitalize())


def changes_apart(changes: Iterable[Step]) -> tuple[list[Alike], list[Alike]]:
    """Return the groups of what can't be undone, and those of what can be taken back."""
    every = grouped(changes)
    final = [group for group in every if group.first.verdict in IRREVERSIBLE]
    return final, [group for group in every if group.first.verdict not in IRREVERSIBLE]


def blocked(steps: Iterable[Step]) -> list[Step]:
    """Return what needs attention, with what the author has to do first and equal reasons side by side."""
    found = by_risk(step for step in steps if step.group is Group.ATTENTION)
    return sorted(found, key=lambda step: (whose(step.reason) != "the author", step.reason.value))


def in_order(plan: Plan) -> list[tuple[str, Step]]:
    """Return the steps in the order of a review, each with the name of its group. Not escaped.

    What can't be undone comes first, then what can be taken back, what is blocked, and what stays as it is.
    """
    listed: list[tuple[str, Step]] = []
    for section, found in zip((FINAL, BACK), changes_apart(plan.changes), strict=True):
        for group in found:
            what = (action(group.first.verdict), group.first.change, _quoted(group.first.explanation))
            name = f"{section}: {', '.join(part for part in what if part)}"
            listed.extend((name, step) for step in group.steps)
    for step in blocked(plan.steps):
        listed.append((f"{BLOCKED}: {REASONS[step.reason].cause}; for {whose(step.reason)}", step))
    unchanged = by_risk(step for step in plan.steps if step.group is Group.FINE)
    return [*listed, *((f"Unchanged: {HEADINGS[step.verdict]}", step) for step in unchanged)]


def _quoted(text: str | None) -> str:
    return f"“{text}”" if text else ""


Urgent = Mapping[Guid, tuple[str, ...]]
"""Tickets that should not wait, and why."""


def urgent(plan: Plan) -> Urgent:
    """Return why changes of a plan are urgent, ticket to reasons, the longest waiting first. Not escaped.

    TPP's reason for the approval counts when few tickets share it, a ticket that has waited for days, and a
    certificate that ends soon.
    """
    changes = plan.changes
    counts = Counter(step.approval_reason for step in changes)
    found: list[tuple[timedelta, Guid, tuple[str, ...]]] = []
    for step in changes:
        rare = bool(step.approval_reason) and counts[step.approval_reason] * _RARE <= len(changes)
        age = waiting(step, plan.made_at)
        old = age is not None and age > _LONG
        certificate = certificate_of(step)
        reasons = (
            f"“{step.approval_reason}”" if rare else "",
            f"waiting {days(age)}" if old and age else "",
            days_words(certificate) if certificate and ends_soon(certificate) else "",
        )
        if any(reasons):
            found.append((age or timedelta(), step.guid, tuple(reason for reason in reasons if reason)))
    return {guid: reasons for _, guid, reasons in sorted(found, key=lambda item: (-item[0], item[1]))}


def urgent_names(plan: Plan, most: int = 3) -> list[str]:
    """Name the most urgent changes and why, and count the others. Not escaped."""
    steps, found = {step.guid: step for step in plan.changes}, urgent(plan)
    shown = [f"{name_of(steps[guid])}: {', '.join(why)}" for guid, why in list(found.items())[:most]]
    return [*shown, *([f"and {len(found) - most:,} more"] if len(found) > most else [])]


def waiting(step: Step, now: datetime) -> timedelta | None:
    """How long a ticket has waited, None when the server does not tell."""
    return None if step.created is None else max(now - step.created, timedelta())


def days(length: timedelta) -> str:
    """A length in days, or in smaller units below one: `6 days`, `1 day`, `3 h`."""
    if length < timedelta(days=1):
        return times.span(timedelta(minutes=length // timedelta(minutes=1)))
    return f"{length.days:,} day{'s' if length.days != 1 else ''}"
