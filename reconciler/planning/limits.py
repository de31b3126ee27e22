"""Limits: how much one plan may do at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.decision import Override
from reconciler.model.plan import Control, Step
from reconciler.model.policy import Limits
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.planning.folders import stated
from reconciler.planning.guards import Circumstances, Exemptions, Refusal, refuse, spare

_APPROVALS = (Verdict.APPROVE, Verdict.SCHEDULE, Verdict.RESCHEDULE)


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """One limit held against a plan: `count` of `limit`, and the reason that refuses when it is exceeded."""

    rule: str
    reason: Reason
    count: int
    limit: int
    unit: str

    @property
    def exceeded(self) -> bool:
        """Whether the plan does more than it may."""
        return self.count > self.limit

    @property
    def detail(self) -> str:
        """Name rule, count, limit and the way out."""
        if not self.exceeded:
            return f"{self.count} of {self.limit} {self.unit}"
        return f"{self.count} {self.unit}, the limit is {self.limit}; split the change into waves or raise the limit"


def check_limits(limits: Limits, changes: Sequence[Verdict], decisions: int) -> tuple[LimitCheck, ...]:
    """Hold every limit that is set against the verdicts of the steps that would write, of so many decisions in all."""
    approvals = sum(verdict in _APPROVALS for verdict in changes)
    rejections = sum(verdict is Verdict.REJECT for verdict in changes)
    percent = -(-100 * len(changes) // max(decisions, 1))
    checks = (
        ("changes", Reason.REFUSED_CHANGES, len(changes), limits.changes, "changes"),
        ("approvals", Reason.REFUSED_APPROVALS, approvals, limits.approvals, "approvals"),
        ("rejections", Reason.REFUSED_REJECTIONS, rejections, limits.rejections, "rejections"),
        ("percent", Reason.REFUSED_PERCENT, percent, limits.percent, "percent of the decisions"),
    )
    return tuple(
        LimitCheck(rule, reason, count, limit, unit) for rule, reason, count, limit, unit in checks if limit is not None
    )


def hold_limits(
    steps: tuple[Step, ...], seen: Circumstances, exempt: Exemptions, settled: int
) -> tuple[tuple[Step, ...], tuple[Control, ...]]:
    """Refuse changes by the limits that are exceeded. `settled` decisions have no step because they are over.

    A limit of a folder refuses the changes of that folder, and what it refuses counts no more for the repository's.
    """
    controls: list[Control] = []
    by_folder: dict[str | None, list[Step]] = defaultdict(list)
    for step in steps:
        by_folder[limiting_folder(seen, step.source.path)].append(step)
    held: dict[Guid, Step] = {}
    for name, limits in (
        (name, rules.limits) for name, rules in seen.policy.folders.items() if rules.limits != Limits()
    ):
        own = tuple(by_folder[name])
        over = sum(seal.decisions for seal in seen.seals if limiting_folder(seen, seal.path) == name)
        kept, found = _held(own, limits, exempt, len(own) + over, name)
        held |= {step.guid: step for step in kept}
        controls += found
    kept, found = _held(
        tuple(held.get(step.guid, step) for step in steps), seen.policy.limits, exempt, len(steps) + settled
    )
    return kept, (*found, *controls)


def limiting_folder(seen: Circumstances, path: str) -> str | None:
    """Return the folder whose limits count a manifest, None when none has any."""
    found = stated(seen.policy, seen.below.get(path, ()), "limits")
    return found[0] if found is not None else None


def _held(
    steps: tuple[Step, ...], limits: Limits, exempt: Exemptions, decisions: int, folder: str = ""
) -> tuple[tuple[Step, ...], list[Control]]:
    """Hold the limits of the repository, or of one folder, against its steps."""
    changes = tuple(step for step in steps if step.group is Group.CHANGE)
    controls: list[Control] = []
    refusals: list[tuple[Refusal | None, Mapping[Guid, Override]]] = []
    where = f" in {folder}" if folder else ""
    for check in check_limits(limits, [step.verdict for step in changes], decisions):
        spared = {
            step.guid: override
            for step in changes
            if (override := exempt.of(check.rule, step.guid, step.source.path)) is not None
        }
        counted = [step.verdict for step in changes if step.guid not in spared]
        again = next(c for c in check_limits(limits, counted, decisions) if c.rule == check.rule)
        result = "refused" if again.exceeded else "overridden" if check.exceeded else "ok"
        detail = f"folder {folder}: {again.detail}" if folder else again.detail
        controls.append(Control(check.rule + where, result, detail, str(check.limit)))
        if check.exceeded:
            refusals.append((Refusal(check.reason, detail) if again.exceeded else None, spared))
    return tuple(_apply_limit(step, refusals) for step in steps), controls


def _apply_limit(step: Step, refusals: list[tuple[Refusal | None, Mapping[Guid, Override]]]) -> Step:
    """Refuse a change by the limits that are exceeded, or note the exemption that it needed."""
    if step.group is Group.CHANGE:
        for refusal, spared in refusals:
            override = spared.get(step.guid)
            if override is not None:
                step = spare(step, override)
            elif refusal is not None:
                return refuse(step, refusal)
    return step
