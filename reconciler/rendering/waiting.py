"""Tickets that wait, as text, JSON and CSV."""

from collections.abc import Callable

from reconciler.codec import json_text, plain
from reconciler.model.findings import Waiting, Waitings
from reconciler.model.status import format_instant
from reconciler.rendering import times
from reconciler.rendering.escape import csv_cell, log_lines, terminal
from reconciler.rendering.groups import days
from reconciler.rendering.summary import last_name, short
from reconciler.rendering.text.layout import Detail, Ink, View, field, fit, joined, padded, painted
from reconciler.rendering.words import counted

_STATUS = 16
_DECIDED = 26


def waiting_text(found: Waitings, view: View) -> str:
    """Return one line for each ticket, and how many there are; with more detail everything that is known of each."""
    lines = []
    for row in found.rows:
        lines.append(_line(row, found, view))
        if view.detail is Detail.VERBOSE:
            for name, value in _facts(row, view):
                if value:
                    lines.extend(field(name, value, width=view.width))
    for guid, why in sorted(found.unread.items()):
        lines.append(terminal(f"{guid} could not be read: {why}", 400))
    undecided = sum(row.undecided for row in found.rows)
    lines.append(f"{counted(len(found.rows), 'ticket')}, {undecided:,} undecided")
    return log_lines(joined(lines))


def _line(row: Waiting, found: Waitings, view: View) -> str:
    ticket = row.ticket
    if row.days_left is not None:
        since = f"{row.days_left:,} d left" if row.days_left >= 0 else "expired"
    else:
        since = days(found.now - ticket.created) if ticket.created else ""
    decided = "in no manifest" if row.wanted is None else f"wants {row.wanted}"
    room = max(view.width - 8 - _STATUS - _DECIDED - 10 - 8, 12)
    name = padded(fit(terminal(last_name(ticket.object) or "unknown object"), room), room)
    status = padded(fit(terminal(ticket.state.status), _STATUS), _STATUS)
    ink = Ink.CARE if row.undecided else Ink.GOOD
    decision = painted(padded(fit(terminal(decided), _DECIDED), _DECIDED), ink, view.colour)
    return f"{name}  {painted(short(ticket.guid), Ink.DIM, view.colour)}  {status}  {decision}  {since}".rstrip()


def _facts(row: Waiting, view: View) -> tuple[tuple[str, str], ...]:
    ticket = row.ticket
    return (
        ("ticket", ticket.guid),
        ("object", terminal(ticket.object)),
        ("workflow", terminal(ticket.workflow)),
        ("reason", terminal(ticket.reason)),
        ("when", times.local_first_window(ticket.state.schedule, view.zone) if ticket.state.schedule else ""),
        ("created", times.local_first(ticket.created, view.zone) if ticket.created else ""),
        ("approvers", terminal(", ".join(ticket.approvers))),
        ("change", terminal(row.change or "")),
        ("manifest", terminal(f"{row.source.path}:{row.source.line}") if row.source else ""),
        ("ledger", row.outcome),
    )


_COLUMNS: dict[str, Callable[[Waiting], str]] = {
    "guid": lambda row: row.ticket.guid,
    "object": lambda row: row.ticket.object,
    "workflow": lambda row: row.ticket.workflow,
    "status": lambda row: row.ticket.state.status,
    "start": lambda row: format_instant(row.ticket.state.schedule.start) if row.ticket.state.schedule else "",
    "stop": lambda row: (
        format_instant(row.ticket.state.schedule.stop)
        if row.ticket.state.schedule and row.ticket.state.schedule.stop
        else ""
    ),
    "reason": lambda row: row.ticket.reason,
    "created": lambda row: format_instant(row.ticket.created) if row.ticket.created else "",
    "approvers": lambda row: " ".join(row.ticket.approvers),
    "wanted": lambda row: row.wanted or "",
    "change": lambda row: row.change or "",
    "manifest": lambda row: f"{row.source.path}:{row.source.line}" if row.source else "",
    "ledger": lambda row: row.outcome,
    "days_left": lambda row: "" if row.days_left is None else str(row.days_left),
}


def waiting_csv(found: Waitings) -> str:
    """Return a table with one row for each ticket; every cell is quoted, and none is a formula."""
    rows = [list(_COLUMNS), *([column(row) for column in _COLUMNS.values()] for row in found.rows)]
    return "".join(",".join(csv_cell(cell) for cell in row) + "\r\n" for row in rows)


def waiting_json(found: Waitings) -> str:
    """Return the tickets with the same members for each, null where nothing is known."""
    tickets = [
        {name: column(row) or None for name, column in _COLUMNS.items()}
        | {
            "approvers": list(row.ticket.approvers),
            "days_left": row.days_left,
            "undecided": row.undecided,
        }
        for row in found.rows
    ]
    return json_text({"version": 1, "at": plain(found.now), "tickets": tickets, "unread": dict(found.unread)})
