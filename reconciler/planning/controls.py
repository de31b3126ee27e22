"""The controls of a plan: what each rule of the policy says, beside what it found."""

from collections import Counter
from collections.abc import Mapping

from reconciler.codec import Json, plain
from reconciler.model.plan import Control
from reconciler.model.policy import Policy
from reconciler.model.review import NotYetReviewed
from reconciler.model.value import replace
from reconciler.planning.guards import Circumstances, configured

GUARD_OF = {
    "require": "required",
    "owns": "ownership",
    "freezes": "freeze",
    "refuse": "context",
}
"""The guards of those parts of a policy that have another name: the control of each other part has that of its key."""

_HOW_SHOWN = {"limits", "timezone"}
"""Each limit is a control of its own, and the time zone says how the others are shown."""


_NO_POLICY = Policy()


def with_policy(controls: tuple[Control, ...], policy: Policy) -> tuple[Control, ...]:
    """Put what the policy says beside what was found, whatever that is. What no step meets is a control of its own."""
    values = {name: str(limit) for name, limit in plain(policy.limits).items()}
    for part in Policy.__struct_fields__:
        value = getattr(policy, part)
        if part not in _HOW_SHOWN and value != getattr(_NO_POLICY, part):
            values[GUARD_OF.get(part, part.replace("_", "-"))] = _spelled(plain(value))
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
