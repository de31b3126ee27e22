"""Hold every guard against the steps of a plan: the first that says no refuses, unless an override spares the step."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from reconciler.model.decision import Override
from reconciler.model.plan import Control, EntryEdit, FolderLimits, Step
from reconciler.model.policy import FolderRules, Limits, OverrideBounds, Policy
from reconciler.model.status import format_instant, pending
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.controls import control, with_policy
from reconciler.planning.guards import (
    STEP_GUARDS,
    TOLD_WHEN_THERE,
    Circumstances,
    Exemptions,
    Guard,
    configured,
    exemptions,
    freezes,
    refuse,
    span_of,
    spare,
)
from reconciler.planning.judge import is_news
from reconciler.planning.limits import hold_limits


def enforce(
    steps: Iterable[Step], overrides: tuple[Override, ...], seen: Circumstances, settled: int = 0
) -> tuple[tuple[Step, ...], tuple[Control, ...]]:
    """Refuse what the policy does not allow. Returns all steps, refused ones turned, and one control a rule.

    `settled` is the number of decisions that have no step because they are over.
    """
    exempt = exemptions(overrides, seen)
    tally: Counter[tuple[str, str]] = Counter()
    guards = {rule: guard for rule, guard in STEP_GUARDS.items() if configured(rule, seen)}
    checked = tuple(_checked(step, seen, guards, exempt, tally) for step in steps)
    held, limit_controls = hold_limits(checked, seen, exempt, settled)
    listed = [rule for rule in STEP_GUARDS if rule not in TOLD_WHEN_THERE or rule in guards]
    found = tuple(control(rule, seen, tally) for rule in listed) + limit_controls
    return held, with_policy(found, seen.policy)


def enforce_limits(
    steps: tuple[Step, ...],
    overrides: tuple[Override, ...],
    limits: Limits,
    now: datetime,
    settled: int,
    folders: tuple[FolderLimits, ...],
) -> tuple[tuple[Step, ...], tuple[Control, ...]]:
    """Hold limits alone against steps that passed every other guard; `settled` as for `enforce`.

    The overrides are those of a plan, which has only what its policy lets them spare.
    """
    policy = Policy(
        limits=limits,
        folders={each.name: FolderRules(limits=each.limits) for each in folders},
        overrides=OverrideBounds(longest=_FOR_EVER),
    )
    below = {path: (each.name,) for each in folders for path in each.files}
    seen = Circumstances(policy, now, below=below)
    held, controls = hold_limits(steps, seen, exemptions(overrides, seen), settled)
    return held, with_policy(controls, Policy(limits=limits))


_FOR_EVER = 100 * 365 * 86_400


def needs_review(step: Step) -> bool:
    """Whether a step writes: to the server, or what was decided outside to the ledger."""
    return step.group is Group.CHANGE or (step.decided is not None and step.group is Group.FINE and is_news(step))


def _checked(
    step: Step,
    seen: Circumstances,
    guards: Mapping[str, Guard],
    exempt: Exemptions,
    tally: Counter[tuple[str, str]],
) -> Step:
    if step.group is Group.FINE:
        step = _armed_in_freeze(step, seen, exempt, tally)
    if not needs_review(step):
        return step
    for rule, guard in guards.items():
        if step.group is Group.FINE and rule not in _OF_ATTESTATIONS:
            continue
        refusal = guard(step, seen)
        if refusal is None:
            continue
        override = exempt.of(rule, step.guid, step.source.path)
        if override is not None:
            tally[rule, "overridden"] += 1
            step = spare(step, override)
            continue
        tally[rule, "refused"] += 1
        why = exempt.why_not(rule, step.guid, step.source.path)
        return refuse(step, replace(refusal, detail=refusal.detail + why))
    return step


_ARMED = frozenset({Reason.IN_SYNC_SAME, Reason.IN_SYNC_ACCEPTED, Reason.IN_SYNC_LEDGER, Reason.AWAITING_OTHERS})
_OF_ATTESTATIONS = frozenset({"ownership", "four-eyes"})
"""Guards that judge also what was decided outside: it can't be refused any more, but not anybody may record it."""


def _armed_in_freeze(step: Step, seen: Circumstances, exempt: Exemptions, tally: Counter[tuple[str, str]]) -> Step:
    """Find a schedule that is armed already and would take effect in a freeze that came later, or under the stop."""
    if step.reason not in _ARMED or step.after.schedule is None:
        return step
    armed = f"the approval is armed for {format_instant(step.after.schedule.start)}"
    if seen.stopped is not None:
        tally["stop", "armed"] += 1
        why = f"{armed} all the same: {seen.stopped}; decide it in the console, or end the stop"
        return replace(step, reason=Reason.CONFLICT_FREEZE, detail=why)
    frozen = next((freeze for freeze in seen.freezes_of(step) if freezes(freeze, step, seen.now)), None)
    if frozen is None or step.decided is not None:
        return step
    if exempt.of("freeze", step.guid, step.source.path) is not None:
        tally["freeze", "overridden"] += 1
        return step
    tally["freeze", "armed"] += 1
    span = span_of(frozen, seen)
    theirs = step.before if step.reason is Reason.IN_SYNC_ACCEPTED else None
    edit = None if step.reason is Reason.AWAITING_OTHERS else EntryEdit(wanted=pending(), seen=theirs)
    return replace(
        step, reason=Reason.CONFLICT_FREEZE, detail=f"{armed}, which is in freeze {frozen.name} ({span})", edit=edit
    )
