"""Digests of meaning: equal for equal plans and decisions, whatever their order, wording or time of making."""

import hashlib

from reconciler.codec import canonical, plain, sha256
from reconciler.errors import GuardRefused
from reconciler.model.decision import Decision, Expectation, Override, Parameters, Seal
from reconciler.model.plan import Plan, Step
from reconciler.model.status import State, format_instant

_FIRST_EXPECTED = ("object", "workflow")
_FIRST_PARAMETERS = ("reason", "approvers", "object_dn", "user_data")


def decision_digest(decision: Decision) -> str:
    """Digest what a decision wants of its ticket: GUID, status, times and parameters, and from which state on.

    The times of a recurring window are named by its rule, so that the decision stays the same decision next week.
    """
    times = _state(decision.wanted)
    if decision.window is not None and decision.window.rule:
        times = {"status": times["status"], "window": decision.window.name, "rule": decision.window.rule}
    meaning = {"guid": decision.guid, "wanted": times, "parameters": _parameters(decision.parameters)}
    if decision.expect.state is not None:
        meaning["seen"] = _state(decision.expect.state)
    if decision.decided is not None:
        meaning["decided"] = plain(decision.decided)
    return sha256(canonical(meaning))


def plan_digest(
    target: str, steps: tuple[Step, ...], overrides: tuple[Override, ...] = (), sealed: tuple[Seal, ...] = ()
) -> str:
    """Digest what a plan means: target, of each step what was seen and what would be sent, exemptions, seals.

    It is the SHA-256 of one canonical object, taken step by step: of a large plan it would be as large as the plan.
    """
    exemptions = sorted({canonical(_override(override)).decode() for override in overrides})
    meaning = hashlib.sha256(b'{"overrides":' + canonical(exemptions))
    if sealed:
        meaning.update(b',"sealed":' + canonical(sorted([seal.content, seal.decisions] for seal in sealed)))
    meaning.update(b',"steps":[')
    for number, step in enumerate(sorted(steps, key=lambda step: step.guid)):
        meaning.update((b"," if number else b"") + canonical(meaning_of(step)))
    meaning.update(b'],"target":' + canonical(target) + b"}")
    return f"sha256:{meaning.hexdigest()}"


def check_digest(plan: Plan) -> None:
    """Refuse a plan whose digest is not that of its meaning. Raises GuardRefused."""
    actual = plan_digest(plan.target, plan.steps, plan.overrides, plan.sealed)
    if actual != plan.digest:
        raise GuardRefused(
            f"the plan says digest {plan.digest} but its steps have {actual}: it was edited after it was made",
            "make a new plan, have it reviewed, and apply that one",
        )


def meaning_of(step: Step) -> dict[str, object]:
    """Return what a step means. A member that comes later is left out when it is absent: no digest changes by it."""
    later: dict[str, object] = {}
    if step.expect.state is not None:
        later["seen"] = _state(step.expect.state)
    if step.decided is not None:
        later["decided"] = plain(step.decided)
    return {
        "guid": step.guid,
        "verdict": step.verdict,
        "before": _state(step.before) if step.before else None,
        "after": _state(step.after),
        "object": step.object,
        "workflow": step.workflow,
        "approvers": sorted(step.approvers),
        "approval_reason": step.approval_reason,
        "explanation": step.explanation,
        "change": step.change,
        "expect": _expected(step.expect),
        "valid_until": format_instant(step.valid_until) if step.valid_until else None,
        "parameters": _parameters(step.parameters),
        "window": {"name": step.window.name, "rule": step.window.rule} if step.window else None,
        "decision": step.digest,
        **later,
    }


def _expected(expect: Expectation) -> dict[str, object]:
    """Return all members of the first release, null where absent, and later ones; the state that was seen is apart."""
    members: dict[str, object] = dict.fromkeys(_FIRST_EXPECTED)
    members.update(plain(expect))
    members.pop("state", None)
    return members


def _state(state: State) -> dict[str, object]:
    return {"status": state.status, "start": state.start, "stop": state.stop}


def _parameters(parameters: Parameters) -> dict[str, object]:
    """Return all parameters of the first release, null where absent, and of later ones those that there are."""
    members: dict[str, object] = dict.fromkeys(_FIRST_PARAMETERS)
    members.update(plain(parameters))
    return members


def _override(override: Override) -> dict[str, object]:
    return {"rule": override.rule, "tickets": sorted(override.tickets), "until": format_instant(override.until)}
