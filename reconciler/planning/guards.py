"""Guards: pure rules that refuse a step or a plan. Each names rule, value, limit and the way out."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reconciler.model.change_record import ChangeRecord, NoChangeRecord
from reconciler.model.decision import Override, OverrideUse, Seal, Source
from reconciler.model.plan import Step
from reconciler.model.policy import FourEyes, Freeze, Policy
from reconciler.model.review import Emergency, NotYetReviewed, People
from reconciler.model.status import format_instant, in_zone
from reconciler.model.ticket import Guid, identity_key
from reconciler.model.value import replace
from reconciler.model.verdict import Reason, Verdict
from reconciler.planning.certificates import why_refused
from reconciler.planning.change_records import rule_for, why_not
from reconciler.planning.folders import Above, four_eyes_of, four_eyes_of_override, stated, why_no_override
from reconciler.planning.four_eyes import shortfall
from reconciler.planning.selections import matches_any


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What guards look at besides the plan.

    `identities` are the prefixed universals of the caller and its groups, empty when nobody asked; `stopped` says why
    the global stop is on; `changes` are the change records that were looked up, by id; `decided_by` has the people
    behind single manifests (by path) where they are known, `brought_by` those behind single decisions, `people` are
    those behind all others, `configuration` those behind the configuration; `superseded` says which newer commit is the
    one to apply; `logins` has the names on GitHub of those who request changes,
    `recurring` the occurrences of freezes that come again, `recurring_in` those of single folders, `emergency` what two
    people decide without a pull request. `below` has for each manifest the folders with rules that it lies below, the
    most specific one first; `seals` are manifests without steps, `overridden_by` are the people behind overrides, by
    where these stand.
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
    emergency: Emergency | None = None
    recurring_in: Mapping[str, tuple[Freeze, ...]] = field(default_factory=dict)
    below: Mapping[str, Above] = field(default_factory=dict)
    seals: tuple[Seal, ...] = ()
    overridden_by: Mapping[Source, People] = field(default_factory=dict)

    def above(self, step: Step) -> Above:
        """Return the folders with rules that the decision of a step lies below."""
        return self.below.get(step.source.path, ())

    def local(self, moment: datetime) -> datetime | None:
        """Return a moment as the time of day in the policy's zone; None where the policy names no zone."""
        zone = self.policy.timezone
        return None if zone is None else in_zone(moment, ZoneInfo(zone))

    @property
    def freezes(self) -> tuple[Freeze, ...]:
        """All freezes of the repository, each occurrence by itself."""
        return (*self.policy.freezes, *self.recurring)

    def freezes_of(self, step: Step) -> tuple[Freeze, ...]:
        """All freezes that hold for a step: those of the repository, and those of its folder."""
        above = self.above(step)
        once, again = (stated(self.policy, above, name) for name in ("freezes", "recurring_freezes"))
        own = once or again
        if own is None:
            return self.freezes
        # One folder gives its freezes of both kinds: the most specific one that has any.
        name = min((found[0] for found in (once, again) if found is not None), key=above.index)
        return (*self.freezes, *self.policy.folders[name].freezes, *self.recurring_in.get(name, ()))


@dataclass(frozen=True, slots=True)
class Refusal:
    """One rule's no to one step."""

    reason: Reason
    detail: str


Guard = Callable[[Step, Circumstances], Refusal | None]


def _stop(_step: Step, seen: Circumstances) -> Refusal | None:
    if seen.stopped is None:
        return None
    return Refusal(Reason.REFUSED_STOP, f"{seen.stopped}; nothing is written until the stop is taken away")


def _superseded(_step: Step, seen: Circumstances) -> Refusal | None:
    if seen.superseded is None:
        return None
    return Refusal(Reason.REFUSED_SUPERSEDED, seen.superseded)


def _emergency(step: Step, seen: Circumstances) -> Refusal | None:
    emergency, rule = seen.emergency, seen.policy.emergency
    if emergency is None:
        return None
    if rule is None:
        why = "the policy allows no emergency; bring it in by a pull request, or configure policy.emergency"
    elif not re.search(rule.incident, emergency.incident):
        why = f"incident {emergency.incident!r} does not match {rule.incident!r}; name the incident that it is for"
    elif len(emergency.earlier - {step.guid}) >= rule.per_day:
        why = (
            f"{len(emergency.earlier)} tickets were decided so within 24 hours, the limit is {rule.per_day}; decide it "
            "in the console and record it with `decided`"
        )
    else:
        return None
    return Refusal(Reason.REFUSED_EMERGENCY, why)


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
    return Refusal(Reason.REFUSED_REQUIRED, f"the policy requires {', '.join(absent)}; add it to the entry")


def _change_pattern(step: Step, seen: Circumstances) -> Refusal | None:
    pattern = seen.policy.change_pattern
    if pattern is None or step.change is None or re.search(pattern, step.change):
        return None
    if seen.emergency is not None and step.change == seen.emergency.incident:
        return None
    detail = f"change {step.change!r} does not match {pattern!r}; name a change record that does"
    return Refusal(Reason.REFUSED_CHANGE_PATTERN, detail)


def _ownership(step: Step, seen: Circumstances) -> Refusal | None:
    own = stated(seen.policy, seen.above(step), "owns")
    for owns, whose in ((seen.policy.owns, ""), *([(own[1], f" of folder {own[0]}")] if own else [])):
        if owns and not matches_any(owns, step.object):
            named = step.object or "an unnamed object"
            detail = f"{named} is outside {', '.join(owns)}{whose}; decide it where it is owned"
            return Refusal(Reason.REFUSED_OWNERSHIP, detail)
    return None


def _freeze(step: Step, seen: Circumstances) -> Refusal | None:
    """Refuse approvals that may take effect in a freeze. Rejecting and reopening make nothing happen, so they may."""
    if step.verdict in (Verdict.REJECT, Verdict.REOPEN):
        return None
    frozen = next((freeze for freeze in seen.freezes_of(step) if freezes(freeze, step, seen.now)), None)
    if frozen is None:
        return None
    detail = (
        f"the approval may take effect in freeze {frozen.name} ({span_of(frozen, seen)}); move it out of the freeze"
    )
    return Refusal(Reason.REFUSED_FREEZE, detail)


def span_of(freeze: Freeze, seen: Circumstances) -> str:
    """Spell a freeze in UTC, and as its readers have it."""
    span = f"{format_instant(freeze.start)} to {format_instant(freeze.stop)}"
    start, stop = seen.local(freeze.start), seen.local(freeze.stop)
    if start is None or stop is None:
        return span
    return f"{span}, in {seen.policy.timezone} {start:%Y-%m-%d %H:%M} to {stop:%Y-%m-%d %H:%M}"


def freezes(freeze: Freeze, step: Step, now: datetime) -> bool:
    """Return whether the window in which the step may take effect touches a freeze that covers its object."""
    if not matches_any(freeze.objects, step.object):
        return False
    schedule = step.after.schedule
    start = max(schedule.start, now) if schedule else now
    stop = schedule.stop if schedule and schedule.stop else start
    return start < freeze.stop and stop >= freeze.start


def _four_eyes(step: Step, seen: Circumstances) -> Refusal | None:
    for place, people, rule in _reviews_of(step, seen):
        why = shortfall(people, rule)
        if why is not None:
            return Refusal(Reason.REFUSED_FOUR_EYES, place + why)
    return None


def _reviews_of(step: Step, seen: Circumstances) -> Iterator[tuple[str, People, FourEyes]]:
    """Yield what needs its reviewers: the configuration, the decision, and the overrides that spare it."""
    above = seen.above(step)
    rule = four_eyes_of(seen.policy, above)
    used = [
        (use.source, needed)
        for use in step.overridden
        if use.source != _WAIVED
        and (needed := four_eyes_of_override(seen.policy, seen.below.get(use.source.path, ()), above)) is not None
    ]
    if rule is not None or used:
        yield "the configuration: ", seen.configuration, seen.policy.four_eyes or FourEyes()
    if rule is not None and seen.emergency is None:  # there the second person has agreed in another way
        yield "", seen.decided_by.get(step.source.path, seen.people), rule
    for source, needed in used:
        people = seen.overridden_by.get(source, seen.decided_by.get(source.path, seen.people))
        yield f"the override at {source}: ", people, needed


def _identity(step: Step, seen: Circumstances) -> Refusal | None:
    if seen.policy.four_eyes is None or not seen.identities or not step.approvers:
        return None
    if not set(map(identity_key, seen.identities)).isdisjoint(map(identity_key, step.approvers)):
        return None
    detail = f"the caller is not among the ticket's approvers ({', '.join(step.approvers)}); use an identity that is"
    return Refusal(Reason.REFUSED_IDENTITY, detail)


def _context(step: Step, seen: Circumstances) -> Refusal | None:
    refuse = seen.policy.refuse
    why = why_refused(step, refuse) if refuse else None
    return None if why is None else Refusal(Reason.REFUSED_CONTEXT, why)


def _change_record(step: Step, seen: Circumstances) -> Refusal | None:
    rule = rule_for(seen.policy.change_record, step)
    if rule is None:
        return None
    why = why_not(rule, step, seen.changes.get(step.change or ""), seen.now)
    return None if why is None else Refusal(Reason.REFUSED_CHANGE_RECORD, why)


STEP_GUARDS: dict[str, Guard] = {
    "stop": _stop,
    "superseded": _superseded,
    "emergency": _emergency,
    "required": _required,
    "change-pattern": _change_pattern,
    "ownership": _ownership,
    "freeze": _freeze,
    "four-eyes": _four_eyes,
    "identity": _identity,
    "context": _context,
    "change-record": _change_record,
}
NEVER_OVERRIDDEN = frozenset({"stop", "superseded", "emergency", "four-eyes", "identity"})
TOLD_WHEN_THERE = ("superseded", "emergency", "context")
"""Guards that plans tell of only where they are at work."""


@dataclass(frozen=True, slots=True)
class Exemptions:
    """Which tickets overrides spare now: by rule and ticket, of several the one that lasts longest first."""

    seen: Circumstances
    overrides: Mapping[tuple[str, Guid], tuple[Override, ...]]

    def of(self, rule: str, guid: Guid, path: str) -> Override | None:
        """Return the override that spares a ticket, which is decided in the manifest of this path."""
        return next(
            (each for each in self.overrides.get((rule, guid), ()) if _why_none(each, path, self.seen) is None), None
        )

    def why_not(self, rule: str, guid: Guid, path: str) -> str:
        """Return why an override of a ticket does not count; empty when there is none."""
        for each in self.overrides.get((rule, guid), ()):
            if (why := _why_none(each, path, self.seen)) is not None:
                return f"; the override at {each.source} does not count: {why}"
        return ""


def _why_none(override: Override, path: str, seen: Circumstances) -> str | None:
    """Return why the policy does not let an override spare what is decided in the manifest of this path."""
    if override.source == _WAIVED:
        return None
    places = [seen.below.get(each, ()) for each in dict.fromkeys((override.source.path, path))]
    return why_no_override(override, seen.policy, seen.now, *places)


def exemptions(overrides: tuple[Override, ...], seen: Circumstances) -> Exemptions:
    """Return what overrides, and the emergency, spare now."""
    found: dict[tuple[str, Guid], list[Override]] = {}
    given = (*overrides, *_waived(seen))
    valid = (each for each in given if each.until > seen.now and each.rule not in NEVER_OVERRIDDEN)
    for override in sorted(valid, key=lambda each: (each.until, each.source), reverse=True):
        for guid in override.tickets:
            found.setdefault((override.rule, guid), []).append(override)
    return Exemptions(seen, {key: tuple(each) for key, each in found.items()})


def counting(overrides: tuple[Override, ...], steps: Iterable[Step], seen: Circumstances) -> tuple[Override, ...]:
    """Return overrides with only those tickets that the policy lets them spare; none without any."""
    paths = defaultdict(str, ((step.guid, step.source.path) for step in steps))
    kept = (
        replace(each, tickets=frozenset(guid for guid in each.tickets if _why_none(each, paths[guid], seen) is None))
        for each in overrides
    )
    return tuple(each for each in kept if each.tickets)


_EMERGENCY_LASTS = timedelta(hours=1)
_WAIVED = Source("policy.emergency")


def _waived(seen: Circumstances) -> Iterator[Override]:
    """Yield the exemptions that an emergency brings for its one ticket."""
    emergency, rule = seen.emergency, seen.policy.emergency
    if emergency is None or rule is None:
        return
    why = f"emergency {emergency.incident}: {emergency.people}"
    until = (seen.now + _EMERGENCY_LASTS).replace(microsecond=0)
    for name in sorted(rule.waives):
        yield Override(name, frozenset({emergency.ticket}), why, until, _WAIVED)


def spare(step: Step, override: Override) -> Step:
    """Note which exemption a change needed to pass."""
    use = OverrideUse(override.rule, override.reason, override.until, override.source)
    return step if use in step.overridden else replace(step, overridden=(*step.overridden, use))


def refuse(step: Step, refusal: Refusal) -> Step:
    """Turn a step into a refused one."""
    return replace(step, reason=refusal.reason, detail=refusal.detail)


def configured(rule: str, seen: Circumstances) -> bool:
    """Return whether there is anything for a guard to look at."""
    policy = seen.policy
    return {
        "stop": True,
        "superseded": seen.superseded is not None,
        "emergency": seen.emergency is not None,
        "required": bool(policy.require),
        "change-pattern": policy.change_pattern is not None,
        "ownership": bool(policy.owns) or any(rules.owns for rules in policy.folders.values()),
        "freeze": bool(seen.freezes or policy.recurring_freezes)
        or any(rules.freezes or rules.recurring_freezes for rules in policy.folders.values()),
        "four-eyes": policy.asks_reviewers,
        "change-record": bool(policy.change_record),
        "context": bool(policy.refuse),
        "identity": policy.four_eyes is not None and bool(seen.identities),
    }[rule]
