"""One decision held against the live ticket and the ledger: one step of the plan."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from reconciler.model.decision import Attestation, Decision
from reconciler.model.plan import EntryEdit, Step
from reconciler.model.receipt import Proof, tagged_operations
from reconciler.model.record import LastWrite, OpenIntent, TicketHistory
from reconciler.model.status import State, format_instant, is_sayable
from reconciler.model.ticket import Gone, LiveTicket, Reading, Unread
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.planning.digest import decision_digest
from reconciler.planning.facts import PATIENCE, Facts, Live, gather, is_window_over, may_take_effect_until
from reconciler.planning.verdicts import decide


def needs_reading(history: TicketHistory, decision: Decision | None = None) -> bool:
    """Whether the server has to be asked. GUIDs are never used again, so a ticket that is gone stays gone.

    One that was only inferred to be gone by our doing is looked for again, and one of which a new decision says in
    which state a reviewer has seen it.
    """
    last = history.last
    if history.open is not None or last is None or not last.gone or last.proof is Proof.INFERRED:
        return True
    if decision is None or decision.expect.state is None:
        return False
    return last.digest != decision_digest(decision)


def judge(
    decision: Decision, reading: Reading, history: TicketHistory, now: datetime, patience: timedelta = PATIENCE
) -> Step:
    """Return the step of one decision. Pure; `now` is the instant at which the plan is made.

    `patience` is how long after a lost answer an update may still take effect.
    """
    facts = gather(decision, reading, history, now, patience)
    reason = decide(facts)
    ticket, digest = facts.ticket, decision_digest(decision)
    return Step(
        decision=replace(decision, wanted=facts.wanted),
        digest=digest,
        reason=reason,
        before=_before(facts),
        detail=_detail(decision, facts, reason, reading, history.open, patience),
        object=(ticket.object if ticket else decision.expect.object) or "",
        workflow=(ticket.workflow if ticket else decision.expect.workflow) or "",
        approvers=ticket.approvers if ticket else (),
        approval_reason=ticket.reason if ticket else "",
        known_from=facts.known_from,
        operation=history.open.intent.operation if history.open else None,
        closed=_is_closed(decision, digest, history.last),
        created=ticket.created if ticket else None,
        edit=_edit(facts, reason, now),
    )


def _is_closed(decision: Decision, digest: str, last: LastWrite | None) -> bool:
    """Whether the ledger has seen the ticket to be gone, and knows what the manifest says of its end."""
    if last is None or not last.gone:
        return False
    return decision.decided is None or (last.attested and last.digest == digest)


_LIVE_AGREES = frozenset(
    {
        Reason.CONFLICT_CONSOLE,
        Reason.CONFLICT_REOPENED,
        Reason.CONFLICT_SCHEDULE_UNKNOWN,
        Reason.CONFLICT_OPEN_INTENT,
        Reason.CONFLICT_RESTORED,
        Reason.MISMATCH_STATUS,
    }
)


def _edit(facts: Facts, reason: Reason, now: datetime) -> EntryEdit | None:
    """Return what the entry has to say so that git and TPP agree again; None where no edit alone does that."""
    if reason in (Reason.CONFLICT_TOO_LATE, Reason.CONFLICT_COUNTED) and facts.last is not None:
        return EntryEdit(wanted=facts.last.after)
    if reason is Reason.CONFLICT_NOT_DECIDED:
        return EntryEdit(undecided=True)
    if reason not in _LIVE_AGREES or facts.ticket is None:
        return None
    there = _before(facts) or facts.ticket.state
    if is_window_over(there, now):
        return EntryEdit(seen=there)
    return EntryEdit(wanted=there, seen=there) if is_sayable(there) else EntryEdit(seen=facts.ticket.state)


def is_news(step: Step) -> bool:
    """Whether a step that sends nothing says what the ledger does not know: an agreement, or a ticket that is gone."""
    if step.reason in (Reason.SETTLED_RECEIPT, Reason.SETTLED_ATTESTED, Reason.CONFLICT_GONE_EARLY):
        return not step.closed
    if step.reason is Reason.ELSEWHERE_CLOSED:
        return not step.named and not step.closed
    return step.reason is Reason.IN_SYNC_ACCEPTED


def judge_closed(decision: Decision, history: TicketHistory, now: datetime) -> Step:
    """Return the step of a decision whose ticket the ledger has seen to be gone, without asking the server."""
    return judge(decision, Gone(), history, now)


def _before(facts: Facts) -> State | None:
    """Return the live state, with the times that the ledger knows where the server tells none."""
    if facts.ticket is None:
        return None
    state = facts.ticket.state
    if facts.known_from == "ledger" and facts.last is not None:
        return State(state.status, facts.last.after.start, facts.last.after.stop)
    return state


def _detail(
    decision: Decision,
    facts: Facts,
    reason: Reason,
    reading: Reading,
    unproven: OpenIntent | None,
    patience: timedelta,
) -> str:
    if reason.verdict.group is Group.CHANGE:
        return "; ".join(_change(facts, unproven))
    if reason.verdict.group is Group.FINE:
        return _fine(decision, facts, reason)
    match reason.verdict:
        case Verdict.UNCLEAR if unproven is not None:
            until = until_words(may_take_effect_until(unproven, patience))
            return f"{until}: {_sent(unproven)}, and no answer says what became of it"
        case Verdict.ERROR if isinstance(reading, Unread):
            return reading.why
        case Verdict.MISMATCH if facts.ticket is not None:
            return _mismatch(decision, facts.ticket, reason)
        case Verdict.EXPIRED if reason is Reason.EXPIRED_VALID_UNTIL and decision.valid_until is not None:
            return f"valid_until {format_instant(decision.valid_until)} has passed"
        case Verdict.EXPIRED | Verdict.MISSED:
            return f"the window {spell(facts.wanted)} is over"
        case Verdict.CONFLICT:
            return _conflict(decision, facts, reason)
        case _:
            return ""


def _fine(decision: Decision, facts: Facts, reason: Reason) -> str:
    if decision.decided is not None:
        gone = "; TPP answers for a GUID with a typing error just the same" if facts.ticket is None else ""
        return _attested(decision.decided) + gone
    if reason.verdict in (Verdict.SETTLED, Verdict.AWAITING_OTHERS) and facts.last is not None:
        return _by(facts.last)
    return ""


def _change(facts: Facts, unproven: OpenIntent | None) -> Iterator[str]:
    if facts.live is Live.AS_SEEN and facts.last is not None:
        yield f"the manifest says that this was seen; {_last_words(facts.last)}"
    elif facts.last is not None:
        yield f"replaces {spell(facts.last.after)}, {_by(facts.last)}"
    if unproven is not None:
        yield f"sent before: {_sent(unproven)} without an answer, and has shown no effect since"


def _sent(unproven: OpenIntent) -> str:
    at = format_instant(unproven.since.replace(microsecond=0))
    if unproven.intent.attempt == 0:
        return f"run {unproven.run} was cut off before {at} and may have sent {spell(unproven.intent.after)}"
    return f"run {unproven.run} sent {spell(unproven.intent.after)} at {at}"


def _foreign(ticket: LiveTicket) -> str:
    found = ", ".join(sorted(tagged_operations(ticket.explanation, ticket.reason)))
    return f"the ticket is {spell(ticket.state)} and carries the tag of operation {found}, not all known to this ledger"


def until_words(moment: datetime) -> str:
    """Return until when nobody knows whether an update takes effect, rounded up to a second."""
    return f"unclear until {format_instant(moment + timedelta(microseconds=-moment.microsecond % 1_000_000))}"


def _mismatch(decision: Decision, ticket: LiveTicket, reason: Reason) -> str:
    if reason is Reason.MISMATCH_STATUS and decision.expect.state is not None:
        return f"expected {spell(decision.expect.state)}, the ticket is {spell(ticket.state)}"
    if reason is Reason.MISMATCH_OBJECT:
        return f"expected object {decision.expect.object}, the ticket is on {ticket.object}"
    return f"expected workflow {decision.expect.workflow}, the ticket comes from {ticket.workflow}"


def _conflict(decision: Decision, facts: Facts, reason: Reason) -> str:
    if reason is Reason.CONFLICT_UNKNOWN_OPERATION and facts.ticket is not None:
        return _foreign(facts.ticket)
    if reason is Reason.CONFLICT_GONE_EARLY and facts.last is not None:
        return _gone_early(facts.last)
    attested = f"{_attested(decision.decided)}; " if decision.decided is not None else ""
    there = f"the ticket is {spell(facts.ticket.state)}" if facts.ticket else "the ticket is gone"
    done = _last_words(facts.last) if facts.last else "we never decided it"
    return f"{attested}wanted {spell(facts.wanted)}; {there}; {done}"


def _gone_early(last: LastWrite) -> str:
    seen = f"at {format_instant(last.gone_at)}, " if last.gone_at is not None else ""
    return f"gone {seen}before its start; {_last_words(last)}"


def _attested(decided: Attestation) -> str:
    return decided.told(format_instant(decided.at))


def _last_words(last: LastWrite) -> str:
    who = f"we last {_done(last)}"
    return f"{who} {spell(last.after)} {_how(last)}"


def _by(last: LastWrite) -> str:
    return f"{_done(last)} {_how(last)}"


def _done(last: LastWrite) -> str:
    return "recorded" if last.attested else "accepted" if last.accepted else "applied"


def _how(last: LastWrite) -> str:
    identity = f" as {last.identity}" if last.identity else ""
    request = f", PR #{last.review.pull_request}" if last.review is not None else ""
    return f"by run {last.run} at {format_instant(last.at)}{identity}{request} (proof: {last.proof})"


def spell(state: State) -> str:
    """Spell a state in one line, times in UTC."""
    if state.schedule is None:
        return str(state.status) or "without a status"
    stop = f" to {format_instant(state.schedule.stop)}" if state.schedule.stop else ""
    return f"{state.status} {format_instant(state.schedule.start)}{stop}"
