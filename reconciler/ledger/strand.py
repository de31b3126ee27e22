"""One file of the ledger held against itself: numbers without gaps, and every line with the hash of the one before."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.ledger.files import READ_AHEAD, file_of, line_hash, reading
from reconciler.ledger.heads import head_digest
from reconciler.model.canonical import canonical
from reconciler.model.decision import Problem, Source
from reconciler.model.record import Opened
from reconciler.model.record_codec import Written, decode_line

# Quotes inside JSON text are escaped, so these bytes can't be part of any text that somebody chose.
_NUMBER = re.compile(rb'"line":(\d{1,18})[,}]')
_PREVIOUS = re.compile(rb'"previous":"(sha256:[0-9a-f]{64})"')


@dataclass(slots=True)
class Strand:
    """What one file has: the hashes of its whole lines, its first entry, its faults, and whether its tail is torn."""

    path: str
    hashes: list[str] = field(default_factory=list)
    opened: Opened | None = None
    faults: list[Problem] = field(default_factory=list)
    torn: bool = False
    tail: bytes = b""

    def blame(self, line: int, cause: str, message: str, hint: str = "") -> None:
        """Note a fault of one line, counted as it stands in the file."""
        self.faults.append(Problem(f"ledger/{cause}", Source(self.path, line), message, hint))


def read_strand(root: Path, path: str) -> Strand:
    """Read and check one file. Raises LedgerBroken only when it can't be read at all."""
    strand = Strand(path)
    number = 0
    with reading(root / path), (root / path).open("rb", buffering=READ_AHEAD) as file:
        for line in file:
            if not line.endswith(b"\n"):
                strand.torn = True
                break
            number = _take(strand, line[:-1], number)
    _check_ends(strand)
    return strand


def _take(strand: Strand, line: bytes, before: int) -> int:
    """Add a line and return the number that it gives itself; `before` is that of the line before, 0 for none."""
    place = len(strand.hashes) + 1
    found, previous = _NUMBER.search(line), _PREVIOUS.search(line)
    number = int(found.group(1)) if found else before + 1
    if found is None or previous is None:
        strand.blame(place, "unreadable", "this is no line of a ledger")
    elif number > before + 1:
        strand.blame(place, "gap", f"{_lines(before + 1, number - 1)} missing before line {number}")
    elif number <= before:
        strand.blame(place, "order", f"line {number} stands behind line {before}: lines were moved, repeated or put in")
    elif strand.hashes and previous.group(1).decode() != strand.hashes[-1]:
        message = f"line {before} has not the hash that line {number} was written with: one of the two was changed"
        strand.blame(place - 1, "changed", message)
    if place == 1:
        _open(strand, line)
    strand.hashes.append(line_hash(line))
    strand.tail = line
    return number


def _lines(first: int, last: int) -> str:
    return f"line {first} is" if first == last else f"lines {first} to {last} are"


def _open(strand: Strand, line: bytes) -> None:
    written = _decode(strand, line, 1)
    if written is None:
        return
    if not isinstance(written.entry, Opened):
        strand.blame(1, "gap", "the first line does not open a run: lines before it are missing")
        return
    strand.opened = written.entry
    if written.previous != head_digest(written.entry.heads):
        strand.blame(1, "changed", "the heads are not those that the line was written with: it was changed")
    try:
        home = file_of(written.run)
    except ValueError as error:
        strand.blame(1, "changed", str(error))
        return
    if home != strand.path:
        strand.blame(1, "moved", f"this is the file of run {written.run}, which belongs at {home}")


def _check_ends(strand: Strand) -> None:
    """No later line vouches for the last one, so at least its spelling has to be ours."""
    if strand.hashes and not strand.faults:
        _decode(strand, strand.tail, len(strand.hashes))


def _decode(strand: Strand, line: bytes, place: int) -> Written | None:
    try:
        value = json.loads(line)
        written = decode_line(value)
    except (ValueError, RecursionError) as error:
        strand.blame(place, "unreadable", f"the line can't be read: {error}")
        return None
    if canonical(value) != line:
        strand.blame(place, "changed", "the line is not spelled as the reconciler spells it: it was changed")
    return written
