"""The protocol of one step: read, compare, intend, send, observe. Whatever goes wrong, a receipt comes out."""

from reconciler.applying.conclude import conclude
from reconciler.applying.context import RunContext, not_attempted, operation_of, read, receipt_of
from reconciler.applying.recover import overruled, resolve
from reconciler.errors import LedgerUnwritable
from reconciler.model.plan import Step
from reconciler.model.receipt import Outcome, Proof, Receipt, operation_tag
from reconciler.model.record import NO_HISTORY, Intent, OpenIntent, TicketHistory
from reconciler.model.review import Provenance
from reconciler.model.status import State, parse_wanted, shows
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, NotSent, Unread, dn_key
from reconciler.model.value import replace
from reconciler.planning.facts import is_foreign
from reconciler.planning.judge import spell
from reconciler.planning.selections import Since
from reconciler.planning.traces import Finding
from reconciler.ports import Update


def perform(step: Step, history: TicketHistory, context: RunContext, *, overtaken: Since | None = None) -> Receipt:
    """Carry out one step and say what happened.

    `history` is what the ledger knows of the ticket; an intent that an earlier run left without a receipt is resolved
    by reading, first. `overtaken` says what happened to the ticket or its change record since the plan was made, which
    makes the step stale. Raises LedgerUnwritable only when nothing was sent.
    """
    if history.open is not None:
        resolved = resolve(step, history.open, context)
        settled = overruled(step, history.open, resolved, context)
        if settled is None and _settles(step, resolved):
            return resolved
        if resolved.proof is Proof.UNCHANGED and step.operation != history.open.intent.operation:
            why = _unplanned(history.open)
            return receipt_of(step, context, Finding(Outcome.STALE, Proof.NONE, why))
        context.ledger.append(settled or resolved)
    if overtaken is not None:
        outcome = Outcome.NOT_ATTEMPTED if overtaken.passing else Outcome.STALE
        return receipt_of(step, context, Finding(outcome, Proof.NONE, overtaken.why))
    return _carry_out(step, history, context)


def _settles(step: Step, resolved: Receipt) -> bool:
    """Whether what became of an earlier intent is also what became of the step."""
    if resolved.proof is Proof.UNCHANGED:
        return False
    return resolved.outcome is Outcome.UNKNOWN or resolved.after == step.after


def _unplanned(left: OpenIntent) -> str:
    """Return why a step is stale: only a plan that knows of an update without an answer may send after it."""
    return f"run {left.run} sent {spell(left.intent.after)} without an answer, which this plan does not know of"


def _carry_out(step: Step, history: TicketHistory, context: RunContext) -> Receipt:
    reading = read(step.guid, context)
    if isinstance(reading, Unread):
        context.breaker.answered(reading)
        why = f"not sent: the ticket could not be read again: {reading.why}"
        return receipt_of(step, context, Finding(Outcome.FAILED, Proof.NONE, why))
    stale = why_stale(step, reading, history)
    if stale is not None or not isinstance(reading, Found):
        return receipt_of(step, context, Finding(Outcome.STALE, Proof.NONE, stale or ""))
    return _write(step, history, reading.ticket, context)


def _write(step: Step, history: TicketHistory, ticket: LiveTicket, context: RunContext) -> Receipt:
    if (why := context.breaker.reason() or _too_late(step, context)) is not None:
        return not_attempted(step, why, context)
    intent = _as_it_is(_intent(step, ticket.state, context), ticket)
    try:
        context.ledger.append(intent)
    except LedgerUnwritable as error:
        return receipt_of(step, context, Finding(Outcome.FAILED, Proof.NONE, f"not sent: {error.message}"))
    update = Update(step.guid, parse_wanted(step.after), intent.explanation, step.parameters)
    answer = context.writer.update(update)
    if isinstance(answer, NotSent) and _is_back(step, history, context):
        answer = context.writer.update(update)
    context.breaker.answered(answer)
    return conclude(step, intent, answer, context)


def announce(step: Step, context: RunContext) -> Intent | None:
    """Return the intent that stands in the ledger before the first update of a run, None for what can't be sent.

    It is as the plan has it and counts as attempt 0: the one that follows right before the request is as the ticket is.
    """
    if step.before is None:
        return None
    return replace(_intent(step, step.before, context), attempt=0)


def _is_back(step: Step, history: TicketHistory, context: RunContext) -> bool:
    """Whether a server that let no connection in can be read by now, and the ticket is as planned.

    Reading waits for a server that is away, and nothing was sent that could take effect meanwhile.
    """
    if context.breaker.reason() is not None:
        return False
    reading = context.reader.read(step.guid)
    return isinstance(reading, Found) and why_stale(step, reading, history) is None and context.breaker.reason() is None


def _too_late(step: Step, context: RunContext) -> str | None:
    now = context.clock.now()
    if step.valid_until is not None and step.valid_until <= now:
        return "valid_until has passed since the plan was made"
    if step.after.schedule and step.after.schedule.stop and step.after.schedule.stop <= now:
        return "the window has ended since the plan was made"
    return None


def _intent(step: Step, before: State, context: RunContext) -> Intent:
    """Make the intent of a step as the plan has the ticket."""
    operation = operation_of(context.run, step.guid)
    return Intent(
        decision=step.decision,
        digest=step.digest,
        at=context.clock.now(),
        operation=operation,
        before=before,
        object=step.object,
        workflow=step.workflow,
        explanation=explanation(step, context.origin_of(step.guid), operation),
        created=step.created,
        change_record=step.change_record,
        overrides=step.overridden,
    )


def _as_it_is(intent: Intent, ticket: LiveTicket) -> Intent:
    """Return the intent with what was just read of its ticket."""
    return replace(
        intent,
        object=ticket.object,
        workflow=ticket.workflow,
        updated=ticket.updated,
        created=ticket.created,
    )


# Whether a ticket is still what the plan saw.


def why_stale(step: Step, reading: Found | Gone | Hidden, history: TicketHistory = NO_HISTORY) -> str | None:
    """Return what has changed since the plan; None when the ticket is as planned (its Updated time may differ)."""
    match reading:
        case Gone():
            return "the ticket no longer exists (it did when the plan was made)"
        case Hidden():
            return "the server denies us the ticket since the plan was made"
        case Found(ticket):
            return _difference(step, ticket, history)


def _difference(step: Step, ticket: LiveTicket, history: TicketHistory) -> str | None:
    if is_foreign(ticket, history):
        return "it carries the tag of an operation that this ledger does not know: another ledger's run was here"
    if not _same_state(step, ticket.state, history):
        was = spell(step.before) if step.before else "not there"
        return f"it was {was} when the plan was made and is {spell(ticket.state)} now"
    for name, planned, live in (
        ("object", step.object, ticket.object),
        ("workflow", step.workflow, ticket.workflow),
        ("reason", step.approval_reason, ticket.reason),
    ):
        if dn_key(planned) != dn_key(live):
            return f"its {name} was {planned!r} when the plan was made and is {live!r} now"
    if sorted(step.approvers) != sorted(ticket.approvers):
        return "its approvers have changed since the plan was made"
    return None


def _same_state(step: Step, live: State, history: TicketHistory) -> bool:
    """Whether the state is as planned. Where the server does not tell this token the times, the ledger knows ours."""
    if step.before is None:
        return False
    ours = history.last is not None and shows(step.before, history.last.after)
    if live.schedule is None and (ours or step.known_from == "ledger"):
        return step.before.status == live.status
    return step.before == live


# What is sent along.


def explanation(step: Step, origin: Provenance, operation: str) -> str:
    """Return the text to send: explanation, change and origin in parentheses, operation tag."""
    facts = [
        step.change if origin.commit else None,
        f"PR #{origin.review.pull_request}" if origin.review else None,
        f"commit {origin.commit[:7]}" if origin.commit else None,
    ]
    known = ", ".join(fact for fact in facts if fact)
    pieces = [step.explanation, f"({known})" if known else None, operation_tag(operation)]
    return " ".join(piece for piece in pieces if piece)
