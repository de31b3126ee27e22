"""The guard of change records: the record that a decision names is there, allows the work, and holds its window. Pure.

Rejecting and taking back make nothing happen, so no record has to allow them: an approval that is armed can always be
taken back.
"""

from datetime import datetime

from reconciler.model.change_record import ChangeRecord, LookupFailure, NoChangeRecord
from reconciler.model.plan import Step
from reconciler.model.policy import ChangeRule, WindowRule
from reconciler.model.status import format_instant
from reconciler.model.verdict import Verdict
from reconciler.planning.selections import matches_any

Found = ChangeRecord | NoChangeRecord
EMERGENCY = "emergency"


def asks_for_record(rule: ChangeRule | None, step: Step) -> bool:
    """Whether a change needs a record that allows it."""
    if rule is None or step.verdict in (Verdict.REJECT, Verdict.REOPEN):
        return False
    return bool(matches_any(rule.objects, step.object))


def why_not(rule: ChangeRule, step: Step, found: Found | None, now: datetime) -> str | None:
    """Return why a record does not allow a step, as `code: what; remedy`; None when it does."""
    if step.change is None:
        return "not-found: the decision names no change record; add `change` to the entry"
    match found:
        case None:
            return f"unavailable: {step.change} was not looked up; plan again"
        case NoChangeRecord(failure=LookupFailure.UNAVAILABLE):
            if not rule.refuse_when_unavailable:
                return None
            return f"unavailable: {step.change} could not be checked: {_with_hint(found)}"
        case NoChangeRecord():
            return f"not-found: {step.change}: {_with_hint(found)}"
        case ChangeRecord():
            return _judged(_rule_for(rule, found), step, found, now)


def _rule_for(rule: ChangeRule, record: ChangeRecord) -> ChangeRule:
    return rule.emergency if rule.emergency is not None and record.type == EMERGENCY else rule


def _with_hint(found: NoChangeRecord) -> str:
    return f"{found.why}; {found.hint}" if found.hint else found.why


def _judged(rule: ChangeRule, step: Step, record: ChangeRecord, now: datetime) -> str | None:
    if record.closed:
        return f"closed: {record.id} is {record.state or 'closed'}; name a record that is open"
    if record.on_hold:
        return f"on-hold: {record.id} is on hold; have it released"
    if record.allowed is False:
        return f"not-approved: {record.id}: {record.reason or 'the service says no'}"
    for name, allowed, is_now in (
        ("state", rule.state, record.state),
        ("type", rule.type, record.type),
        ("approval", rule.approval, record.approval),
    ):
        if allowed and is_now not in allowed:
            wanted = " or ".join(allowed)
            return f"not-approved: {record.id} has {name} {is_now or 'nothing'}, the policy asks for {wanted}"
    if rule.affected and not _names(record, step.object):
        return f"not-approved: {record.id} does not name {step.object} among its affected items; add it there"
    return _window(rule, step, record, now)


def _names(record: ChangeRecord, dn: str) -> bool:
    """Whether an affected item is the object, by its whole DN or by its last part."""
    return any(matches_any((item, rf"**\{item}"), dn) for item in record.affected if item)


def _window(rule: ChangeRule, step: Step, record: ChangeRecord, now: datetime) -> str | None:
    """Hold the execution window against the planned one: an approval at once executes now."""
    if rule.window is WindowRule.IGNORE:
        return None
    if record.start is None or record.stop is None:
        return f"outside-window: {record.id} has no planned window; have it planned"
    schedule = step.after.schedule
    start = schedule.start if schedule else now
    stop = schedule.stop if schedule and schedule.stop else start
    inside = record.start <= start and stop <= record.stop
    touching = start <= record.stop and stop >= record.start
    if inside if rule.window is WindowRule.INSIDE else touching:
        return None
    ours = format_instant(start) + (f" to {format_instant(stop)}" if stop != start else "")
    theirs = f"{format_instant(record.start)} to {format_instant(record.stop)}"
    return f"outside-window: it would take effect {ours}, {record.id} is planned for {theirs}; move one of them"
