"""New tickets to manifests: find, read, place, write. In batches, so that an interrupted import loses little."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import assert_never

from reconciler.atomic import atomic_write
from reconciler.cli.wiring import House
from reconciler.cli.writing import changing
from reconciler.manifests.discovery import find
from reconciler.manifests.edit import append_entries
from reconciler.manifests.load import load_desired
from reconciler.manifests.write import NewEntry, file_for, new_manifest
from reconciler.model.decision import Expectation
from reconciler.model.guid import Guid
from reconciler.model.instant import format_instant
from reconciler.model.intake import Intake
from reconciler.model.status import Status
from reconciler.model.ticket import Found, Gone, Hidden, LiveTicket, Reading, Unread
from reconciler.ports import Progress, TicketReader

BATCH = 250
"""Tickets that are read before they are written down, at first: each time as many again as there are by then.

So a file that grows is read and written a few times and not hundreds of times.
"""


@dataclass(slots=True)
class Import:
    """One import: where entries go, who the caller is, what has been found so far. A dry run writes nothing."""

    pattern: str
    identities: frozenset[str]
    now: datetime
    write: Callable[[str, Sequence[NewEntry]], None]
    intake: Intake = field(default_factory=Intake)
    batch: dict[str, list[NewEntry]] = field(default_factory=lambda: defaultdict(list))
    waiting: int = 0

    def take(self, guid: Guid, ticket: LiveTicket) -> None:
        """Put a pending ticket on its file's list."""
        if ticket.state.status != Status.PENDING:
            self.intake.decided.append(guid)
            return
        if self.identities and ticket.approvers and not _is_ours(ticket, self.identities):
            self.intake.not_ours.append(guid)
        name = file_for(self.pattern, ticket.object, ticket.created or self.now)
        self.batch[name].append(_entry(ticket))
        self.waiting += 1
        if self.waiting >= max(BATCH, self.intake.count):
            self.flush()

    def flush(self) -> None:
        """Write what is waiting. What is being written waits no more, so that an interruption writes nothing twice."""
        while self.batch:
            name = min(self.batch)
            ordered = sorted(self.batch.pop(name), key=lambda entry: entry.guid)
            self.waiting -= len(ordered)
            self.write(name, ordered)
            self.intake.written.setdefault(name, []).extend(entry.guid for entry in ordered)


def known_guids(house: House) -> frozenset[Guid]:
    """Return the tickets that manifests name already; none when there are no manifests yet. Raises InvalidInput."""
    settings = house.settings
    there = [name for name in settings.tickets if Path(name).exists()]
    if not find(there)[0]:
        return frozenset()
    desired = load_desired(there, windows=settings.windows, now=house.clock.now())
    return frozenset(decision.guid for decision in desired.decisions)


def run_import(
    found: Iterable[Guid],
    known: frozenset[Guid],
    reader: TicketReader,
    work: Import,
    progress: Callable[[int], Progress],
) -> Intake:
    """Read what is not known yet and write it down in batches."""
    intake = work.intake
    guids = sorted(set(found))
    intake.known.extend(guid for guid in guids if guid in known)
    new = [guid for guid in guids if guid not in known]
    advance = progress(len(new))
    try:
        for guid, reading in reader.read_many(new):
            _sort_in(guid, reading, work)
            advance(1)
    finally:
        work.flush()  # also when somebody interrupts: what has been read need not be read again
    return intake


def _sort_in(guid: Guid, reading: Reading, work: Import) -> None:
    match reading:
        case Found(ticket):
            work.take(guid, ticket)
        case Gone():
            work.intake.gone.append(guid)
        case Hidden():
            work.intake.hidden.append(guid)
        case Unread(why):
            work.intake.unread[guid] = why
        case _:
            assert_never(reading)


def write_entries(name: str, entries: Sequence[NewEntry]) -> None:
    """Add entries to a manifest, or make it; every byte that was there stays. Raises InvalidInput."""
    path = Path(name)
    with changing(path):
        if path.exists():
            text = append_entries(name, path.read_bytes().decode("utf-8"), entries)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = new_manifest(entries, comments=("New tickets. Change `status` and have the change reviewed.",))
        atomic_write(path, text.encode("utf-8"))


def default_pattern(tickets: Sequence[str]) -> str:
    """Return where entries go when nobody says: the file that the configuration names, or files below its folder."""
    first = tickets[0]
    return first if first.endswith((".yaml", ".yml")) else f"{first}/{{year}}/{{month}}/{{folder}}.yaml"


def is_planned(pattern: str, tickets: Iterable[str]) -> bool:
    """Say whether files of a pattern are among the manifests: if they are not, every import would add them again."""
    fixed, hole, _ = pattern.partition("{")
    file = Path(fixed + ("x" if hole else "")).resolve()
    return any(Path(name).resolve() in (file, *file.parents) for name in tickets)


def write_nothing(_name: str, _entries: Sequence[NewEntry]) -> None:
    """Stand in for writing in a dry run."""


def _entry(ticket: LiveTicket) -> NewEntry:
    created = f"created {format_instant(ticket.created)}" if ticket.created else ""
    approvers = f"approvers {', '.join(ticket.approvers)}" if ticket.approvers else ""
    return NewEntry(
        guid=ticket.guid,
        expect=Expectation(ticket.object or None, ticket.workflow or None),
        comments=tuple(comment for comment in (ticket.reason, created, approvers) if comment),
    )


def _is_ours(ticket: LiveTicket, identities: frozenset[str]) -> bool:
    return any(_bare(approver) in identities for approver in ticket.approvers)


def bare_identities(universals: Iterable[str]) -> frozenset[str]:
    """Return identities in a form that can be compared: braces depend on the provider."""
    return frozenset(_bare(universal) for universal in universals)


def _bare(universal: str) -> str:
    return universal.casefold().replace("{", "").replace("}", "")
