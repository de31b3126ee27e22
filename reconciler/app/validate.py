"""Check configuration and manifests offline: their form, their meaning, and what the policy refuses.

Forks and laptops can do it: nothing is asked of a server, and no credential is needed. What only a live ticket can show
(its object where none is expected, limits, reviews, change records) is checked by a plan.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from reconciler.manifests.validate import Validation
from reconciler.manifests.validate import validate as validate_files
from reconciler.manifests.windows import freezes_ahead
from reconciler.model.decision import Decision, Desired, Problem
from reconciler.model.plan import Step
from reconciler.model.policy import Policy
from reconciler.model.status import Status
from reconciler.model.value import quote, replace
from reconciler.model.verdict import Reason
from reconciler.planning.guards import STEP_GUARDS, Circumstances, exemptions

_REASONS: Mapping[str, Reason] = {Status.APPROVED: Reason.APPROVE_WANTED, Status.REJECTED: Reason.REJECT_WANTED}


def validate(
    paths: Sequence[str],
    *,
    config: str | os.PathLike[str] | None,
    environment: str | None,
    environ: Mapping[str, str],
    now: datetime,
) -> Validation:
    """Check the configuration and the manifests below `paths`, else those that the configuration names."""
    checked = validate_files(paths, config=config, environment=environment, environ=environ, now=now)
    refused = policy_problems(checked.desired, checked.settings.policy, now)
    return replace(checked, errors=(*checked.errors, *refused))


def policy_problems(desired: Desired, policy: Policy, now: datetime) -> tuple[Problem, ...]:
    """Return what the policy refuses of the decisions, whatever the live tickets are. Overrides spare theirs."""
    seen = Circumstances(policy, now, recurring=freezes_ahead(policy, now))
    exempt = exemptions(desired.overrides, seen)
    return tuple(
        problem
        for decision in desired.decisions
        if decision.wanted.status != Status.PENDING
        for problem in _refusals(decision, seen)
        if decision.guid not in exempt.get(problem.code.removeprefix("policy/"), ())
    )


def _refusals(decision: Decision, seen: Circumstances) -> Iterator[Problem]:
    step = _step(decision)
    words = {
        "required": "",
        "change-pattern": f"change {quote(decision.change)} does not match the `change_pattern` of the policy",
    }
    if decision.expect.object is not None:
        words["ownership"] = f"object {quote(decision.expect.object)} is none that the policy `owns`"
    if step.after.schedule is not None:
        words["freeze"] = ""
    for rule, message in words.items():
        refusal = STEP_GUARDS[rule](step, seen)
        if refusal is not None:
            why, _, hint = refusal.detail.rpartition("; ")
            yield Problem(f"policy/{rule}", decision.source, message or why, hint)


def _step(decision: Decision) -> Step:
    """Return the step that a plan would make of a decision whose ticket is as it is expected to be."""
    return Step(
        decision,
        "",
        _REASONS.get(decision.wanted.status, Reason.SCHEDULE_WANTED),
        object=decision.expect.object or "",
        workflow=decision.expect.workflow or "",
    )
