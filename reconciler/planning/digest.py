"""Digests of meaning: equal for equal plans and decisions, whatever their order, wording or time of making."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from reconciler.errors import GuardRefused
from reconciler.model.canonical import Json, canonical, canonical_text, sha256
from reconciler.model.decision import Decision, Override, Parameters, Seal, WindowUse
from reconciler.model.instant import format_instant
from reconciler.model.plan import Plan, Step
from reconciler.model.status import State, Wanted, state_of


def decision_digest(decision: Decision) -> str:
    """Digest what a decision wants of its ticket: GUID, status, times and parameters.

    The times of a recurring window are named by its rule, so that the decision stays the same decision next week.
    """
    wish = _wish(decision.wanted, decision.window, decision.parameters)
    return sha256(f'{{"guid":{canonical_text(decision.guid)},'.encode("ascii") + wish[1:])


@lru_cache(maxsize=1024)
def _wish(wanted: Wanted, window: WindowUse | None, parameters: Parameters) -> bytes:
    """Spell what many decisions have in common; with the GUID before it, it is canonical JSON of one object."""
    state = state_of(wanted)
    times: Json = _state(state)
    if window is not None and window.rule:
        times = {"status": str(state.status), "window": window.name, "rule": window.rule}
    return canonical({"wanted": times, "parameters": _parameters(parameters)})


def plan_digest(
    target: str, steps: tuple[Step, ...], overrides: tuple[Override, ...] = (), sealed: tuple[Seal, ...] = ()
) -> str:
    """Digest what a plan means: target, of each step what was seen and what would be sent, exemptions, seals."""
    ordered = sorted(steps, key=lambda step: step.guid)
    return digest_of_meanings(target, map(spell_meaning, ordered), overrides, sealed)


def digest_of_meanings(
    target: str, meanings: Iterable[bytes], overrides: tuple[Override, ...], sealed: tuple[Seal, ...]
) -> str:
    """Digest a plan whose steps mean this, in the order of their GUIDs."""
    exemptions: Json = sorted({canonical(_override(override)).decode() for override in overrides})
    meaning = hashlib.sha256(b'{"overrides":' + canonical(exemptions))
    if sealed:
        meaning.update(b',"sealed":' + canonical(sorted([seal.content, seal.decisions] for seal in sealed)))
    meaning.update(b',"steps":[')
    for number, spelled in enumerate(meanings):
        # canonical JSON of one object, step by step: of a large plan it would be as large as the plan
        meaning.update((b"," if number else b"") + spelled)
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


class Meaning(NamedTuple):
    """What a step means, in parts that are canonical JSON; `expected` are object and workflow, `dn` is the object."""

    after: str
    approval_reason: str
    approvers: str
    before: str
    change: str
    decision: str
    expected: tuple[str, str]
    explanation: str
    guid: str
    dn: str
    parameters: str
    valid_until: str
    verdict: str
    window: str
    workflow: str

    def spelled(self) -> bytes:
        """Return canonical JSON of all of it."""
        return (
            f'{{"after":{self.after},"approval_reason":{self.approval_reason},"approvers":{self.approvers},'
            f'"before":{self.before},"change":{self.change},"decision":{self.decision},'
            f'"expect":{{"object":{self.expected[0]},"workflow":{self.expected[1]}}},'
            f'"explanation":{self.explanation},"guid":{self.guid},"object":{self.dn},"parameters":{self.parameters},'
            f'"valid_until":{self.valid_until},"verdict":{self.verdict},"window":{self.window},'
            f'"workflow":{self.workflow}}}'
        ).encode("ascii")


def spell_meaning(step: Step) -> bytes:
    """Return canonical JSON of what a step means, put together from parts that many steps have in common."""
    text = canonical_text
    return Meaning(
        after=spelled_state(step.after),
        approval_reason=text(step.approval_reason),
        approvers=spelled_approvers(step.approvers),
        before=spelled_state(step.before),
        change=text(step.change),
        decision=text(step.decision),
        expected=(text(step.expect.object), text(step.expect.workflow)),
        explanation=text(step.explanation),
        guid=text(step.guid),
        dn=text(step.object),
        parameters=spelled_parameters(step.parameters),
        valid_until=text(format_instant(step.valid_until) if step.valid_until else None),
        verdict=text(step.verdict.value),
        window=_spelled_window(step.window),
        workflow=text(step.workflow),
    ).spelled()


@lru_cache(maxsize=1024)
def spelled_state(state: State | None) -> str:
    """Return a state, or none, as it stands in a step's meaning."""
    return canonical(_state(state) if state else None).decode()


@lru_cache(maxsize=1024)
def spelled_approvers(approvers: tuple[str, ...]) -> str:
    """Return approvers as they stand in a step's meaning."""
    return canonical(sorted(approvers)).decode()


@lru_cache(maxsize=1024)
def spelled_parameters(parameters: Parameters) -> str:
    """Return parameters as they stand in a step's meaning."""
    return canonical(_parameters(parameters)).decode()


@lru_cache(maxsize=1024)
def _spelled_window(window: WindowUse | None) -> str:
    return canonical(_window(window)).decode()


def _state(state: State) -> Json:
    schedule = state.schedule
    return {
        "status": str(state.status),
        "start": format_instant(schedule.start) if schedule else None,
        "stop": format_instant(schedule.stop) if schedule and schedule.stop else None,
    }


def _parameters(parameters: Parameters) -> Json:
    return {
        "reason": parameters.reason,
        "approvers": list(parameters.approvers) if parameters.approvers is not None else None,
        "object_dn": parameters.object_dn,
        "user_data": parameters.user_data,
    }


def _window(window: WindowUse | None) -> Json:
    return {"name": window.name, "rule": window.rule} if window else None


def _override(override: Override) -> Json:
    return {"rule": override.rule, "tickets": sorted(override.tickets), "until": format_instant(override.until)}
