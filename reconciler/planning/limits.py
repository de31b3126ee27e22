"""Guards of the whole plan: the most that a single run may change."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model.policy import Limits
from reconciler.model.verdict import Reason, Verdict

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
