"""Whether a live ticket is still what the plan saw. Pure."""

from reconciler.model.dn import dn_key
from reconciler.model.plan import Step
from reconciler.model.status import State
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket
from reconciler.planning.judge import spell


def why_stale(step: Step, reading: Found | Gone | Hidden) -> str | None:
    """Say what has changed since the plan; None when the ticket is as planned (its Updated time may differ)."""
    match reading:
        case Gone():
            return "the ticket has gone since the plan was made"
        case Hidden():
            return "the server denies us the ticket since the plan was made"
        case Found(ticket):
            return _difference(step, ticket)


def _difference(step: Step, ticket: LiveTicket) -> str | None:
    if not _same_state(step, ticket.state):
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


def _same_state(step: Step, live: State) -> bool:
    if step.before is None:
        return False
    if step.known_from == "ledger" and live.schedule is None:
        return step.before.status == live.status
    return step.before == live
