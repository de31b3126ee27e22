"""What became of updates that earlier runs left without a receipt, found out by reading. Sends nothing."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from reconciler.applying.context import RunContext, read, receipt_of, sight, sighting_words
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import (
    DECIDED_OUTSIDE,
    AcceptedEntry,
    AttestedEntry,
    ClosedEntry,
    Entry,
    LastWrite,
    ObservedEntry,
    OpenIntent,
    TicketHistory,
)
from reconciler.model.status import format_instant, shows
from reconciler.model.ticket import Found, Gone
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.attention import begin, by_hand
from reconciler.planning.facts import is_early, may_take_effect_until
from reconciler.planning.judge import is_news, until_words
from reconciler.planning.traces import Finding, Trace, after_silence


def resolve(step: Step, left: OpenIntent, context: RunContext) -> Receipt:
    """Read what became of an intent without a receipt.

    As long as the update may still take effect, an unchanged ticket proves nothing.
    """
    sighting = sight(left.intent, context)
    finding = after_silence(sighting)
    until = may_take_effect_until(left, timedelta(seconds=context.patience))
    if finding is not None:
        finding = replace(finding, detail=f"sent by run {left.run}: {finding.detail}")
    elif sighting.trace is not Trace.UNCHANGED:
        finding = Finding(Outcome.UNKNOWN, Proof.NONE, f"run {left.run} left an intent, and {sighting_words(sighting)}")
    elif context.clock.now() < until:
        sent = "may have sent an update" if left.intent.attempt == 0 else "sent an update and got no answer"
        why = f"run {left.run} {sent}; it is {until_words(until)}"
        finding = Finding(Outcome.UNKNOWN, Proof.NONE, why)
    else:
        finding = Finding(Outcome.FAILED, Proof.UNCHANGED, f"run {left.run} left an intent that had no effect")
    return receipt_of(step, context, finding, sighting, left.intent)


def overruled(step: Step, left: OpenIntent, resolved: Receipt, context: RunContext) -> Receipt | None:
    """Return the receipt of an intent that nothing proves, once a manifest says of the ticket's state what comes next.

    Somebody has seen that state since, and the update can't take effect any more. None while it may, or nobody has.
    """
    if resolved.outcome is not Outcome.UNKNOWN or context.clock.now() < may_take_effect_until(
        left, timedelta(seconds=context.patience)
    ):
        return None
    if resolved.seen is None or resolved.seen != step.before:
        return None
    seen = step.expect.state
    if step.reason is not Reason.IN_SYNC_ACCEPTED and (seen is None or not shows(resolved.seen, seen)):
        return None
    why = f"run {left.run} left an intent; the manifest says of the state since then what is to come of it"
    return replace(resolved, outcome=Outcome.STALE, detail=why)


def can_recover(step: Step, history: TicketHistory) -> bool:
    """Whether the ledger has something to learn about a step that changes nothing."""
    return step.group is not Group.CHANGE and (history.open is not None or is_news(step))


def recover(step: Step, history: TicketHistory, context: RunContext) -> Iterator[Entry]:
    """Yield the ledger entries that follow from reading the ticket; none when nothing new is known."""
    if context.breaker.reason() is not None:
        return
    if history.open is not None:
        resolved = resolve(step, history.open, context)
        if resolved.outcome is not Outcome.UNKNOWN:
            yield resolved
            return
        overtaken = overruled(step, history.open, resolved, context)
        if overtaken is None:
            return
        yield overtaken
    if step.reason is Reason.IN_SYNC_ACCEPTED:
        yield from _with_exception(step, _agree(step, history, context))
    elif step.reason is Reason.SETTLED_ATTESTED:
        yield from _with_exception(step, _attest(step, history, context))
    elif is_news(step):
        yield _gone(step, history.last, context)


def _with_exception(step: Step, found: Iterable[AcceptedEntry | AttestedEntry]) -> Iterator[Entry]:
    """Record that a decision was made outside as the exception that it is, too."""
    for entry in found:
        yield entry
        decided = step.decision.decided
        if decided is not None:
            detail = f"by {decided.by} at {format_instant(decided.at)}, {decided.where}: {decided.reason}"
            yield from by_hand(begin(step, DECIDED_OUTSIDE, detail, entry.at))


def _gone(step: Step, last: LastWrite | None, context: RunContext) -> ClosedEntry | ObservedEntry:
    """Record that a ticket is gone, and of one that was scheduled between which times it went."""
    now = context.clock.now()
    if last is None or last.after.schedule is None:
        return ClosedEntry(now, step.guid, step.digest)
    early = step.reason in (Reason.CONFLICT_GONE_EARLY, Reason.ELSEWHERE_CLOSED) and not is_early(last, now)
    first_gone = context.planned_at if early and context.planned_at is not None else now
    return ObservedEntry(now, step.guid, step.digest, first_gone, last.armed_at)


def _agree(step: Step, history: TicketHistory, context: RunContext) -> Iterator[AcceptedEntry | AttestedEntry]:
    """Record that git and TPP agree, when the ticket still is as the plan has seen it."""
    reading = read(step.guid, context)
    if not isinstance(reading, Found) or reading.ticket.state != step.after:
        return
    if step.decision.decided is not None:
        yield _attested(step, context, gone=False)
        return
    yield AcceptedEntry(
        decision=step.decision,
        digest=step.digest,
        at=context.clock.now(),
        before=history.last.after if history.last else None,
        object=step.object,
        workflow=step.workflow,
        by=context.movers.get(step.guid),
    )


def _attest(step: Step, history: TicketHistory, context: RunContext) -> Iterator[AttestedEntry]:
    """Record who decided a ticket that is gone, unless it is there again."""
    known = history.last is not None and history.last.gone
    if known or isinstance(read(step.guid, context), Gone):
        yield _attested(step, context, gone=True)


def _attested(step: Step, context: RunContext, *, gone: bool) -> AttestedEntry:
    return AttestedEntry(
        decision=step.decision,
        digest=step.digest,
        at=context.clock.now(),
        gone=gone,
        object=step.object,
        workflow=step.workflow,
    )
