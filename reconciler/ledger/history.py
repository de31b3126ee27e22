"""The history of tickets, in the order in which it was written: receipts and closings with the intents before them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import assert_never

from reconciler.ledger.chain import verify
from reconciler.ledger.files import began, first_line, whole_lines
from reconciler.ledger.heads import beginnings, in_order, lines_behind
from reconciler.ledger.lines import (
    GUID_MARK,
    INTENT_MARK,
    RECEIPT_MARK,
    decode,
    guid_in,
    is_for,
    read_line,
    target_marks,
)
from reconciler.model.decision import Source
from reconciler.model.receipt import Receipt
from reconciler.model.record import (
    EMERGENCY,
    AcceptedEntry,
    AttentionEntry,
    AttestedEntry,
    ClosedEntry,
    Ended,
    Head,
    Intent,
    Line,
    ObservedEntry,
    Opened,
    Record,
    Sealed,
)
from reconciler.model.review import Provenance
from reconciler.model.ticket import Guid


def read_lines(root: Path, guids: Collection[Guid] | None = None) -> Iterator[Line]:
    """Verify the ledger, then return its lines, or only those about some tickets, oldest first.

    A file comes after the files that it names as its heads. A torn tail is left out. Raises LedgerBroken with the
    place of what is wrong.
    """
    verify(root)
    return unverified_lines(root, guids)


def unverified_lines(root: Path, guids: Collection[Guid] | None = None) -> Iterator[Line]:
    """Yield lines as `read_lines` does, without verifying anything: for a page that shows what is wrong beside them."""
    wanted = None if guids is None else frozenset(guid.encode() for guid in guids)
    for path, number, line in _all_lines(root):
        if wanted is None or guid_in(line) in wanted:
            yield read_line(line, Source(path, number))


def _all_lines(root: Path) -> Iterator[tuple[str, int, bytes]]:
    """Yield the lines of all files with their places, oldest first."""
    return _lines_of(root, in_order(beginnings(root)))


def _lines_of(root: Path, paths: Iterable[str]) -> Iterator[tuple[str, int, bytes]]:
    for path in paths:
        for number, line in enumerate(whole_lines(root, path), start=1):
            yield path, number, line


def _some_in_order(root: Path, paths: Iterable[str]) -> Iterator[str]:
    """Yield some of the files, oldest first."""
    return filter(frozenset(paths).__contains__, in_order(beginnings(root)))


def lines_told(root: Path, shown: Collection[Guid], first: datetime) -> Iterator[Line]:
    """Yield the lines about these tickets, and those about no ticket of runs that began at `first` or later."""
    wanted = frozenset(guid.encode() for guid in shown)
    for path, number, line in _all_lines(root):
        if guid_in(line) in wanted or (GUID_MARK not in line and began(path) >= first):
            yield read_line(line, Source(path, number))


def lines_left_out(root: Path, shown: Collection[Guid]) -> Iterator[Line]:
    """Yield the intents and receipts about all other tickets."""
    known = frozenset(guid.encode() for guid in shown)
    for path, number, line in _all_lines(root):
        if (INTENT_MARK in line or RECEIPT_MARK in line) and guid_in(line) not in known:
            yield read_line(line, Source(path, number))


def lines_in(root: Path, paths: Iterable[str]) -> Iterator[Line]:
    """Yield the lines of some files in the order of `read_lines`, without verifying anything."""
    for path, number, line in _lines_of(root, _some_in_order(root, paths)):
        yield read_line(line, Source(path, number))


def first_lines(root: Path, paths: Iterable[str]) -> Iterator[Line]:
    """Yield how the runs of some files began, in the order of `read_lines`, without verifying anything."""
    for path in _some_in_order(root, paths):
        line = first_line(root, path)
        if line is not None:
            yield read_line(line, Source(path, 1))


def reviewed_commits(root: Path, targets: Collection[str], environment: str | None) -> Iterator[str]:
    """Yield the commits up to which all had its reviews when it was applied, newest first. Raises LedgerBroken."""
    return (opened.reviewed_to for opened, _ in _openings(root, targets, environment) if opened.reviewed_to is not None)


def applied_commits(root: Path, targets: Collection[str], environment: str | None) -> Iterator[str]:
    """Yield the commits that runs were for, newest first. Raises LedgerBroken."""
    return (origin.commit for _, origin in _openings(root, targets, environment) if origin.commit is not None)


def _openings(root: Path, targets: Collection[str], environment: str | None) -> Iterator[tuple[Opened, Provenance]]:
    """Yield how the runs of one environment began, newest first."""
    for path in reversed(in_order(beginnings(root))):
        line = first_line(root, path)
        if line is None:
            continue
        written = decode(line, Source(path, 1))
        origin = written.provenance
        if isinstance(written.entry, Opened) and origin.target in targets and origin.environment == environment:
            yield written.entry, origin


def emergencies_since(root: Path, moment: datetime, targets: Collection[str]) -> frozenset[Guid]:
    """Return the tickets that two people have decided without a pull request since then. Raises LedgerBroken."""
    marks, found = target_marks(targets), set[Guid]()
    for path, number, line in _all_lines(root):
        if _EMERGENCY in line and is_for(marks, line):
            entry = decode(line, Source(path, number)).entry
            if isinstance(entry, AttentionEntry) and entry.guid is not None and entry.at >= moment:
                found.add(entry.guid)
    return frozenset(found)


_EMERGENCY = f'"{EMERGENCY}"'.encode()


def lines_since(
    root: Path, heads: Iterable[Head], guids: Iterable[Guid], targets: Collection[str]
) -> Mapping[Guid, tuple[Line, ...]]:
    """Return the lines about tickets that were written after `heads`, for one of `targets`, oldest first.

    This is how a saved plan learns what happened since it was made: it names the heads that it was made from, and
    every line that they do not vouch for counts as later, also those of a run that was going on beside. No clock is
    asked. Tickets without such a line are left out. `heads_not_in` says first whether the ledger contains the heads
    at all. Raises LedgerBroken.
    """
    wanted = {guid.encode(): guid for guid in guids}
    marks = target_marks(targets)
    begun = beginnings(root)
    behind = lines_behind(begun, heads)
    found: dict[Guid, list[Line]] = {}
    for path in in_order(begun):
        for number, line in islice(enumerate(whole_lines(root, path), start=1), behind.get(path), None):
            guid = wanted.get(guid_in(line))
            if guid is not None and is_for(marks, line):
                found.setdefault(guid, []).append(read_line(line, Source(path, number)))
    return {guid: tuple(lines) for guid, lines in found.items()}


def history(lines: Iterable[Line]) -> Iterator[Record]:
    """Yield what was done to tickets, in the order of the lines; intents that no receipt answers come last."""
    intents = _Intents()
    for line in lines:
        match line.entry:
            case Intent() as intent:
                yield from intents.superseded(intent)
                intents.waiting[intent.guid] = line, intent
                intents.asked[intent.guid] = line, intent
            case Receipt() as receipt:
                yield Record(line, receipt, intents.answered(receipt), decided=intents.decided(line, receipt))
            case (ClosedEntry(guid=guid) | ObservedEntry(guid=guid)) as seen:
                _, asked = intents.asked.get(guid, (None, None))
                yield Record(line, seen, asked, decided=intents.decided(line, seen))
            case AcceptedEntry() | AttestedEntry() | AttentionEntry() as other:
                yield Record(line, other)
            case Opened() | Sealed() | Ended():
                pass
            case _:
                assert_never(line.entry)
    yield from (Record(line, intent, intent) for line, intent in intents.waiting.values())


@dataclass(slots=True)
class _Intents:
    """The intents so far: the last of each ticket, and those that no receipt has answered."""

    asked: dict[Guid, tuple[Line, Intent]] = field(default_factory=dict)
    waiting: dict[Guid, tuple[Line, Intent]] = field(default_factory=dict)

    def superseded(self, intent: Intent) -> Iterator[Record]:
        """Yield the intent that was never answered and that another one takes the place of."""
        if waiting := self.waiting.get(intent.guid):
            line, earlier = waiting
            if earlier.operation != intent.operation:
                yield Record(line, earlier, earlier, superseded=True)

    def answered(self, receipt: Receipt) -> Intent | None:
        """Return the intent that a receipt is about, None when nothing was about to be sent."""
        _, intent = self.asked.get(receipt.guid, (None, None))
        if intent is None or intent.operation != receipt.operation:
            return None
        self.waiting.pop(receipt.guid, None)
        return intent

    def decided(self, line: Line, entry: Receipt | ClosedEntry | ObservedEntry) -> Line | None:
        """Return the line of the run that decided, for what another run wrote down later about the same decision.

        Earlier releases wrote the people of the later run into its lines.
        """
        if asked := self.asked.get(entry.guid):
            first, intent = asked
            if first.run != line.run and intent.digest == entry.digest:
                return first
        return None
