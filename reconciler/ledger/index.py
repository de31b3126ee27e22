"""What the ledger knows of tickets, looked up in its files as they are: no cache, nothing to go stale.

One pass verifies every line and reads those about the tickets that are asked for, so the cost of a long history is
that of its hashes, and nobody works with a ledger that is broken.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from reconciler.codec import canonical, decode_line
from reconciler.ledger.chain import Chain, verify
from reconciler.ledger.files import LONGEST_SILENCE, ledger_files, open_segment
from reconciler.ledger.lines import (
    INTENT_MARK,
    OPERATION_MARK,
    decode,
    guid_in,
    is_for,
    target_marks,
)
from reconciler.model.decision import Seal, Source
from reconciler.model.receipt import TOOK_EFFECT, Outcome, Proof, Receipt
from reconciler.model.record import (
    AcceptedEntry,
    AttentionEntry,
    AttestedEntry,
    ClosedEntry,
    Episode,
    Intent,
    LastWrite,
    ObservedEntry,
    OpenIntent,
    Sealed,
    TicketHistory,
    Written,
)
from reconciler.model.review import Review
from reconciler.model.ticket import Guid
from reconciler.model.value import replace

_SEALED, _ATTENTION = b'"entry":"sealed"', b'"entry":"attention"'
_UNKNOWN = b'"outcome":"unknown"'
_OPERATION_MARK = b'"operation":"'
_SCHEDULED = b'"after":{"start":'
_SEEN_GONE = (b'"entry":"closed"', b'"entry":"observed"', b'"gone":true')


class Began(NamedTuple):
    """Something that began to ask for attention and has not ended, with who decided on what it is about."""

    entry: AttentionEntry
    review: Review | None


@dataclass(frozen=True, slots=True)
class Index:
    """The histories of some tickets, and the verified state of the ledger that they were read from.

    `attention` is what began to ask for attention and has not ended, of every ticket. `scheduled` are the histories of
    other tickets that were scheduled and that nobody has seen to be gone.
    """

    chain: Chain
    histories: Mapping[Guid, TicketHistory]
    attention: tuple[Began, ...] = ()
    scheduled: Mapping[Guid, TicketHistory] = field(default_factory=dict)


def read_index(root: Path, guids: Iterable[Guid], targets: Collection[str] | None) -> Index:
    """Verify the ledger and look tickets up in it. Raises LedgerBroken, with its place, for whatever is wrong.

    Only lines that were written for one of `targets` count: the URL of the server and those that it had earlier. A
    GUID means another ticket elsewhere, also on a copy of the server. None counts all, for who knows no server.
    """
    search = _Search({guid.encode(): guid for guid in guids}, target_marks(targets))
    chain = verify(root, take=search.take)
    return Index(chain, search.histories(), tuple(search.attention.values()), search.scheduled())


def read_seals(root: Path, targets: Collection[str]) -> Mapping[str, Seal]:
    """Return the seals of manifests for one of `targets` by the digest of their content. Raises LedgerBroken.

    The chain is not verified here: whoever plans with these seals reads an index before anything is shown or sent.
    """
    found: dict[str, Seal] = {}
    marks = target_marks(targets)
    for path in ledger_files(root):
        with open_segment(root, path) as file:
            for number, line in enumerate(file, start=1):
                if _SEALED in line and is_for(marks, line) and line.endswith(b"\n"):
                    entry = decode(line[:-1], Source(path, number)).entry
                    if isinstance(entry, Sealed):
                        found[entry.seal.content] = entry.seal
    return found


def open_operations(root: Path, targets: Collection[str]) -> int:
    """Count the updates whose last word is an intent or an unknown outcome, without verifying. Raises LedgerBroken."""
    found: set[bytes] = set()
    marks = target_marks(targets)
    for path in ledger_files(root):
        with open_segment(root, path) as file:
            for line in file:
                if _OPERATION_MARK not in line or not is_for(marks, line):
                    continue
                operations = OPERATION_MARK.findall(line)
                if INTENT_MARK in line or _UNKNOWN in line:
                    found.update(operations)
                else:
                    found.difference_update(operations)
    return len(found)


@dataclass(slots=True)
class _Histories:
    """What lines say of tickets. Intents stay unread until it is clear that no receipt follows them."""

    last: dict[Guid, LastWrite] = field(default_factory=dict)
    open: dict[Guid, tuple[bytes, Source]] = field(default_factory=dict)
    lost: dict[Guid, datetime] = field(default_factory=dict)
    operations: dict[Guid, set[str]] = field(default_factory=lambda: defaultdict(set))

    def told(self, ends: Mapping[str, bytes]) -> dict[Guid, TicketHistory]:
        """Return everything that was found."""
        opened = dict(self._opened(ends))
        return {
            guid: TicketHistory(self.last.get(guid), opened.get(guid), frozenset(self.operations[guid]))
            for guid in self.last.keys() | self.operations.keys()
        }

    def _opened(self, ends: Mapping[str, bytes]) -> Iterator[tuple[Guid, OpenIntent]]:
        """Yield the intents that nothing answers. One from before the first update may have been sent until its run,
        which pushed its last line some time ago, had to give up.
        """
        for guid, (line, source) in self.open.items():
            written, lost = decode(line, source), self.lost.get(guid)
            if isinstance(written.entry, Intent):
                if written.entry.attempt == 0 and lost is None:
                    lost = decode_line(ends[source.path]).entry.at + LONGEST_SILENCE
                yield guid, OpenIntent(written.entry, written.run, lost)

    def note(self, guid: Guid, line: bytes, source: Source) -> None:
        """Take one line about a ticket; they come in the order in which they were written."""
        if INTENT_MARK in line:
            self.open[guid] = line, source
            self.lost.pop(guid, None)
            self.operations[guid].update(each.decode() for each in OPERATION_MARK.findall(line))
            return
        written = decode(line, source)
        if isinstance(written.entry, Receipt):
            self._receive(guid, written, written.entry)
        elif isinstance(written.entry, ClosedEntry):
            self._see_gone(guid, written.entry.at)
        elif isinstance(written.entry, ObservedEntry):
            self._see_gone(guid, written.entry.first_gone)
        elif isinstance(written.entry, AcceptedEntry | AttestedEntry):
            self.last[guid] = _agreed(written, written.entry)

    def _receive(self, guid: Guid, written: Written, receipt: Receipt) -> None:
        if receipt.operation is not None:
            self.operations[guid].add(receipt.operation)
        line = self.open[guid][0] if guid in self.open else b""
        if b'"operation":' + canonical(receipt.operation) in line:
            if receipt.outcome is not Outcome.UNKNOWN:
                del self.open[guid]
            elif b'"run":' + canonical(written.run) in line:  # a later run that finds nothing out has lost no answer
                self.lost[guid] = receipt.at
        if receipt.outcome in TOOK_EFFECT:
            self.last[guid] = _remembered(written, receipt)
        elif receipt.gone:
            self._see_gone(guid, receipt.at)

    def _see_gone(self, guid: Guid, at: datetime) -> None:
        """GUIDs are never used again, so a ticket that was seen to be gone stays gone."""
        last = self.last.get(guid)
        if last is not None and not last.gone:
            self.last[guid] = replace(last, gone=True, gone_at=at)


@dataclass(slots=True)
class _Search:
    """What was found so far. `ends` are the last lines of the files, which tell how long their runs went on."""

    wanted: Mapping[bytes, Guid]
    marks: tuple[bytes, ...]
    attention: dict[tuple[str, str, str], Began] = field(default_factory=dict)
    others: dict[bytes, list[tuple[bytes, Source]]] = field(default_factory=dict)
    ends: dict[str, bytes] = field(default_factory=dict)
    asked: _Histories = field(default_factory=_Histories)

    def take(self, path: str, number: int, line: bytes) -> None:
        """Look at one line. Every line of the ledger passes here, so only those about wanted tickets are read."""
        self.ends[path] = line
        if _ATTENTION in line:
            if is_for(self.marks, line):
                self._attend(decode(line, Source(path, number)))
            return
        name = guid_in(line)
        guid = self.wanted.get(name)
        if guid is None:
            if name in self.others or _SCHEDULED in line:
                self._keep(name, line, Source(path, number))
        elif is_for(self.marks, line):
            self.asked.note(guid, line, Source(path, number))

    def _keep(self, name: bytes, line: bytes, source: Source) -> None:
        """Keep the lines of a ticket that was scheduled until it is seen to be gone. Few are read in the end."""
        if not is_for(self.marks, line):
            return
        if any(mark in line for mark in _SEEN_GONE):
            self.others.pop(name, None)
        else:
            self.others.setdefault(name, []).append((line, source))

    def histories(self) -> dict[Guid, TicketHistory]:
        """Return the histories of the tickets that were asked for."""
        return self.asked.told(self.ends)

    def scheduled(self) -> dict[Guid, TicketHistory]:
        """Return the histories of tickets that were not asked for and were scheduled."""
        found = _Histories()
        for name, lines in self.others.items():
            for line, source in lines:
                found.note(Guid(name.decode()), line, source)
        return found.told(self.ends)

    def _attend(self, written: Written) -> None:
        entry = written.entry
        if not isinstance(entry, AttentionEntry):
            return
        if entry.state is Episode.BEGIN:
            self.attention[entry.key] = Began(entry, written.provenance.review)
        else:
            self.attention.pop(entry.key, None)


def _remembered(written: Written, receipt: Receipt) -> LastWrite:
    return LastWrite(
        decision=receipt.decision,
        digest=receipt.digest,
        outcome=receipt.outcome,
        proof=receipt.proof,
        at=receipt.at,
        run=written.run,
        operation=receipt.operation,
        provenance=written.provenance,
        gone=receipt.gone,
        seen=receipt.seen,
        gone_at=receipt.at if receipt.gone else None,
        armed_at=receipt.at if receipt.seen is not None and receipt.seen.schedule is not None else None,
        object=receipt.object,
        workflow=receipt.workflow,
    )


def _agreed(written: Written, agreed: AcceptedEntry | AttestedEntry) -> LastWrite:
    """Take a state that git and TPP agreed on for the last thing done: from here on git may move the ticket."""
    attested = isinstance(agreed, AttestedEntry)
    gone = isinstance(agreed, AttestedEntry) and agreed.gone
    return LastWrite(
        decision=agreed.decision,
        digest=agreed.digest,
        outcome=Outcome.APPLIED,
        proof=Proof.OBSERVED,
        at=agreed.at,
        run=written.run,
        operation=None,
        provenance=written.provenance,
        gone=gone,
        seen=None if gone else agreed.after,
        accepted=not attested,
        attested=attested,
        gone_at=agreed.at if gone else None,
        armed_at=agreed.at if agreed.after.schedule is not None and not gone else None,
        object=agreed.object,
        workflow=agreed.workflow,
    )
