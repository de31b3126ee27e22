"""Guards: pure rules that refuse a step or a plan. Each names rule, value, limit and the way out."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from reconciler.codec import Json, plain
from reconciler.model.change_record import ChangeRecord, NoChangeRecord
from reconciler.model.decision import Override, OverrideUse
from reconciler.model.plan import Control, EntryEdit, Step
from reconciler.model.policy import Freeze, Limits, Policy
from reconciler.model.review import NotYetReviewed, People
from reconciler.model.status import format_instant, in_zone, pending
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.planning.certificates import why_refused
from reconciler.planning.change_records import rule_for, why_not
from reconciler.planning.four_eyes import shortfall
from reconciler.planning.judge import is_news
from reconciler.planning.selections import matches_any

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


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What guards look at besides the plan.

    `identities` are the prefixed universals of the caller and its groups, empty when nobody asked; `stopped` says why
    the global stop is on; `changes` are the change records that were looked up, by id; `decided_by` has the people
    behind single manifests (by path) where they are known, `brought_by` those behind single decisions, `people` are
    those behind all others, `configuration` those behind the configuration; `superseded` says which newer commit is the
    one to apply; `logins` has the names on GitHub of those who request changes,
    `recurring` the occurrences of freezes that come again.
    """

    policy: Policy
    now: datetime
    people: People = NotYetReviewed()
    identities: frozenset[str] = frozenset()
    stopped: str | None = None
    changes: Mapping[str, ChangeRecord | NoChangeRecord] = field(default_factory=dict)
    decided_by: Mapping[str, People] = field(default_factory=dict)
    brought_by: Mapping[Guid, People] = field(default_factory=dict)
    configuration: People = NotYetReviewed()
    superseded: str | None = None
    logins: Mapping[str, str] = field(default_factory=dict)
    recurring: tuple[Freeze, ...] = ()

    @property
    def freezes(self) -> tuple[Freeze, ...]:
        """All freezes, each occurrence by itself."""
        return (*self.policy.freezes, *self.recurring)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One rule's no to one step."""

    rule: str
    reason: Reason
    detail: str


Guard = Callable[[Step, Circumstances], Refusal | None]


def _stop(_step: Step, seen: Circumstances) -> Refusal | None:
    if seen.stopped is None:
        return None
    return Refusal("stop", Reason.REFUSED_STOP, f"{seen.stopped}; nothing is written until the stop is taken away")


def _superseded(_step: Step, seen: Circumstances) -> Refusal | None:
    if seen.superseded is None:
        return None
    return Refusal("superseded", Reason.REFUSED_SUPERSEDED, seen.superseded)


def _required(step: Step, seen: Circumstances) -> Refusal | None:
    given = {
        "expect": step.expect.object,
        "explanation": step.explanation,
        "change": step.change,
        "valid_until": step.valid_until,
    }
    absent = sorted(name for name in seen.policy.require if not given.get(name))
    if not absent or not step.named:  # no entry, so nowhere to add anything to
        return None
    return Refusal("required", Reason.REFUSED_REQUIRED, f"the policy requires {', '.join(absent)}; add it to the entry")


def _change_pattern(step: Step, seen: Circumstances) -> Refusal | None:
    pattern = seen.policy.change_pattern
    if pattern is None or step.change is None or re.search(pattern, step.change):
        return None
    detail = f"change {step.change!r} does not match {pattern!r}; name a change record that does"
    return Refusal("change-pattern", Reason.REFUSED_CHANGE_PATTERN, detail)


def _ownership(step: Step, seen: Circumstances) -> Refusal | None:
    owns = seen.policy.owns
    if not owns or matches_any(owns, step.object):
        return None
    detail = f"{step.object or 'an unnamed object'} is outside {', '.join(owns)}; decide it where it is owned"
    return Refusal("ownership", Reason.REFUSED_OWNERSHIP, detail)


def _freeze(step: Step, seen: Circumstances) -> Refusal | None:
    """Refuse approvals that may take effect in a freeze. Rejecting and reopening make nothing happen, so they may."""
    if step.verdict in (Verdict.REJECT, Verdict.REOPEN):
        return None
    frozen = next((freeze for freeze in seen.freezes if freezes(freeze, step, seen.now)), None)
    if frozen is None:
        return None
    detail = f"the approval may take effect in freeze {frozen.name} ({_span(frozen, seen)}); move it out of the freeze"
    return Refusal("freeze", Reason.REFUSED_FREEZE, detail)


def _span(freeze: Freeze, seen: Circumstances) -> str:
    """Spell a freeze in UTC, and as its readers have it."""
    span = f"{format_instant(freeze.start)} to {format_instant(freeze.stop)}"
    if seen.policy.timezone is None:
        return span
    here = [in_zone(each, ZoneInfo(seen.policy.timezone)) for each in (freeze.start, freeze.stop)]
    return f"{span}, in {seen.policy.timezone} {here[0]:%Y-%m-%d %H:%M} to {here[1]:%Y-%m-%d %H:%M}"


def freezes(freeze: Freeze, step: Step, now: datetime) -> bool:
    """Say whether the window in which the step may take effect touches a freeze that covers its object."""
    if not matches_any(freeze.objects, step.object):
        return False
    schedule = step.after.schedule
    start = max(schedule.start, now) if schedule else now
    stop = schedule.stop if schedule and schedule.stop else start
    return start < freeze.stop and stop >= freeze.start


def _four_eyes(step: Step, seen: Circumstances) -> Refusal | None:
    rule = seen.policy.four_eyes
    if rule is None:
        return None
    for place, people in (
        ("the configuration: ", seen.configuration),
        ("", seen.decided_by.get(step.source.path, seen.people)),
    ):
        why = shortfall(people, rule)
        if why is not None:
            return Refusal("four-eyes", Reason.REFUSED_FOUR_EYES, place + why)
    return None


def _identity(step: Step, seen: Circumstances) -> Refusal | None:
    if seen.policy.four_eyes is None or not seen.identities or not step.approvers:
        return None
    ours = {identity.casefold().replace("{", "").replace("}", "") for identity in seen.identities}
    if any(approver.casefold().replace("{", "").replace("}", "") in ours for approver in step.approvers):
        return None
    detail = f"the caller is not among the ticket's approvers ({', '.join(step.approvers)}); use an identity that is"
    return Refusal("identity", Reason.REFUSED_IDENTITY, detail)


def _context(step: Step, seen: Circumstances) -> Refusal | None:
    refuse = seen.policy.refuse
    why = why_refused(step, refuse) if refuse else None
    return None if why is None else Refusal("context", Reason.REFUSED_CONTEXT, why)


def _change_record(step: Step, seen: Circumstances) -> Refusal | None:
    rule = rule_for(seen.policy.change_record, step)
    if rule is None:
        return None
    why = why_not(rule, step, seen.changes.get(step.change or ""), seen.now)
    return None if why is None else Refusal("change-record", Reason.REFUSED_CHANGE_RECORD, why)


STEP_GUARDS: dict[str, Guard] = {
    "stop": _stop,
    "superseded": _superseded,
    "required": _required,
    "change-pattern": _change_pattern,
    "ownership": _ownership,
    "freeze": _freeze,
    "four-eyes": _four_eyes,
    "identity": _identity,
    "context": _context,
    "change-record": _change_record,
}
NEVER_OVERRIDDEN = frozenset({"stop", "superseded", "four-eyes", "identity"})


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
    told = [rule for rule in STEP_GUARDS if rule not in ("superseded", "context") or rule in guards]
    found = tuple(_control(rule, seen, tally) for rule in told) + limit_controls
    return limited, _with_policy(found, seen.policy)


def enforce_limits(
    steps: tuple[Step, ...], overrides: tuple[Override, ...], limits: Limits, now: datetime, settled: int = 0
) -> tuple[tuple[Step, ...], tuple[Control, ...]]:
    """Hold limits alone against steps that passed every other guard; `settled` as for `enforce`."""
    seen = Circumstances(Policy(limits=limits), now)
    limited, controls = _limited(steps, seen, exemptions(overrides, seen), settled)
    return limited, _with_policy(controls, seen.policy)


Exempt = Mapping[str, Mapping[Guid, Override]]
"""The tickets that overrides spare, by rule, each with the override that does."""


def exemptions(overrides: tuple[Override, ...], seen: Circumstances) -> Exempt:
    """Return the tickets that overrides spare now; of two for one ticket the one that lasts longer."""
    valid = sorted((each for each in overrides if each.until > seen.now), key=lambda each: (each.until, each.source))
    return {
        rule: {guid: override for override in valid if override.rule == rule for guid in override.tickets}
        for rule in {override.rule for override in valid} - NEVER_OVERRIDDEN
    }


def _spared(step: Step, override: Override) -> Step:
    """Note which exemption a change needed to pass."""
    use = OverrideUse(override.rule, override.reason, override.until, override.source)
    return step if use in step.overridden else replace(step, overridden=(*step.overridden, use))


def needs_review(step: Step) -> bool:
    """Whether a step writes: to the server, or what was decided outside to the ledger."""
    return step.group is Group.CHANGE or (step.decided is not None and step.group is Group.FINE and is_news(step))


def _checked(
    step: Step,
    seen: Circumstances,
    guards: Mapping[str, Guard],
    exempt: Exempt,
    tally: Counter[tuple[str, str]],
) -> Step:
    if step.group is Group.FINE:
        step = _armed_in_freeze(step, seen, exempt, tally)
    if not needs_review(step):
        return step
    for rule, guard in guards.items():
        if step.group is Group.FINE and rule not in _OF_ATTESTATIONS:
            continue
        refusal = guard(step, seen)
        if refusal is None:
            continue
        override = exempt.get(rule, {}).get(step.guid)
        if override is not None:
            tally[rule, "overridden"] += 1
            step = _spared(step, override)
            continue
        tally[rule, "refused"] += 1
        return _refused(step, refusal)
    return step


_ARMED = frozenset({Reason.IN_SYNC_SAME, Reason.IN_SYNC_ACCEPTED, Reason.IN_SYNC_LEDGER, Reason.AWAITING_OTHERS})
_OF_ATTESTATIONS = frozenset({"ownership", "four-eyes"})
"""Guards that judge also what was decided outside: it can't be refused any more, but not anybody may record it."""


def _armed_in_freeze(step: Step, seen: Circumstances, exempt: Exempt, tally: Counter[tuple[str, str]]) -> Step:
    """Find a schedule that is armed already and would take effect in a freeze that came later, or under the stop."""
    if step.reason not in _ARMED or step.after.schedule is None:
        return step
    armed = f"the approval is armed for {format_instant(step.after.schedule.start)}"
    if seen.stopped is not None:
        tally["stop", "armed"] += 1
        why = f"{armed} all the same: {seen.stopped}; decide it in the console, or end the stop"
        return replace(step, reason=Reason.CONFLICT_FREEZE, detail=why)
    frozen = next((freeze for freeze in seen.freezes if freezes(freeze, step, seen.now)), None)
    if frozen is None or step.decided is not None:
        return step
    if step.guid in exempt.get("freeze", ()):
        tally["freeze", "overridden"] += 1
        return step
    tally["freeze", "armed"] += 1
    span = _span(frozen, seen)
    theirs = step.before if step.reason is Reason.IN_SYNC_ACCEPTED else None
    edit = None if step.reason is Reason.AWAITING_OTHERS else EntryEdit(wanted=pending(), seen=theirs)
    return replace(
        step, reason=Reason.CONFLICT_FREEZE, detail=f"{armed}, which is in freeze {frozen.name} ({span})", edit=edit
    )


def _refused(step: Step, refusal: Refusal) -> Step:
    return replace(step, reason=refusal.reason, detail=refusal.detail)


def _limited(
    steps: tuple[Step, ...], seen: Circumstances, exempt: Exempt, settled: int
) -> tuple[tuple[Step, ...], tuple[Control, ...]]:
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
                step = _spared(step, override)
            elif refusal is not None:
                return _refused(step, refusal)
    return step


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
}
"""The control that tells of each part of a policy; each limit is a control of its own."""


def _with_policy(controls: tuple[Control, ...], policy: Policy) -> tuple[Control, ...]:
    """Put what the policy says beside what was found, whatever that is. What no step meets is a control of its own."""
    values = {name: str(limit) for name, limit in plain(policy.limits).items()}
    for part, name in CONTROL_OF.items():
        if (value := getattr(policy, part)) != getattr(_NO_POLICY, part):
            values[name] = _spelled(plain(value))
    told = [replace(control, value=values.pop(control.name, "")) for control in controls]
    return (*told, *(Control(name, "ok", "configured", value) for name, value in values.items()))


_NO_POLICY = Policy()


def _spelled(value: Json) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_spelled(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_spelled, value))
    return "yes" if value is True else "no" if value is False else str(value)


def _control(rule: str, seen: Circumstances, tally: Counter[tuple[str, str]]) -> Control:
    refused, overridden, armed = tally[rule, "refused"], tally[rule, "overridden"], tally[rule, "armed"]
    if armed and not refused:
        return Control(rule, "refused", f"{armed} armed already")
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
        "freeze": bool(seen.freezes or policy.recurring_freezes),
        "four-eyes": policy.four_eyes is not None,
        "change-record": bool(policy.change_record),
        "context": bool(policy.refuse),
        "identity": policy.four_eyes is not None and bool(seen.identities),
    }[rule]
