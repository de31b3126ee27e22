"""The guard of change records: the record that a decision names is there, allows the work, and holds its window. Pure.

Rejecting and taking back make nothing happen, so no record has to allow them: an approval that is armed can always be
taken back.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from reconciler.model.change_record import ChangeRecord, LookupFailure, NoChangeRecord, SeenChange
from reconciler.model.plan import Step
from reconciler.model.policy import ChangeRule, WindowRule
from reconciler.model.review import AppliedBefore, NotReviewed, NotYetReviewed, People
from reconciler.model.status import format_instant
from reconciler.model.ticket import dn_key
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Verdict
from reconciler.planning.four_eyes import independent_reviewers
from reconciler.planning.selections import matches_any

Found = ChangeRecord | NoChangeRecord
EMERGENCY = "emergency"
_LONGEST_TITLE = 200


def rule_for(rules: Iterable[ChangeRule], step: Step) -> ChangeRule | None:
    """Return the rule for the record of a change, the first whose objects match; None when it needs no record."""
    if step.verdict in (Verdict.REJECT, Verdict.REOPEN):
        return None
    return next((rule for rule in rules if matches_any(rule.objects, step.object)), None)


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
            return _judged(_of_its_type(rule, found), step, found, now)


def seen(rule: ChangeRule, found: Found | None, now: datetime) -> SeenChange | None:
    """Return what plans and ledger keep of a record; None when there is no record."""
    if isinstance(found, ChangeRecord):
        return SeenChange(
            id=found.id,
            seen_at=found.seen_at,
            state=found.state,
            approval=found.approval,
            type=found.type,
            start=found.start,
            stop=found.stop,
            url=found.url,
            title=found.title[:_LONGEST_TITLE],
            requester="" if _of_its_type(rule, found).requester_may_review_alone else found.requester or "?",
        )
    if found is None or found.failure is LookupFailure.NOT_FOUND:
        return None
    return SeenChange(found.id, now, unchecked=found.why)


def remember(
    rules: Sequence[ChangeRule], steps: Iterable[Step], found: Mapping[str, Found], now: datetime
) -> tuple[Step, ...]:
    """Return the steps, each change with what was seen of the record that it needs."""
    return tuple(
        replace(step, change_record=seen(rule, found.get(step.change), now))
        if step.group is Group.CHANGE and step.change and (rule := rule_for(rules, step)) is not None
        else step
        for step in steps
    )


def moved(then: SeenChange | None, now: SeenChange | None) -> str | None:
    """Return how a record differs from what a plan saw; None when it does not, or when one of them saw none."""
    if then is None or now is None or then.unchecked or now.unchecked:
        return None
    for name in ("state", "approval", "type"):
        before, after = getattr(then, name), getattr(now, name)
        if before != after:
            return _differs(now.id, name, before or "nothing", after or "nothing")
    if (then.start, then.stop) != (now.start, now.stop):
        return _differs(now.id, "planned window", span(then.start, then.stop), span(now.start, now.stop))
    return None


def _differs(record: str, name: str, before: str, after: str) -> str:
    return f"{record}: its {name} was {before} when the plan was made and is {after} now"


def span(start: datetime | None, stop: datetime | None) -> str:
    """Spell a planned window."""
    return " to ".join(format_instant(each) for each in (start, stop) if each) or "not planned"


def reviewed_by_requester_alone(step: Step, people: People, logins: Mapping[str, str], direct: bool) -> str | None:
    """Return why the reviews of a change don't count, because the one who requested it may be all of them.

    `logins` has the names on GitHub of those who request changes, `direct` is whether a change may do without reviews.
    """
    record = step.change_record
    if record is None or not record.requester or isinstance(people, AppliedBefore | NotYetReviewed):
        return None
    requester = record.requester
    if isinstance(people, NotReviewed):
        return None if people.direct and direct else f"requester: nobody but {requester} has seen it: {people.why}"
    reviewers = independent_reviewers(people.review)
    login = {name.casefold(): login for name, login in logins.items()}.get(requester.casefold(), "")
    known = login.casefold() or requester.casefold()
    others = [name for name in reviewers if name.casefold() != known]
    sure = bool(login) or len(others) < len(reviewers)
    if len(others) >= (1 if sure else 2):
        return None
    pull = f"PR #{people.review.pull_request}"
    if others:
        return (
            f"requester: {others[0]} alone approved {pull}, and may be {requester}, who requested {record.id}; "
            f"name the login of {requester} in change_records.people, or have one more person approve"
        )
    return f"requester: nobody but {requester}, who requested {record.id}, approved {pull}; have somebody else approve"


def _of_its_type(rule: ChangeRule, record: ChangeRecord) -> ChangeRule:
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
        left_to_service = record.allowed is True and not is_now
        if allowed and is_now not in allowed and not left_to_service:
            wanted = " or ".join(allowed)
            return (
                f"not-approved: {record.id} has {name} {is_now or 'nothing'}, the policy asks for {wanted}; "
                "bring it there, or name another record"
            )
    if rule.affected and not _names(record, step.object):
        return f"not-approved: {record.id} does not name {step.object} among its affected items; add it there"
    return _window(rule, step, record, now)


def _names(record: ChangeRecord, dn: str) -> bool:
    """Whether an affected item is the object, by its whole DN or by its last part; nothing in it is a wildcard."""
    whole, last = dn_key(dn), dn_key(dn.rpartition("\\")[2])
    return any(dn_key(item) in (whole, last) for item in record.affected if item)


def _window(rule: ChangeRule, step: Step, record: ChangeRecord, now: datetime) -> str | None:
    """Hold the execution window against the planned one: an approval at once executes now."""
    if rule.window is WindowRule.IGNORE:
        return None
    if record.start is None or record.stop is None:
        return f"outside-window: {record.id} has no planned window; have it planned"
    schedule = step.after.schedule
    start = max(schedule.start, now) if schedule else now
    stop = schedule.stop if schedule and schedule.stop else start
    inside = record.start <= start and stop <= record.stop
    touching = start <= record.stop and stop >= record.start
    if inside if rule.window is WindowRule.INSIDE else touching:
        return None
    ours = span(start, stop if stop != start else None)
    theirs = span(record.start, record.stop)
    return f"outside-window: it would take effect {ours}, {record.id} is planned for {theirs}; move one of them"
