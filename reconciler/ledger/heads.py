"""The heads of a ledger: the last lines that no other file names yet, which together vouch for every line there is.

Files name heads as commits name parents. A new run names only the heads that no file leads to, so that the first
line of a file stays short however long the history is.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import LedgerBroken
from reconciler.ledger.files import count_lines, first_line, last_line, ledger_files, line_hash
from reconciler.model.canonical import canonical, sha256
from reconciler.model.record import Head, Opened
from reconciler.model.record_codec import decode_line, encode_heads


@dataclass(frozen=True, slots=True)
class Beginning:
    """How one file of the ledger begins: what its first line says, None when no line of it was ever completed."""

    path: str
    opened: Opened | None


def head_digest(heads: tuple[Head, ...]) -> str:
    """Return one hash over heads: what the first line of the next file has as `previous`."""
    return sha256(canonical(encode_heads(tuple(sorted(heads, key=lambda head: head.path)))))


def ledger_head(root: Path) -> str:
    """Return one hash that vouches for the whole ledger as it is now. Raises LedgerBroken."""
    return head_digest(ledger_heads(root))


def ledger_heads(root: Path) -> tuple[Head, ...]:
    """Return the heads that no other head leads to, sorted by path. Raises LedgerBroken."""
    begun = beginnings(root)
    named = {(head.path, head.hash) for beginning in begun if beginning.opened for head in beginning.opened.heads}
    heads = []
    for beginning in begun:
        line = last_line(root, beginning.path)
        if line is not None and (beginning.path, line_hash(line)) not in named:
            heads.append(Head(beginning.path, line_hash(line), count_lines(root, beginning.path)))
    return tuple(heads)


def beginnings(root: Path) -> tuple[Beginning, ...]:
    """Return how every file begins, sorted by path. Raises LedgerBroken for a first line that is none."""
    return tuple(Beginning(path, _opened(root, path)) for path in ledger_files(root))


def in_order(begun: tuple[Beginning, ...]) -> tuple[str, ...]:
    """Return the paths so that every file comes after those that it names, whatever any clock said.

    Files that don't know of each other (shards) come in the order of their paths.
    """
    named = {
        beginning.path: {head.path for head in beginning.opened.heads} if beginning.opened else set()
        for beginning in begun
    }
    ordered: dict[str, None] = {}
    for path in sorted(named):
        _visit(path, named, ordered)
    return tuple(ordered)


def _visit(path: str, named: dict[str, set[str]], ordered: dict[str, None]) -> None:
    """Put a path behind everything that it leads to. A loop, which only damage can make, is cut."""
    waiting = [path]
    entered: set[str] = set()
    while waiting:
        current = waiting[-1]
        due = [] if current in entered else sorted((named[current] & named.keys()) - ordered.keys() - entered)
        entered.add(current)
        if due:
            waiting.extend(reversed(due))
        else:
            ordered.setdefault(waiting.pop())


def _opened(root: Path, path: str) -> Opened | None:
    line = first_line(root, path)
    if line is None:
        return None
    try:
        entry = decode_line(json.loads(line)).entry
    except (ValueError, RecursionError) as error:
        raise LedgerBroken(f"{root / path}:1: the line can't be read: {error}", BROKEN_HINT) from None
    if not isinstance(entry, Opened):
        raise LedgerBroken(f"{root / path}:1: the first line does not open a run", BROKEN_HINT)
    return entry


BROKEN_HINT = (
    "`reconciler ledger verify` says everything that is wrong; restore the ledger from its branch or a backup, "
    "and find out who changed it"
)
"""What to do about a ledger that does not hold."""
