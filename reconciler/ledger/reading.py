"""Reading the ledger back, in the order in which it was written."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path

from reconciler.errors import LedgerBroken
from reconciler.ledger.files import line_hash, whole_lines
from reconciler.ledger.heads import BROKEN_HINT, beginnings, in_order
from reconciler.model.decision import Source
from reconciler.model.guid import Guid
from reconciler.model.record import Line
from reconciler.model.record_codec import Written, decode_line

GUID_MARK = b'"guid":"'
"""What stands before the GUID of a line. Quotes inside JSON text are escaped, so no text can contain it."""
GUID_LENGTH = 36


def read_lines(root: Path, guids: Collection[Guid] | None = None) -> Iterator[Line]:
    """Yield the lines of the whole ledger, or only those about some tickets, oldest first.

    A file comes after the files that it names as its heads. A torn tail is left out. Raises LedgerBroken for a
    line that can't be read; whether the chain holds is for ledger/chain.py to say.
    """
    wanted = None if guids is None else frozenset(guid.encode() for guid in guids)
    for path in in_order(beginnings(root)):
        for number, line in enumerate(whole_lines(root, path), start=1):
            if wanted is None or guid_in(line) in wanted:
                yield read_line(line, Source(path, number))


def guid_in(line: bytes) -> bytes:
    """Return the GUID that a line is about without reading the rest of it; anything else when it is about none."""
    start = line.find(GUID_MARK) + len(GUID_MARK)
    return line[start : start + GUID_LENGTH]


def read_line(line: bytes, source: Source) -> Line:
    """Read one line. Raises LedgerBroken with its place."""
    written = decode(line, source)
    return Line(
        entry=written.entry,
        run=written.run,
        provenance=written.provenance,
        source=source,
        previous=written.previous,
        hash=line_hash(line),
    )


def decode(line: bytes, source: Source) -> Written:
    """Read what one line says. Raises LedgerBroken with its place."""
    try:
        return decode_line(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise LedgerBroken(f"{source}: the line can't be read: {error}", BROKEN_HINT) from None
