"""Limits: how much one plan may do at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.decision import Override
from reconciler.model.plan import Control, Step
from reconciler.model.policy import Limits
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.planning.guards import Circumstances, Exempt, Refusal, refuse, spare

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
    percent = -(-100 * len(changes) // decisions) if decisions else 0
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
    steps: tuple[Step, ...], seen: Circumstances, exempt: Exempt, settled: int
) -> tuple[tuple[Step, ...], tuple[Control, ...]]:
    """Refuse every change by the limits that are exceeded. `settled` decisions have no step because they are over."""
    changes = tuple(step for step in steps if step.group is Group.CHANGE)
    controls: list[Control] = []
    refusals: list[tuple[Refusal | None, Mapping[Guid, Override]]] = []
    decisions = len(steps) + settled
    for check in check_limits(seen.policy.limits, [step.verdict for step in changes], decisions):
        spared = exempt.get(check.rule, {})
        counted = [step.verdict for step in changes if step.guid not in spared]
        again = next(c for c in check_limits(seen.policy.limits, counted, decisions) if c.rule == check.rule)
        result = "refused" if again.exceeded else "overridden" if check.exceeded else "ok"
        controls.append(Control(check.rule, result, again.detail))
        if check.exceeded:
            refusal = Refusal(check.rule, check.reason, again.detail) if again.exceeded else None
            refusals.append((refusal, spared))
    return tuple(_apply_limit(step, refusals) for step in steps), tuple(controls)


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
