"""The controls of a plan: what each rule of the policy says, beside what it found."""

from collections import Counter
from collections.abc import Mapping

from reconciler.codec import Json, plain
from reconciler.model.plan import Control
from reconciler.model.policy import Policy
from reconciler.model.review import NotYetReviewed
from reconciler.model.value import replace
from reconciler.planning.guards import Circumstances, configured

CONTROL_OF = {
    "require": "required",
    "change_pattern": "change-pattern",
    "owns": "ownership",
    "freezes": "freeze",
    "recurring_freezes": "recurring-freezes",
    "rules": "rules",
    "four_eyes": "four-eyes",
    "failure_budget": "failure-budget",
    "change_record": "change-record",
    "reviewed_plan": "reviewed-plan",
    "orphans": "orphans",
    "refuse": "context",
    "emergency": "emergency",
    "overrides": "overrides",
    "folders": "folders",
}
"""The control that tells of each part of a policy; each limit is a control of its own."""


_NO_POLICY = Policy()


def with_policy(controls: tuple[Control, ...], policy: Policy) -> tuple[Control, ...]:
    """Put what the policy says beside what was found, whatever that is. What no step meets is a control of its own."""
    values = {name: str(limit) for name, limit in plain(policy.limits).items()}
    for part, name in CONTROL_OF.items():
        if (value := getattr(policy, part)) != getattr(_NO_POLICY, part):
            values[name] = _spelled(plain(value))
    named = [replace(control, value=values.pop(control.name, control.value)) for control in controls]
    return (*named, *(Control(name, "ok", "configured", value) for name, value in values.items()))


def _spelled(value: Json) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_spelled(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_spelled, value))
    return "yes" if value is True else "no" if value is False else str(value)


def control(rule: str, seen: Circumstances, tally: Counter[tuple[str, str]]) -> Control:
    """Return what one rule found."""
    refused, overridden, armed = tally[rule, "refused"], tally[rule, "overridden"], tally[rule, "armed"]
    if armed and not refused:
        return Control(rule, "refused", f"{armed} armed already")
    if refused:
        return Control(rule, "refused", f"{refused} refused" + (f", {overridden} overridden" if overridden else ""))
    if overridden:
        return Control(rule, "overridden", f"{overridden} overridden")
    if not configured(rule, seen):
        return Control(rule, "off", "not configured")
    if rule == "four-eyes" and isinstance(seen.people, NotYetReviewed):
        return Control(rule, "ok", "checked again when the plan is applied")
    return Control(rule, "ok", "nothing refused")
