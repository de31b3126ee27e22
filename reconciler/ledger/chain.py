"""Verification: does the ledger still say everything that was written, in the order in which it was written?

Within a file each line has the hash of the one before, between files the first line names the heads that were there.
So an edit, a gap, another order or a removed file shows, except at the very end: nothing later names the last lines.
For these there is the anchor: a head that somebody noted elsewhere.
"""

from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import LedgerBroken
from reconciler.ledger.files import ledger_files
from reconciler.ledger.heads import BROKEN_HINT, head_digest
from reconciler.ledger.strand import Strand, read_strand
from reconciler.model.decision import Problem, Source
from reconciler.model.record import Head


@dataclass(frozen=True, slots=True)
class Chain:
    """What a check of a ledger found.

    `head` is the hash over the heads, worth noting elsewhere: a later check takes it as its anchor.
    `torn` are lines that a crash cut off; they count as never written and are no fault.
    """

    files: int
    lines: int
    head: str
    faults: tuple[Problem, ...] = ()
    torn: tuple[Source, ...] = ()


def verify(root: Path, anchor: str | None = None) -> Chain:
    """Check the whole ledger and return what was found. Raises LedgerBroken that names the first fault."""
    chain = check(root, anchor)
    if chain.faults:
        first, *others = chain.faults
        more = f" (and {len(others)} more)" if others else ""
        raise LedgerBroken(f"the ledger {root} does not hold: {first.source}: {first.message}{more}", BROKEN_HINT)
    return chain


def check(root: Path, anchor: str | None = None) -> Chain:
    """Check every file of the ledger, and that what `anchor` stands for is still there.

    `anchor` is a hash noted earlier: of the whole ledger or of any line. Raises LedgerBroken only for a file that
    can't be read at all; what is wrong in the files is returned as faults, sorted by place.
    """
    strands = {path: read_strand(root, path) for path in ledger_files(root)}
    faults = [fault for strand in strands.values() for fault in strand.faults]
    faults += [fault for strand in strands.values() for fault in _check_heads(strand, strands)]
    head = head_digest(_tips(strands))
    if anchor is not None and not _stands_for(anchor, head, strands):
        faults.append(_lost(root, anchor))
    return Chain(
        files=sum(1 for strand in strands.values() if strand.hashes),
        lines=sum(len(strand.hashes) for strand in strands.values()),
        head=head,
        faults=tuple(sorted(faults, key=lambda fault: (fault.source, fault.code))),
        torn=tuple(Source(path, len(strand.hashes) + 1) for path, strand in strands.items() if strand.torn),
    )


def _check_heads(strand: Strand, strands: dict[str, Strand]) -> list[Problem]:
    """Hold what a file found when it was opened against what is there now."""
    return [
        fault for head in (strand.opened.heads if strand.opened else ()) for fault in _check_head(strand, head, strands)
    ]


def _check_head(strand: Strand, head: Head, strands: dict[str, Strand]) -> list[Problem]:
    there = strands.get(head.path)
    found = f"when {strand.path} was begun it had {head.lines}"
    if there is None:
        message = f"the file was removed: {found} lines"
        return [Problem("ledger/removed", Source(head.path), message)]
    if len(there.hashes) < head.lines:
        place = Source(head.path, len(there.hashes) + 1)
        return [Problem("ledger/cut", place, f"lines are missing at the end: {found}, now it has {len(there.hashes)}")]
    if there.hashes[head.lines - 1] != head.hash:
        message = (
            f"the line is not the one that was there when {strand.path} was begun: it or a line before was changed"
        )
        return [Problem("ledger/changed", Source(head.path, head.lines), message)]
    return []


def _tips(strands: dict[str, Strand]) -> tuple[Head, ...]:
    named = {(head.path, head.hash) for strand in strands.values() if strand.opened for head in strand.opened.heads}
    return tuple(
        Head(path, strand.hashes[-1], len(strand.hashes))
        for path, strand in strands.items()
        if strand.hashes and (path, strand.hashes[-1]) not in named
    )


def _stands_for(anchor: str, head: str, strands: dict[str, Strand]) -> bool:
    """Whether the anchor is the ledger now, the ledger as some run found it, or the hash of a line."""
    states = {head_digest(strand.opened.heads) for strand in strands.values() if strand.opened}
    return anchor == head or anchor in states or any(anchor in strand.hashes for strand in strands.values())


def _lost(root: Path, anchor: str) -> Problem:
    message = f"no line and no earlier state has the hash {anchor}: what was there when it was noted was cut or changed"
    return Problem("ledger/anchor", Source(str(root)), message)
