"""Report: the ledger with a check of its chain, and the files of a site."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.app.outputs import check_in_place
from reconciler.atomic import atomic_write
from reconciler.errors import InvalidInput, LedgerBroken, LedgerNewer
from reconciler.ledger.chain import check, require_known
from reconciler.ledger.files import began, is_ledger_file, survey
from reconciler.ledger.history import lines_left_out, lines_told
from reconciler.ledger.lines import GUID_MARK, INTENT_MARK, OPERATION_MARK, RECEIPT_MARK, guid_in
from reconciler.model.decision import Problem, Source
from reconciler.model.receipt import Receipt
from reconciler.model.record import Ended, Head, Line
from reconciler.model.ticket import Guid

LAST = timedelta(days=90)
"""How far back from the newest run the ledger is shown in full, unless somebody asks for more."""
MOST_TICKETS = 10_000
"""Tickets that have a page of their own, those with the newest receipts."""


@dataclass(frozen=True, slots=True)
class CheckedLedger:
    """The newest lines of a ledger and what the check of its chain found.

    `lines` are those about `tickets`, each from its beginning, and of runs since `first`; `left_out` receipts are about
    other tickets. `unanswered` counts the updates without a receipt. `head` is the hash over the heads of all files,
    `faults` one sentence for each place where the chain is broken.
    """

    lines: tuple[Line, ...]
    files: int
    count: int
    head: str
    heads: tuple[Head, ...] = ()
    faults: tuple[str, ...] = ()
    tickets: frozenset[Guid] = frozenset()
    first: datetime | None = None
    left_out: int = 0
    unanswered: int = 0

    @property
    def last_end(self) -> datetime | None:
        """Return when the newest run ended that nothing stopped; None when there is none."""
        ends = [line.entry.at for line in self.lines if isinstance(line.entry, Ended) and line.entry.stopped is None]
        return max(ends, default=None)


def read_ledger(folder: Path, since: datetime | None = None, also: Iterable[Guid] = ()) -> CheckedLedger:
    """Read and check the ledger from runs that began at `since` (90 days before the newest), with the tickets `also`.

    A broken one is returned as far as it can be read, with its faults. Raises LedgerNewer.
    """
    if not folder.is_dir():
        return CheckedLedger((), 0, 0, "")
    paths = [path for path in survey(folder)[0] if is_ledger_file(path)]
    first = since or max(map(began, paths), default=datetime.max.replace(tzinfo=UTC)) - LAST
    late = frozenset(path for path in paths if began(path) >= first)
    newest = _Newest(late)
    chain = check(folder, take=newest.take)
    require_known(folder, chain)
    faults = tuple(f"{fault.source}: {fault.message}" for fault in chain.faults)
    shown = frozenset((*(Guid(guid.decode("ascii", "replace")) for guid in newest.guids), *also))
    lines: list[Line] = []
    try:
        lines.extend(lines_told(folder, shown, first))
    except LedgerNewer:
        raise
    except LedgerBroken as broken:
        faults = faults or (broken.message,)
    receipts = sum(isinstance(line.entry, Receipt) for line in lines)
    return CheckedLedger(
        tuple(lines),
        chain.files,
        chain.lines,
        chain.head,
        chain.heads,
        faults,
        shown,
        first if newest.receipts > receipts else None,
        max(newest.receipts - receipts, 0),
        len(newest.open),
    )


@dataclass(slots=True)
class _Newest:
    """What one look at every line finds: the tickets of the newest receipts, and the updates without one."""

    late: frozenset[str]
    guids: dict[bytes, None] = field(default_factory=dict)
    receipts: int = 0
    open: set[bytes] = field(default_factory=set)

    def take(self, path: str, _number: int, line: bytes) -> None:
        if INTENT_MARK in line:
            self.open.update(OPERATION_MARK.findall(line))
        elif RECEIPT_MARK in line:
            self.receipts += 1
            if _UNKNOWN not in line:
                self.open.difference_update(OPERATION_MARK.findall(line))
        guid = guid_in(line)
        if path in self.late and GUID_MARK in line:
            self.guids.pop(guid, None)
            self.guids[guid] = None
            if len(self.guids) > MOST_TICKETS:
                del self.guids[next(iter(self.guids))]


_UNKNOWN = b'"outcome":"unknown"'
_A_PAGE = 5_000
"""Receipts of one page of earlier ones."""


def earlier(folder: Path, found: CheckedLedger) -> Iterator[tuple[Line, ...]]:
    """Yield the intents and receipts that are left out, oldest first, as many as make a page each time."""
    if not found.left_out or found.faults:
        return
    lines: list[Line] = []
    receipts = 0
    for line in lines_left_out(folder, found.tickets):
        lines.append(line)
        receipts += isinstance(line.entry, Receipt)
        if receipts == _A_PAGE:
            yield tuple(lines)
            lines, receipts = [], 0
    if receipts:
        yield tuple(lines)


def write_site(out: Path, files: Iterable[tuple[str, str]]) -> int:
    """Write the files of a site one by one, folders included, and count them.

    Raises InvalidInput when they can't be written.
    """
    count, root = 0, os.path.realpath(out)
    try:
        for name, text in files:
            path = out / name
            check_in_place((path,), root)
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, text.encode("utf-8", "backslashreplace"), durable=False)
            count += 1
    except OSError as error:
        message = f"the site can't be written: {error.strerror or error}"
        raise InvalidInput((Problem("report/unwritable", Source(str(out)), message, "choose another --out"),)) from None
    return count
