"""Verification: does the ledger still say everything that was written, in the order in which it was written?

Within a file (a segment) each line has the hash of the one before, between files the first line names the heads that
were there. So an edit, a gap, another order or a removed file shows, except at the very end: nothing later names the
last lines. For these there is the anchor: a head that somebody noted elsewhere.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.codec import Newer, canonical, decode, decode_line
from reconciler.errors import LedgerBroken, LedgerNewer
from reconciler.ledger.archive import archived
from reconciler.ledger.files import file_of, line_hash, open_segment, survey
from reconciler.ledger.heads import Beginning, begin, head_digest, in_order
from reconciler.ledger.lines import BROKEN_HINT
from reconciler.model.decision import Problem, Source
from reconciler.model.record import Head, Opened, Written

Take = Callable[[str, int, bytes], None]
"""Called with path, number and text of each whole line while the ledger is verified, in the order of the chain."""

# Quotes inside JSON text are escaped, so these bytes can't be part of any text that somebody chose.
_NUMBER = re.compile(rb'"line":(\d{1,18})[,}]')
_PREVIOUS = re.compile(rb'"previous":"(sha256:[0-9a-f]{64})"')
_NUMBER_MARK = b'"line":'
NEWER = "ledger/newer"
"""The code of what only a newer release reads: it is no damage."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What a verification found.

    `head` is the hash over `heads`, worth noting elsewhere: a later verification takes it as its anchor.
    `torn` are lines that a crash cut off; they count as never written and are no fault.
    """

    files: int
    lines: int
    head: str
    faults: tuple[Problem, ...] = ()
    torn: tuple[Source, ...] = ()
    heads: tuple[Head, ...] = ()


def verify(root: Path, anchor: str | None = None, take: Take | None = None) -> Chain:
    """Verify the whole ledger and return what was found. Raises LedgerBroken that names the first fault."""
    chain = check(root, anchor, take)
    require_known(root, chain)
    if chain.faults:
        first, *others = chain.faults
        more = f" (and {len(others)} more)" if others else ""
        raise LedgerBroken(
            f"the ledger in {root} is broken: {first.source}: {first.message}{more}", first.hint or BROKEN_HINT
        )
    return chain


def require_known(root: Path, chain: Chain) -> None:
    """Raise LedgerNewer when a newer release wrote a file of the ledger."""
    for fault in chain.faults:
        if fault.code == NEWER:
            raise LedgerNewer(f"{root / fault.source.path}:{fault.source.line}: {fault.message}", fault.hint)


def check(root: Path, anchor: str | None = None, take: Take | None = None) -> Chain:
    """Verify every file of the ledger, and that what `anchor` stands for is still there, in one pass over its lines.

    `anchor` is a hash noted earlier: of the whole ledger or of any line. `take` is given the lines as they come.
    Raises LedgerBroken only for a file that can't be read at all; what is wrong in the files is returned as faults,
    sorted by place.
    """
    paths, faults = survey(root)
    begun = tuple(_begin(root, path) for path in paths)
    named: dict[str, set[int]] = defaultdict(set)
    for beginning in begun:
        for there in beginning.heads:
            named[there.path].add(there.lines)
    segments: dict[str, Segment] = {}
    for path in in_order(begun):
        segments[path] = read_segment(root, path, named[path], anchor, take)
    found = [*faults, *(fault for segment in segments.values() for fault in segment.faults)]
    found += [fault for segment in segments.values() for fault in _check_heads(segment, segments)]
    found += [_not_as_listed(path) for path in _mistold(root, segments)]
    heads = _heads(segments)
    head = head_digest(heads)
    if anchor is not None and not _stands_for(anchor, head, segments):
        found.append(_lost(root, anchor))
    return Chain(
        files=sum(1 for segment in segments.values() if segment.lines),
        lines=sum(segment.lines for segment in segments.values()),
        head=head,
        faults=tuple(sorted(found, key=lambda fault: (fault.source, fault.code))),
        torn=tuple(sorted(Source(path, segment.lines + 1) for path, segment in segments.items() if segment.torn)),
        heads=heads,
    )


def _mistold(root: Path, segments: Mapping[str, "Segment"]) -> Iterator[str]:
    """Yield the runs of which an archive's list tells another head than their lines have."""
    for path, packed in archived(root).items():
        there = segments[path]
        if packed.run.head != Head(path, there.last, there.lines):
            yield path


def _not_as_listed(path: str) -> Problem:
    message = "the list of its archive names another last line than the archive has: one of the two was changed"
    return Problem("ledger/archive", Source(path), message)


def _begin(root: Path, path: str) -> Beginning:
    """Return how a file begins; what is wrong with its first line is found when it is read whole."""
    try:
        return begin(root, path)
    except LedgerBroken:
        return Beginning(path, None)


def _check_heads(segment: "Segment", segments: Mapping[str, "Segment"]) -> list[Problem]:
    """Hold what a file found when it was opened against what is there now."""
    heads = segment.opened.heads if segment.opened else ()
    return [fault for head in heads for fault in _check_head(segment, head, segments)]


def _check_head(segment: "Segment", head: Head, segments: Mapping[str, "Segment"]) -> list[Problem]:
    there = segments.get(head.path)
    found = f"when {segment.path} was begun it had {head.lines}"
    if there is None:
        message = f"the file was removed: {found} lines"
        return [Problem("ledger/removed", Source(head.path), message)]
    if there.lines < head.lines:
        place = Source(head.path, there.lines + 1)
        return [Problem("ledger/cut", place, f"lines are missing at the end: {found}, now it has {there.lines}")]
    if there.named.get(head.lines) != head.hash:
        message = (
            f"the line is not the one that was there when {segment.path} was begun: it or a line before was changed"
        )
        return [Problem("ledger/changed", Source(head.path, head.lines), message)]
    return []


def _heads(segments: Mapping[str, "Segment"]) -> tuple[Head, ...]:
    """Return the last lines that no file names, sorted by path."""
    named = {(head.path, head.hash) for segment in segments.values() if segment.opened for head in segment.opened.heads}
    return tuple(
        Head(path, segment.last, segment.lines)
        for path, segment in sorted(segments.items())
        if segment.lines and (path, segment.last) not in named
    )


def _stands_for(anchor: str, head: str, segments: Mapping[str, "Segment"]) -> bool:
    """Return whether the anchor is the ledger now, the ledger as some run found it, or the hash of a line."""
    states = {head_digest(segment.opened.heads) for segment in segments.values() if segment.opened}
    return anchor == head or anchor in states or any(segment.has_anchor for segment in segments.values())


def _lost(root: Path, anchor: str) -> Problem:
    message = f"no line and no earlier state has the hash {anchor}: what was there when it was noted was cut or changed"
    return Problem("ledger/anchor", Source(str(root)), message)


@dataclass(slots=True)
class Segment:
    """One file: how many whole lines it has, the hashes of the last one and of those that others name, its faults."""

    path: str
    lines: int = 0
    last: str = ""
    named: dict[int, str] = field(default_factory=dict)
    has_anchor: bool = False
    opened: Opened | None = None
    faults: list[Problem] = field(default_factory=list)
    torn: bool = False
    newer: bool = False
    """The whole file is of a version that this release does not know: what looks wrong in it may follow from that."""

    def blame(self, line: int, cause: str, message: str, hint: str = "") -> None:
        """Note a fault of one line, counted as it stands in the file."""
        self.faults.append(Problem(f"ledger/{cause}", Source(self.path, line), message, hint))


def read_segment(
    root: Path, path: str, named: Collection[int] = (), anchor: str | None = None, take: Take | None = None
) -> Segment:
    """Read and verify one file: numbers without gaps, and every line with the hash of the one before.

    Raises LedgerBroken only when it can't be read at all. Every line of the ledger passes through this loop.
    """
    segment = Segment(path)
    line, last, place, number = b"", "", 0, 0
    with open_segment(root, path) as file:
        for text in file:
            if not text.endswith(b"\n"):
                segment.torn = True
                break
            line, place = text[:-1], place + 1
            at = line.find(_NUMBER_MARK) + len(_NUMBER_MARK)
            if segment.newer:
                number = place
            elif last and line.startswith(b"%d," % (number + 1), at) and b'"previous":"%b"' % last.encode() in line:
                number += 1
            else:
                number = _look_closer(segment, line, place, number, last)
            last = line_hash(line)
            if place in named:
                segment.named[place] = last
            if last == anchor:
                segment.has_anchor = True
            if take is not None and not segment.newer:
                take(path, place, line)
    segment.lines, segment.last = place, last
    if place and not segment.faults and not segment.newer:
        _decode(segment, line, place)  # no later line vouches for the last one, so at least its spelling has to be ours
    return segment


def _look_closer(segment: Segment, line: bytes, place: int, before: int, last: str) -> int:
    """Note what is wrong with a line that is the first or does not follow the one before; return its own number.

    `before` is the number of the line before, 0 for none, and `last` its hash.
    """
    if place == 1 and _open(segment, line):
        return 1
    found, previous = _NUMBER.search(line), _PREVIOUS.search(line)
    number = int(found.group(1)) if found else before + 1
    if found is None or previous is None:
        segment.blame(place, "unreadable", "this is no line of a ledger")
    elif number > before + 1:
        segment.blame(place, "gap", f"{_lines(before + 1, number - 1)} missing before line {number}")
    elif number <= before:
        message = f"line {number} stands behind line {before}: lines were moved, repeated or put in"
        segment.blame(place, "order", message)
    elif last and previous.group(1).decode() != last:
        message = f"line {before} has not the hash that line {number} was written with: one of the two was changed"
        segment.blame(place - 1, "changed", message)
    return number


def _lines(first: int, last: int) -> str:
    return f"line {first} is" if first == last else f"lines {first} to {last} are"


def _open(segment: Segment, line: bytes) -> bool:
    """Read the first line of a file; True when a newer release wrote the file."""
    written = _decode(segment, line, 1)
    if written is not None:
        _check_opened(segment, written)
    return segment.newer


def _check_opened(segment: Segment, written: Written) -> None:
    if not isinstance(written.entry, Opened):
        segment.blame(1, "gap", "the first line does not open a run: lines before it are missing")
        return
    segment.opened = written.entry
    if written.previous != head_digest(written.entry.heads):
        segment.blame(1, "changed", "the heads are not those that the line was written with: it was changed")
    try:
        home = file_of(written.run)
    except ValueError as error:
        segment.blame(1, "changed", str(error))
        return
    if home != segment.path:
        segment.blame(1, "moved", f"this is the file of run {written.run}, which belongs at {home}")


def _decode(segment: Segment, line: bytes, place: int) -> Written | None:
    try:
        written, spelled = decode_line(line), canonical(decode(line, dict[str, Any]))
    except Newer as newer:
        segment.newer = place == 1
        segment.blame(place, "newer", str(newer), newer.hint)
        return None
    except ValueError as error:
        segment.blame(place, "unreadable", f"the line can't be read: {error}")
        return None
    if spelled != line:
        segment.blame(place, "changed", "the line is not spelled as the reconciler spells it: it was changed")
    return written
