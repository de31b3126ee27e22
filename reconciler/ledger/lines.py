"""One line of the ledger: which ticket it is about, and what it says. The only place that decodes lines."""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any, TypeVar

from reconciler.codec import Newer, canonical, decode_line
from reconciler.errors import LedgerBroken, LedgerNewer
from reconciler.ledger.files import line_hash
from reconciler.model.decision import Source
from reconciler.model.record import Line, Written
from reconciler.model.review import Provenance

GUID_MARK = b'"guid":"'
"""What stands before the GUID of a line. Quotes inside JSON text are escaped, so no text can contain it."""
GUID_LENGTH = 36
INTENT_MARK, RECEIPT_MARK = b'"entry":"intent"', b'"entry":"receipt"'
OPERATION_MARK = re.compile(rb'"operation":"([^"\\]+)"')
BROKEN_HINT = (
    "`reconciler ledger verify` says everything that is wrong; restore the ledger from its branch or a backup, "
    "and find out who changed it"
)
"""What to do about a broken ledger."""


def guid_in(line: bytes) -> bytes:
    """Return the GUID that a line is about without reading the rest of it; anything else when it is about none."""
    start = line.find(GUID_MARK) + len(GUID_MARK)
    return line[start : start + GUID_LENGTH]


def target_marks(targets: Collection[str] | None) -> tuple[bytes, ...]:
    """Return what stands in the lines that were written for one of these servers, None for any, as in `is_for`."""
    if targets is None:
        return (b'"target":',)
    return tuple(b'"target":' + canonical(target) for target in targets)


def is_for(marks: tuple[bytes, ...], line: bytes) -> bool:
    """Return whether a line was written for one of the servers of `marks`, without reading the rest of it."""
    return any(mark in line for mark in marks)


def read_line(line: bytes, source: Source) -> Line:
    """Read one line. Raises LedgerBroken with its place."""
    written = decode(line, source)
    return Line(
        entry=written.entry,
        run=_one(written.run),
        provenance=_one(written.provenance),
        source=source,
        previous=written.previous,
        hash=line_hash(line),
    )


_T = TypeVar("_T", str, Provenance)


def _one(value: _T) -> _T:
    """Return one object for what the lines of a run have in common: a third of what they take otherwise."""
    found: _T = _kept(value)
    return found


@lru_cache(maxsize=256)
def _kept(value: Any) -> Any:  # noqa: ANN401 - whatever can be compared
    return value


def decode(line: bytes, source: Source) -> Written:
    """Read what one line says. Raises LedgerBroken with its place."""
    try:
        return decode_line(line)
    except Newer as newer:
        raise LedgerNewer(f"{source}: {newer}", newer.hint) from None
    except ValueError as error:
        raise LedgerBroken(f"{source}: the line can't be read: {error}", BROKEN_HINT) from None
