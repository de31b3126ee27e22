"""A plan held against the one that was reviewed: whatever the review did not contain is refused, row by row."""

from collections.abc import Mapping
from datetime import datetime

from reconciler.model.decision import Expectation, ExpectedCertificate
from reconciler.model.declared import declared, stated
from reconciler.model.plan import Plan, Step
from reconciler.model.status import State, format_instant
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.digest import plan_digest
from reconciler.planning.judge import spell


def hold_against(plan: Plan, reviewed: Plan) -> Plan:
    """Return the plan with every change refused that the reviewed plan does not contain exactly."""
    seen = {step.guid: step for step in reviewed.changes}
    steps = tuple(_held(step, seen.get(step.guid)) for step in plan.steps)
    return replace(plan, steps=steps)


def hold_each(plan: Plan, reviewed: Mapping[Guid, Plan | str]) -> Plan:
    """Hold each change against the plan that the reviewers of its own pull request saw.

    `reviewed` has these plans by ticket, or says why there is none; a ticket that it lacks passes.
    """
    plans = {id(then): then for then in reviewed.values() if isinstance(then, Plan)}
    seen = {key: {step.guid: step for step in then.changes} for key, then in plans.items()}
    steps = []
    for step in plan.steps:
        then = reviewed.get(step.guid)
        if step.group is not Group.CHANGE or then is None:
            steps.append(step)
        elif isinstance(then, str):
            steps.append(replace(step, reason=Reason.REFUSED_NOT_REVIEWED, detail=then))
        else:
            steps.append(_held(step, seen[id(then)].get(step.guid)))
    held = tuple(steps)
    return replace(plan, steps=held, digest=plan_digest(plan.target, held, plan.overrides, plan.sealed))


def _held(step: Step, reviewed: Step | None) -> Step:
    if step.group is not Group.CHANGE:
        return step
    difference = _difference(step, reviewed)
    if difference is None:
        return step
    return replace(
        step, reason=Reason.REFUSED_NOT_REVIEWED, detail=f"{difference}; make a new plan and have it reviewed"
    )


def _difference(step: Step, reviewed: Step | None) -> str | None:
    """Return how a change differs from the reviewed one; None when it is the same."""
    if reviewed is None:
        return "the reviewed plan does not change this ticket"
    pairs = (
        ("verdict", step.verdict.value, reviewed.verdict.value),
        ("state before", _state(step.before), _state(reviewed.before)),
        ("wanted state", spell(step.after), spell(reviewed.after)),
        ("object", step.object, reviewed.object),
        ("workflow", step.workflow, reviewed.workflow),
        ("explanation", step.explanation or "", reviewed.explanation or ""),
        ("change", step.change or "", reviewed.change or ""),
        *(
            (f"expected {name}", _spelled(getattr(step.expect, name)), _spelled(getattr(reviewed.expect, name)))
            for name in declared(Expectation)
        ),
        ("valid_until", _instant(step.valid_until), _instant(reviewed.valid_until)),
        ("list of approvers", ", ".join(sorted(step.approvers)), ", ".join(sorted(reviewed.approvers))),
    )
    for name, now, then in pairs:
        if now != then:
            return f"its {name} was {then!r} in the reviewed plan and is {now!r} now"
    if step.parameters != reviewed.parameters:
        return "its parameters differ from the reviewed plan"
    return None


def _state(state: State | None) -> str:
    return "" if state is None else spell(state)


def _spelled(expected: str | State | ExpectedCertificate | None) -> str:
    """Spell one member of an expectation."""
    if isinstance(expected, State):
        return spell(expected)
    if isinstance(expected, ExpectedCertificate):
        return ", ".join(f"{name} {value}" for name, _, value in stated(expected))
    return expected or ""


def _instant(moment: datetime | None) -> str:
    return format_instant(moment) if moment else ""
