"""Running all guards over steps: who is refused, who is exempt, and the controls table that says so."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from reconciler.model.decision import Override
from reconciler.model.plan import Control, Step
from reconciler.model.policy import Limits, Policy
from reconciler.model.review import NotYetReviewed
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Group
from reconciler.planning.guards import NEVER_OVERRIDDEN, STEP_GUARDS, Circumstances, Guard, Refusal
from reconciler.planning.limits import check_limits


def enforce(
    steps: Iterable[Step], overrides: tuple[Override, ...], seen: Circumstances, settled: int = 0
) -> tuple[tuple[Step, ...], tuple[Control, ...]]:
    """Refuse what the policy does not allow. Returns all steps, refused ones turned, and one control a rule.

    `settled` is the number of decisions that have no step because they are over.
    """
    exempt = exemptions(overrides, seen)
    tally: Counter[tuple[str, str]] = Counter()
    guards = {rule: guard for rule, guard in STEP_GUARDS.items() if _configured(rule, seen)}
    checked = tuple(_checked(step, seen, guards, exempt, tally) for step in steps)
    limited, limit_controls = _limited(checked, seen, exempt, settled)
    told = [rule for rule in STEP_GUARDS if rule != "superseded" or rule in guards]
    return limited, tuple(_control(rule, seen, tally) for rule in told) + limit_controls


def enforce_limits(
    steps: tuple[Step, ...], overrides: tuple[Override, ...], limits: Limits, now: datetime, settled: int = 0
) -> tuple[tuple[Step, ...], tuple[Control, ...]]:
    """Hold limits alone against steps that passed every other guard; `settled` as for `enforce`."""
    seen = Circumstances(Policy(limits=limits), now)
    return _limited(steps, seen, exemptions(overrides, seen), settled)


def exemptions(overrides: tuple[Override, ...], seen: Circumstances) -> Mapping[str, frozenset[Guid]]:
    """Return the tickets that overrides spare, by rule."""
    valid = [override for override in overrides if override.until > seen.now]
    return {
        rule: frozenset[Guid]().union(*(override.tickets for override in valid if override.rule == rule))
        for rule in {override.rule for override in valid} - NEVER_OVERRIDDEN
    }


def _checked(
    step: Step,
    seen: Circumstances,
    guards: Mapping[str, Guard],
    exempt: Mapping[str, frozenset[Guid]],
    tally: Counter[tuple[str, str]],
) -> Step:
    if step.group is not Group.CHANGE:
        return step
    for rule, guard in guards.items():
        refusal = guard(step, seen)
        if refusal is None:
            continue
        if step.guid in exempt.get(rule, ()):
            tally[rule, "overridden"] += 1
            continue
        tally[rule, "refused"] += 1
        return _refused(step, refusal)
    return step


def _refused(step: Step, refusal: Refusal) -> Step:
    return replace(step, reason=refusal.reason, detail=refusal.detail)


def _limited(
    steps: tuple[Step, ...], seen: Circumstances, exempt: Mapping[str, frozenset[Guid]], settled: int
) -> tuple[tuple[Step, ...], tuple[Control, ...]]:
    changes = tuple(step for step in steps if step.group is Group.CHANGE)
    controls: list[Control] = []
    refusals: list[tuple[Refusal, frozenset[Guid]]] = []
    decisions = len(steps) + settled
    for check in check_limits(seen.policy.limits, [step.verdict for step in changes], decisions):
        spared = exempt.get(check.rule, frozenset())
        counted = [step.verdict for step in changes if step.guid not in spared]
        again = next(c for c in check_limits(seen.policy.limits, counted, decisions) if c.rule == check.rule)
        result = "refused" if again.exceeded else "overridden" if check.exceeded else "ok"
        controls.append(Control(check.rule, result, again.detail))
        if again.exceeded:
            refusals.append((Refusal(check.rule, check.reason, again.detail), spared))
    return tuple(_apply_limit(step, refusals) for step in steps), tuple(controls)


def _apply_limit(step: Step, refusals: list[tuple[Refusal, frozenset[Guid]]]) -> Step:
    if step.group is Group.CHANGE:
        for refusal, spared in refusals:
            if step.guid not in spared:
                return _refused(step, refusal)
    return step


def _control(rule: str, seen: Circumstances, tally: Counter[tuple[str, str]]) -> Control:
    refused, overridden = tally[rule, "refused"], tally[rule, "overridden"]
    if refused:
        return Control(rule, "refused", f"{refused} refused" + (f", {overridden} overridden" if overridden else ""))
    if overridden:
        return Control(rule, "overridden", f"{overridden} overridden")
    if not _configured(rule, seen):
        return Control(rule, "off", "not configured")
    if rule == "four-eyes" and isinstance(seen.people, NotYetReviewed):
        return Control(rule, "ok", "checked again when the plan is applied")
    return Control(rule, "ok", "nothing refused")


def _configured(rule: str, seen: Circumstances) -> bool:
    policy = seen.policy
    return {
        "stop": True,
        "superseded": seen.superseded is not None,
        "required": bool(policy.require),
        "change-pattern": policy.change_pattern is not None,
        "ownership": bool(policy.owns),
        "freeze": bool(policy.freezes),
        "four-eyes": policy.four_eyes is not None,
        "change-record": policy.change_record is not None,
        "identity": policy.four_eyes is not None and bool(seen.identities),
    }[rule]
