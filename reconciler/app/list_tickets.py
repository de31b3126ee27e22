"""List: the tickets that are there, joined with what manifests want of them and what the ledger knows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from reconciler.app.certificates import expiring
from reconciler.app.context import Context
from reconciler.app.import_tickets import on_server
from reconciler.app.tickets import decisions_of
from reconciler.ledger.index import read_index
from reconciler.model.decision import Decision
from reconciler.model.findings import Waiting, Waitings
from reconciler.model.record import NO_HISTORY, TicketHistory
from reconciler.model.ticket import Found, Guid, LiveTicket, Unread, identity_key
from reconciler.model.value import replace
from reconciler.planning.selections import matches, pattern_of


@dataclass(frozen=True, slots=True)
class ListFilter:
    """Which tickets to list: all None and False means every ticket that the caller can list."""

    object: str | None = None
    workflow: str | None = None
    older_than: timedelta | None = None
    expiring: timedelta | None = None
    undecided: bool = False
    mine: bool = False


def list_tickets(context: Context, asked: ListFilter) -> Waitings:
    """Read the tickets of the caller, or those on an object, and join them. Raises InvalidInput, ServerFailure."""
    now = context.clock.now()
    guids = sorted(set(on_server(context, asked.object)))
    identities = frozenset(map(identity_key, context.backend.identities())) if asked.mine else frozenset[str]()
    declared = decisions_of(context)
    histories = read_index(context.ledger, guids, context.targets).histories
    rows, unread = [], dict[Guid, str]()
    with context.observer.progress("Reading tickets", len(guids), context.backend.activity) as advance:
        for guid, reading in context.backend.reader().read_many(guids):
            if isinstance(reading, Found):
                rows.append(_row(reading.ticket, declared.get(guid), histories.get(guid, NO_HISTORY), identities))
            elif isinstance(reading, Unread):
                unread[guid] = reading.why
            advance(1)
    kept = [row for row in rows if _fits(row, asked, context)]
    if asked.expiring is not None:
        kept, not_known = _expiring(context, kept, asked.expiring)
        unread |= not_known
    ordered = kept if asked.expiring is not None else sorted(kept, key=lambda row: _order(row.ticket))
    return Waitings(now, tuple(ordered), unread)


def _row(ticket: LiveTicket, decision: Decision | None, history: TicketHistory, identities: frozenset[str]) -> Waiting:
    outcome = "unknown" if history.open else str(history.last.outcome) if history.last else ""
    ours = not ticket.approvers or any(identity_key(each) in identities for each in ticket.approvers)
    if decision is None:
        return Waiting(ticket, outcome=outcome, ours=ours)
    return Waiting(ticket, decision.wanted.status, decision.source, decision.change, outcome, ours)


def _fits(row: Waiting, asked: ListFilter, context: Context) -> bool:
    created = row.ticket.created
    old = asked.older_than is None or (created is not None and context.clock.now() - created >= asked.older_than)
    return (
        old
        and (asked.workflow is None or matches(pattern_of(asked.workflow), row.ticket.workflow))
        and (not asked.undecided or row.undecided)
        and (not asked.mine or row.ours)
    )


def _expiring(context: Context, rows: Iterable[Waiting], within: timedelta) -> tuple[list[Waiting], Mapping[Guid, str]]:
    """Keep those whose certificates end within some time, the first to end first, and say which are not known."""
    by_guid = {row.ticket.guid: row for row in rows}
    found, not_known = expiring(context, (row.ticket for row in by_guid.values()), within)
    return [replace(by_guid[each.ticket.guid], days_left=each.days_left) for each in found], not_known


def _order(ticket: LiveTicket) -> tuple[bool, float, str, str]:
    """Those that wait longest first; those of which nobody knows how long, last."""
    return (
        ticket.created is None,
        ticket.created.timestamp() if ticket.created else 0.0,
        ticket.object.casefold(),
        ticket.guid,
    )
