"""Records of the ledger chosen by a filter, `ledger archive`, and `ledger adopt`."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.app.acting import provenance_of
from reconciler.app.context import Context
from reconciler.app.plan import declared
from reconciler.app.request import Request, Seals
from reconciler.app.reviews import config_commit
from reconciler.app.tickets import recorded, ticket_of
from reconciler.errors import InvalidInput, LedgerUnwritable
from reconciler.ledger.archive import archived, remove_archived, write_archives
from reconciler.ledger.chain import verify
from reconciler.ledger.files import began, head_of, ledger_files, new_run_id, segment_bytes
from reconciler.ledger.history import history, read_lines
from reconciler.ledger.index import read_index
from reconciler.ledger.journal import open_journal
from reconciler.ledger.kept import CONFIGURATIONS, keep
from reconciler.ledger.lock import hold_lock, this_process
from reconciler.model.decision import Decision, Problem, Source
from reconciler.model.receipt import Outcome, Proof, Receipt, operation_tag, tagged_operations
from reconciler.model.record import (
    ADOPTED,
    NO_HISTORY,
    AttentionEntry,
    Ended,
    Episode,
    Opened,
    Record,
    TicketHistory,
)
from reconciler.model.status import Status
from reconciler.model.ticket import Found, Gone, Guid, Hidden, LiveTicket, Reading, Unread
from reconciler.model.value import replace
from reconciler.planning.attention import by_hand
from reconciler.planning.digest import decision_digest, plan_digest
from reconciler.planning.selections import matches_any


@dataclass(frozen=True, slots=True)
class Filter:
    """What a record must be like to be shown; empty means: all are. `until` itself is outside.

    `tickets` are GUIDs or names of objects.
    """

    tickets: frozenset[str]
    objects: tuple[str, ...]
    changes: frozenset[str]
    outcomes: frozenset[str]
    since: datetime | None
    until: datetime | None
    overridden: bool = False

    @property
    def _changes(self) -> frozenset[str]:
        return frozenset(change.casefold() for change in self.changes)

    @property
    def is_empty(self) -> bool:
        """Whether it lets everything through."""
        chosen = (self.tickets, self.objects, self.changes, self.outcomes, self.since, self.until)
        return not any(chosen) and not self.overridden

    def lets(self, record: Record) -> bool:
        """Return whether a record is shown."""
        return (
            (not self.tickets or record.guid in self.tickets)
            and (not self.changes or (record.change or "").casefold() in self._changes)
            and (not self.outcomes or record.outcome in self.outcomes)
            and (not self.overridden or bool(record.overrides) or record.reason.startswith("override/"))
            and (self.since is None or record.at >= self.since)
            and (self.until is None or record.at < self.until)
            and (not self.objects or matches_any(self.objects, record.object) is not None)
        )


def records_of(ledger: Path, wanted: Filter) -> Iterator[Record]:
    """Verify the ledger and return the records that a filter lets through. Raises LedgerBroken, UnclearName."""
    guids = guids_named(ledger, wanted)
    return filter(replace(wanted, tickets=guids).lets, history(read_lines(ledger, guids or None)))


def guids_named(ledger: Path, wanted: Filter) -> frozenset[Guid]:
    """Return the tickets of a filter, whatever it calls them. Raises UnclearName."""
    return frozenset(ticket_of(name, lambda: recorded(ledger)) for name in wanted.tickets)


@dataclass(frozen=True, slots=True)
class Archiving:
    """What an archiving did: the runs that were packed, and the lists of the archives that they are in now."""

    runs: tuple[str, ...]
    lists: tuple[Path, ...]


def archive(folder: Path, before: datetime, now: datetime) -> Archiving:
    """Pack the runs that began before a time into archives, one or more for each month, and remove their files.

    A run of the last day may still be going, and stays. The ledger is verified with the archives in it before a file
    is removed. Raises LockHeld, LedgerBroken and LedgerUnwritable.
    """
    latest = min(before, now - _MAY_BE_GOING)
    with hold_lock(folder, this_process(new_run_id(now), now)):
        verify(folder)
        packed = archived(folder)
        due = [path for path in ledger_files(folder) if path not in packed and began(path) < latest]
        heads = [head for path in due if (head := head_of(folder, path)) is not None]
        try:
            lists = write_archives(folder, ((head, segment_bytes(folder, head.path)) for head in heads))
            verify(folder)
            remove_archived(folder)
        except OSError as error:
            hint = "see why that disk can't be written, and run it again: nothing is lost"
            raise LedgerUnwritable(f"the archive can't be written: {error.strerror or error}", hint) from error
    return Archiving(tuple(head.path for head in heads), lists)


_MAY_BE_GOING = timedelta(days=1)


def adopt(context: Context, guids: Iterable[Guid], *, taken_back: bool = False) -> tuple[Receipt, ...]:
    """Write a receipt with proof `tagged` for each operation on these tickets that the ledger does not know.

    A pending ticket waits for other approvers of what its entry says, or nothing counts any more of what was asked for
    it: then a person says that it was `taken_back`, and it is as undecided as it looks.
    The tickets are named in manifests, and nothing is written when one of them can't be adopted. Raises InvalidInput
    with every cause, ServerFailure, LockHeld, LedgerBroken, LedgerUnwritable.
    """
    wanted = tuple(dict.fromkeys(guids))
    decisions = {each.guid: each for each in declared(context, Request(seals=Seals.IGNORED)).decisions}
    readings = dict(context.backend.reader().read_many(wanted))
    name, now = new_run_id(context.clock.now()), context.clock.now()
    with hold_lock(context.ledger, this_process(name, now)) as lock:
        histories = read_index(context.ledger, wanted, context.targets).histories
        entries = _entries(context, wanted, decisions, readings, histories, taken_back=taken_back)
        identity = context.backend.caller().identity or None
        target, environment = context.backend.target, context.settings.environment
        origin = provenance_of(context.environ, target, environment, None, identity)
        config = context.settings.path
        opened = Opened(
            now,
            plan_digest(target, ()),
            config=keep(context.ledger, CONFIGURATIONS, Path(config).read_bytes()) if config else None,
            config_commit=config_commit(context),
        )
        with closing(open_journal(lock, name, origin, opened)) as journal:
            for entry in entries:
                journal.append(entry)
                for by in by_hand(_exception(entry, taken_back=taken_back)):
                    journal.append(by)
            outcomes = [entry.outcome for entry in entries]
            counts = {outcome: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}
            journal.append(Ended(context.clock.now(), counts))
    return entries


def _exception(receipt: Receipt, *, taken_back: bool) -> AttentionEntry:
    reason = f"{operation_tag(receipt.operation or '')} by `ledger adopt{' --taken-back' if taken_back else ''}`"
    return AttentionEntry(
        receipt.at, ADOPTED, Episode.BEGIN, receipt.guid, receipt.digest, receipt.object, receipt.workflow,
        receipt.change, receipt.source, reason,
    )  # fmt: skip


def _entries(
    context: Context,
    guids: Iterable[Guid],
    decisions: Mapping[Guid, Decision],
    readings: Mapping[Guid, Reading],
    histories: Mapping[Guid, TicketHistory],
    *,
    taken_back: bool,
) -> tuple[Receipt, ...]:
    entries: list[Receipt] = []
    problems: list[Problem] = []
    for guid in guids:
        decision, reading, known = decisions.get(guid), readings[guid], histories.get(guid, NO_HISTORY).operations
        problem = _refusal(guid, decision, reading, known, taken_back=taken_back)
        if problem is not None:
            problems.append(problem)
        elif decision is not None and isinstance(reading, Found):
            for operation in sorted(_unknown(reading.ticket, known)):
                entries.append(_recorded(context, decision, reading.ticket, operation, taken_back=taken_back))
    if problems:
        raise InvalidInput(tuple(problems))
    return tuple(entries)


def _refusal(
    guid: Guid, decision: Decision | None, reading: Reading, known: frozenset[str], *, taken_back: bool
) -> Problem | None:
    """Return why a ticket can't be adopted."""

    def refused(cause: str, message: str, hint: str) -> Problem:
        return Problem(f"adopt/{cause}", Source(guid) if decision is None else decision.source, message, hint)

    if decision is None:
        hint = "add the entry that the update came from; what it wanted is a part of the receipt"
        return refused("not-declared", "no manifest names the ticket", hint)
    match reading:
        case Gone():
            hint = "its update can't be proven any more; restore the ledger that has it"
            return refused("gone", f"the server has no ticket {guid}", hint)
        case Hidden():
            return refused("hidden", f"the server denies us the ticket {guid}", "let the caller see the object")
        case Unread(why):
            return refused("unread", f"the ticket {guid} could not be read: {why}", "try again later")
        case Found(ticket) if not _unknown(ticket, known):
            hint = "only a ticket that `plan` shows as conflict/unknown-operation can be adopted"
            return refused("nothing", f"the ticket {guid} carries no operation that the ledger does not know", hint)
        case Found(ticket) if taken_back and ticket.state.status != Status.PENDING:
            hint = "adopt it without --taken-back: the ticket itself says what the update asked for"
            return refused("not-taken-back", f"the ticket {guid} is not pending but {ticket.state.status}", hint)
        case Found(ticket) if not taken_back and ticket.state.status == Status.PENDING == decision.wanted.status:
            hint = (
                "look in TPP and in the other ledger: where other approvers are due, say in the manifest what the "
                "update asked for; where it was taken back, so that nothing counts of it, `ledger adopt --taken-back`"
            )
            what = "is pending with the tag of an update that was taken back or waits for others, and its entry decides"
            return refused("not-decided", f"the ticket {guid} {what} nothing", hint)
        case _:
            return None


def _unknown(ticket: LiveTicket, known: frozenset[str]) -> frozenset[str]:
    return tagged_operations(ticket.explanation, ticket.reason) - known


def _recorded(context: Context, decision: Decision, ticket: LiveTicket, operation: str, *, taken_back: bool) -> Receipt:
    """Make the receipt of an operation. A pending ticket with a tag waits for others, for what the entry wants."""
    waits = ticket.state.status == Status.PENDING and not taken_back
    what = "it was taken back" if taken_back else "this ledger did not know the update"
    proven = decision if waits else replace(decision, wanted=ticket.state)
    return Receipt(
        decision=proven,
        digest=decision_digest(proven),
        outcome=Outcome.AWAITING_OTHERS if waits else Outcome.APPLIED,
        at=context.clock.now(),
        seen=ticket.state,
        operation=operation,
        proof=Proof.TAGGED,
        detail=f"adopted: the ticket carries our tag, and {what}",
        object=ticket.object,
        workflow=ticket.workflow,
    )
