"""Import: new tickets to manifests: find, read, place, write. In batches, so that an interruption loses little."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import assert_never

from reconciler.app.acting import deciders
from reconciler.app.certificates import certificates_of
from reconciler.app.context import Context
from reconciler.app.outputs import changing, check_in_place
from reconciler.app.tickets import decisions_of
from reconciler.atomic import atomic_write
from reconciler.errors import InvalidInput
from reconciler.manifests.edit import append_entries
from reconciler.manifests.schema import validator
from reconciler.manifests.text import repository_of
from reconciler.manifests.write import NewEntry, file_for, new_manifest, times_of
from reconciler.model.certificate import Certificate, CertificateContext
from reconciler.model.decision import Expectation, ExpectedCertificate, Problem, Source
from reconciler.model.findings import Intake
from reconciler.model.status import Status, format_instant, is_sayable
from reconciler.model.ticket import Found, Gone, Guid, Hidden, LiveTicket, Reading, Unread, identity_key, parse_guid
from reconciler.planning.selections import matches, pattern_of
from reconciler.ports import LastUpdate

_MOST_SAID = 4
"""Names of a certificate that a comment has."""
BATCH = 250
"""Tickets that are read before they are written down, at first: each time as many again as there are by then.

So a file that grows is read and written a few times and not hundreds of times.
"""

_DELIMITERS = ",;\t"
"""What may stand between the columns of a table; spreadsheets of many countries write semicolons."""


@dataclass(slots=True)
class Import:
    """One import: where entries go, who the caller is, what has been found so far. A dry run writes nothing.

    `certificates` reads those behind tickets, `deciders` who updated them last.
    """

    pattern: str
    identities: frozenset[str]
    now: datetime
    write: Callable[[str, Sequence[NewEntry]], None]
    certificates: Callable[[Iterable[LiveTicket]], Mapping[str, CertificateContext]]
    deciders: Callable[[Sequence[Guid]], Mapping[Guid, LastUpdate]]
    intake: Intake = field(default_factory=Intake)
    batch: dict[str, list[LiveTicket]] = field(default_factory=lambda: defaultdict(list))
    waiting: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    """Why certificates are not known, with how many."""

    def take(self, guid: Guid, ticket: LiveTicket) -> None:
        """Put a ticket on its file's list, in the state in which it is. One that no manifest can spell is left out."""
        if not is_sayable(ticket.state):
            self.intake.decided.append(guid)
            return
        if ticket.state.status != Status.PENDING:
            self.intake.as_they_are.append(guid)
        if self.identities and ticket.approvers and not _is_ours(ticket, self.identities):
            self.intake.not_ours.append(guid)
        name = file_for(self.pattern, ticket.object, ticket.created or self.now)
        self.batch[name].append(ticket)
        self.waiting += 1
        if self.waiting >= max(BATCH, self.intake.count):
            self.flush()

    def flush(self) -> None:
        """Write what is waiting. What is being written waits no more, so that an interruption writes nothing twice."""
        waiting = [ticket for tickets in self.batch.values() for ticket in tickets]
        known = self.certificates(waiting)
        decided = sorted(ticket.guid for ticket in waiting if ticket.state.status != Status.PENDING)
        for found in known.values():
            if found.failed:
                self.unknown[found.why] += 1
        by = self.deciders(decided)
        while self.batch:
            name = min(self.batch)
            ordered = sorted(self.batch.pop(name), key=lambda ticket: ticket.guid)
            self.waiting -= len(ordered)
            certificates = {dn: found.certificate for dn, found in known.items()}
            entries = [entry_of(ticket, certificates.get(ticket.object), by.get(ticket.guid)) for ticket in ordered]
            self.write(name, entries)
            self.intake.written.setdefault(name, []).extend(entry.guid for entry in ordered)
            self.intake.objects.update((entry.guid, entry.object) for entry in ordered)


def import_tickets(
    context: Context,
    tickets: Callable[[], Iterable[Guid]],
    *,
    pattern: str | None = None,
    write: bool = True,
    certificates: bool = True,
) -> Intake:
    """Write manifests for the tickets that none names yet, with what is expected of each.

    Tickets that are not plain pending get entries that change nothing: their live state is wanted and expected.
    With `certificates`, and where the configuration wants them, those behind the tickets are named and pinned.
    `tickets` finds them, see `listed` and `on_server`. Raises InvalidInput, ServerFailure.
    """
    known = decisions_of(context)
    found = sorted(set(tickets()))
    work = Import(
        pattern=pattern or default_pattern(context.settings.tickets),
        identities=frozenset(map(identity_key, context.backend.identities())),
        now=context.clock.now(),
        write=write_entries if write else _write_nothing,
        certificates=lambda read: certificates_of(context, read) if certificates and write else {},
        deciders=partial(deciders, context),
    )
    work.intake.known.extend(guid for guid in found if guid in known)
    new = [guid for guid in found if guid not in known]
    with context.observer.progress("Reading tickets", len(new), context.backend.activity) as advance:
        try:
            for guid, reading in context.backend.reader().read_many(new):
                _sort_in(guid, reading, work)
                advance(1)
        finally:
            work.flush()  # also when somebody interrupts: what has been read need not be read again
    unknown = (f"no certificate context for {count:,} tickets: {why}" for why, count in sorted(work.unknown.items()))
    work.intake.notes = (*context.backend.notes(), *unknown)
    return work.intake


def on_server(context: Context, object_dn: str | None) -> Iterable[Guid]:
    """Ask the server for GUIDs. It knows whole DNs alone: else the caller's tickets are read and compared."""
    object_dn = None if object_dn is None else pattern_of(object_dn)
    if object_dn is None or "*" not in object_dn:
        return context.backend.find(object_dn)
    readings = context.backend.reader().read_many(context.backend.find())
    return [
        guid for guid, reading in readings if isinstance(reading, Found) and matches(object_dn, reading.ticket.object)
    ]


def listed(path: Path, *, table: bool) -> Iterable[Guid]:
    """Take GUIDs from a file, one a line, or from the column GUID of a CSV table.

    Raises InvalidInput for every line that has none.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem("import-file", Source(str(path)), f"can't be read: {error}", "give a text file in UTF-8")
        raise InvalidInput((problem,)) from None
    rows = _column(text, path) if table else [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    guids, problems = [], []
    for number, cell in rows:
        try:
            guids.append(parse_guid(cell))
        except ValueError as error:
            hint = "write one GUID a line, with or without braces"
            problems.append(Problem("import-guid", Source(str(path), number), str(error), hint))
    if problems:
        raise InvalidInput(tuple(problems))
    return guids


def _column(text: str, path: Path) -> list[tuple[int, str]]:
    for delimiter in _DELIMITERS:
        reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
        names = reader.fieldnames or ()
        name = next((name for name in names if name.strip(" \ufeff").casefold() in ("guid", "ticketguid")), None)
        if name is not None:
            return [(reader.line_num, str(row[name] or "")) for row in reader]
    hint = "give the table a first row with a column named GUID; commas, semicolons or tabs stand between columns"
    raise InvalidInput((Problem("import-csv", Source(str(path), 1), "the table has no column GUID", hint),))


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
    check_in_place((path,), repository_of(None))
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
    """Return whether files of a pattern are among the manifests: if they are not, every import would add them again."""
    fixed, hole, _ = pattern.partition("{")
    file = Path(fixed + ("x" if hole else "")).resolve()
    return any(Path(name).resolve() in (file, *file.parents) for name in tickets)


def _write_nothing(_name: str, _entries: Sequence[NewEntry]) -> None:
    """Stand in for writing in a dry run."""


def entry_of(ticket: LiveTicket, certificate: Certificate | None, decider: LastUpdate | None = None) -> NewEntry:
    """Return the entry of a ticket that no manifest names yet: as it is, with what is expected of it."""
    created = f"created {format_instant(ticket.created)}" if ticket.created else ""
    approvers = f"approvers {', '.join(ticket.approvers)}" if ticket.approvers else ""
    names = {"object": ticket.object, "workflow": ticket.workflow}
    odd = [f"not to be expected in a manifest: {name} {stated}" for name, stated in names.items() if _is_odd(stated)]
    expected = {name: None if _is_odd(stated) else stated or None for name, stated in names.items()}
    plain = ticket.state.status == Status.PENDING
    decided = "" if plain else f"{ticket.state.status} already" + (f", last updated by {decider}" if decider else "")
    comments = (ticket.reason, created, approvers, decided, _certificate_comment(certificate), *odd)
    seen = None if plain else ticket.state
    return NewEntry(
        guid=ticket.guid,
        status=ticket.state.status,
        schedule=times_of(ticket.state),
        expect=Expectation(expected["object"], expected["workflow"], _pin(certificate), seen),
        comments=tuple(comment for comment in comments if comment),
    )


def _certificate_comment(certificate: Certificate | None) -> str:
    """Return what a reviewer should know of a certificate, as a comment."""
    if certificate is None:
        return ""
    names = ", ".join(name for _, name in certificate.names.kept(_MOST_SAID))
    end = f"until {format_instant(certificate.valid_to)}" if certificate.valid_to else "not issued yet"
    facts = (names or certificate.common_name, certificate.issuer_name, str(certificate.key), end)
    return "certificate " + ", ".join(filter(None, facts))


def _pin(certificate: Certificate | None) -> ExpectedCertificate | None:
    """Pin what the reviewer sees, as far as a manifest can spell it."""
    if certificate is None:
        return None
    fits = validator("decisions", "line")
    common_name = certificate.common_name if fits(certificate.common_name) else None
    issuer = certificate.issuer_name if fits(certificate.issuer_name) else None
    return ExpectedCertificate(common_name, issuer) if common_name or issuer else None


def _is_odd(name: str) -> bool:
    """Whether `validate` would refuse a name of the server: one with control characters, too long, or no DN."""
    return bool(name) and not validator("decisions", "dn")(name)


def _is_ours(ticket: LiveTicket, identities: frozenset[str]) -> bool:
    return any(identity_key(approver) in identities for approver in ticket.approvers)
