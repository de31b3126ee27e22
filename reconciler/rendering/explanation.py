"""What an explanation says of a ticket in sentences, for people and for programs alike."""

from datetime import timedelta
from typing import assert_never

from reconciler.model.findings import Explanation
from reconciler.model.plan import Step
from reconciler.model.status import Status
from reconciler.model.ticket import Found, Gone, Hidden, Unread
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering.times import span
from reconciler.rendering.words import REASONS, counted


def absence(reading: Gone | Hidden | Unread) -> str:
    """Return why there is no ticket to show."""
    match reading:
        case Gone():
            return "there is no such ticket: it was processed, deleted, or never there"
        case Hidden():
            return "the ticket exists, and the server does not let us see it"
        case Unread(why):
            return f"it could not be read: {why}"
        case _:
            assert_never(reading)


def unmanaged(found: Explanation) -> str:
    """Return what a ticket is that no manifest names."""
    if found.archived:
        return "its decision is settled and archived"
    if found.history:
        return "no manifest names it any more; the ledger has its history"
    if isinstance(found.reading, Gone):
        return "this GUID is unknown to the manifests, the server and the ledger"
    return "no manifest names it, so no plan has a step for it"


def age(length: timedelta) -> str:
    """Spell how long ago something was, without seconds that nobody needs."""
    unit = timedelta(hours=1) if length >= timedelta(days=1) else timedelta(minutes=1)
    return span(length // unit * unit) if length >= timedelta(hours=1) else span(length)


def _of_step(found: Explanation, step: Step) -> str:
    if step.group is Group.CHANGE:
        return "have it reviewed, then apply: nothing has been sent for it yet"
    waiting = sum(other.ticket is not None and other.ticket.state.status == Status.PENDING for other in found.siblings)
    if waiting and step.after.status != Status.PENDING:
        pending = counted(waiting, "ticket")
        return f"nothing for this ticket; its object goes on once its siblings are decided too ({pending} pending)"
    return "nothing"


def to_do(found: Explanation) -> str:
    """What to do about the ticket."""
    if found.step is not None and found.step.verdict is Verdict.AWAITING_OTHERS and found.due:
        return f"nothing here; remind {', '.join(each.name or each.identity for each in found.due)}"
    if found.step is not None:
        return REASONS[found.step.reason].remedy or _of_step(found, found.step)
    match found.reading:
        case Gone() if found.archived or found.history:
            return "nothing"
        case Gone():
            return "check the GUID for a typing error, and --config and --env for the right server"
        case Found():
            return f"nothing, or decide on it in git: `reconciler decide {found.guid} --status STATUS`"
        case Hidden() | Unread():
            return "run `reconciler doctor`, which checks the grant and the permissions"
        case _:
            assert_never(found.reading)
