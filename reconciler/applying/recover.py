"""What became of updates that earlier runs left without a receipt, found out by reading. Sends nothing."""

from datetime import timedelta

from reconciler.applying.context import RunContext, read, receipt_of, sight, told
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import AcceptedEntry, ClosedEntry, OpenIntent, TicketHistory
from reconciler.model.ticket import Found
from reconciler.model.value import replace
from reconciler.model.verdict import Group, Reason
from reconciler.planning.facts import may_take_effect_until
from reconciler.planning.judge import until_words
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
        finding = Finding(Outcome.UNKNOWN, Proof.NONE, f"run {left.run} left an intent, and {told(sighting)}")
    elif context.clock.now() < until:
        why = f"run {left.run} sent an update and got no answer; it is {until_words(until)}"
        finding = Finding(Outcome.UNKNOWN, Proof.NONE, why)
    else:
        finding = Finding(Outcome.FAILED, Proof.UNCHANGED, f"run {left.run} left an intent that had no effect")
    return receipt_of(step, context, finding, sighting, left.intent)


def can_recover(step: Step, history: TicketHistory) -> bool:
    """Whether the ledger has something to learn about a step that changes nothing."""
    if step.group is Group.CHANGE:
        return False
    news = (step.reason is Reason.SETTLED_RECEIPT and not step.closed) or step.reason is Reason.IN_SYNC_ACCEPTED
    return history.open is not None or news


def recover(step: Step, history: TicketHistory, context: RunContext) -> Receipt | ClosedEntry | AcceptedEntry | None:
    """Return the ledger entry that follows from reading the ticket; None when nothing new is known."""
    if context.breaker.reason() is not None:
        return None
    if history.open is None and step.reason is Reason.IN_SYNC_ACCEPTED:
        return _accept(step, history, context)
    if history.open is None:
        return ClosedEntry(context.clock.now(), step.guid, step.digest)
    resolved = resolve(step, history.open, context)
    return None if resolved.outcome is Outcome.UNKNOWN else resolved


def _accept(step: Step, history: TicketHistory, context: RunContext) -> AcceptedEntry | None:
    """Record that git and TPP agree, when the ticket still is as the plan has seen it."""
    reading = read(step.guid, context)
    if not isinstance(reading, Found) or reading.ticket.state != step.after:
        return None
    return AcceptedEntry(
        decision=step.decision,
        digest=step.digest,
        at=context.clock.now(),
        before=history.last.after if history.last else None,
        object=step.object,
        workflow=step.workflow,
    )
