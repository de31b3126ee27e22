"""Reschedule: a patch for the manifests, for a person to review: the next windows, and what is there."""

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from reconciler.errors import InvalidInput
from reconciler.github.git import Git, GitFailure
from reconciler.manifests.amend import amend
from reconciler.manifests.reschedule import NewTimes, file_zone, patch_of, reschedule
from reconciler.manifests.times import zone_of
from reconciler.manifests.windows import next_occurrence, weeks_later
from reconciler.model.findings import Amendment, NoProposal, Proposal, Rescheduled
from reconciler.model.plan import Plan, Step
from reconciler.model.policy import RecurringWindow
from reconciler.model.settings import WindowDefinition
from reconciler.model.status import Schedule, State
from reconciler.model.value import replace
from reconciler.model.verdict import Reason, Verdict
from reconciler.planning.guards import freezes

_WINDOW_OVER = frozenset({Reason.MISSED_WINDOW, Reason.EXPIRED_WINDOW})
_CONTESTED = frozenset({Verdict.CONFLICT, Verdict.MISMATCH, Verdict.MISSING})


@dataclass(slots=True)
class Patch:
    """What was found for every step that needs an edit, and the diffs of their files."""

    found: list[Rescheduled] = field(default_factory=list)
    diffs: list[str] = field(default_factory=list)


def make_patch(plan: Plan, windows: Mapping[str, WindowDefinition]) -> Patch:
    """Read the manifests again and find what ends the trouble of every step: the next window, or what is there."""
    by_file: dict[str, list[Step]] = defaultdict(list)
    for step in plan.steps:
        if step.named and (step.reason in _WINDOW_OVER or step.verdict in _CONTESTED):
            by_file[step.source.path].append(step)
    patch, inside = Patch(), _place_in_checkout()
    for name, steps in sorted(by_file.items()):
        text = Path(name).read_bytes().decode("utf-8")
        found = [_proposed(step, text, windows, plan) for step in sorted(steps, key=lambda step: step.source)]
        times = {each.step.guid: _new_times(each) for each in found if isinstance(each, Proposal)}
        changes = {each.step.guid: each.edit for each in found if isinstance(each, Amendment)}
        try:
            edits = reschedule(name, text, times) if times else ()
            edits += amend(name, text, changes) if changes else ()
            patch.diffs.append(patch_of(_below(inside, name), text, edits))
        except InvalidInput as error:
            found = [NoProposal(step, error.problems[0].message) for step in steps]
        patch.found += found
    return patch


def _proposed(step: Step, text: str, windows: Mapping[str, WindowDefinition], plan: Plan) -> Rescheduled:
    schedule = step.after.schedule
    if step.rule is not None:
        return NoProposal(step, f"rule {step.rule} decides it, perhaps with others: change the rule, or add an entry")
    if step.edit is not None:
        return Amendment(step, step.edit)
    if step.reason not in _WINDOW_OVER:
        return NoProposal(step, f"{step.reason}: no edit alone ends it")
    if schedule is None or schedule.stop is None:
        return NoProposal(step, "its window has no end")
    window = windows.get(step.window.name) if step.window is not None else None
    if step.window is not None and isinstance(window, RecurringWindow):
        occurrence = next_occurrence(window, plan.made_at)
        if occurrence is None:
            return NoProposal(step, f"window {step.window.name} does not come again in the next ten years")
        how = f"the next occurrence of window {step.window.name}"
        how = f"{how}; {occurrence.remark}" if occurrence.remark else how
        return _proposal(step, Schedule(occurrence.start, occurrence.stop), how, zone_of(window.timezone), plan)
    zone = file_zone(text)
    start, stop, weeks = weeks_later(schedule.start, schedule.stop, zone or UTC, plan.made_at)
    moved = "a week" if weeks == 1 else f"{weeks} weeks"
    name = f"window {step.window.name} does not come again; its times " if step.window is not None else ""
    how = f"{name}{moved} later, on the same weekday at the same time"
    return _proposal(step, Schedule(start, stop), how, zone, plan)


def _proposal(step: Step, times: Schedule, how: str, zone: tzinfo | None, plan: Plan) -> Proposal:
    late = step.valid_until if step.valid_until is not None and step.valid_until <= plan.made_at else None
    wanted = State(step.after.status, times.start, times.stop)
    moved = replace(step, decision=replace(step.decision, wanted=wanted))
    frozen = next((freeze.name for freeze in plan.freezes if freezes(freeze, moved, plan.made_at)), None)
    return Proposal(step, times, how, zone, late, frozen)


def _new_times(proposal: Proposal) -> NewTimes:
    start, stop = proposal.times.start, proposal.times.stop
    return NewTimes(start, stop or start, proposal.zone or UTC)


def _place_in_checkout() -> str:
    """Return the working directory as git names it, from the top of the checkout; "" outside of one."""
    try:
        return Git(Path.cwd(), dict(os.environ)).run("rev-parse", "--show-prefix").strip()
    except (GitFailure, OSError):
        return ""


def _below(inside: str, name: str) -> str:
    return os.path.normpath(inside + os.path.relpath(name)).replace(os.sep, "/")
