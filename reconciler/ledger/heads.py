"""The heads of a ledger: the last lines that no other file names yet, which together vouch for every line there is.

Files name heads as commits name parents. A new run names only the heads that no file leads to, so that the first
line of a file stays short however long the history is. Order and "was this there?" follow from these names alone:
no clock of any machine is asked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from reconciler.codec import canonical, sha256
from reconciler.errors import LedgerBroken
from reconciler.ledger.files import first_line, head_of, ledger_files, line_hash, whole_lines
from reconciler.ledger.lines import BROKEN_HINT, decode
from reconciler.model.decision import Source
from reconciler.model.record import Head, Opened


@dataclass(frozen=True, slots=True)
class Beginning:
    """How one file of the ledger begins: what its first line says, None when no line of it was ever completed."""

    path: str
    opened: Opened | None

    @property
    def heads(self) -> tuple[Head, ...]:
        """The heads that were there when the file was begun."""
        return self.opened.heads if self.opened else ()


def head_digest(heads: tuple[Head, ...]) -> str:
    """Return one hash over heads: what the first line of the next file has as `previous`."""
    return sha256(heads_text(heads))


def heads_text(heads: tuple[Head, ...]) -> bytes:
    """Spell heads in the one way whose SHA-256 is the head of the ledger."""
    return canonical(sorted(heads, key=lambda head: head.path))


def ledger_head(root: Path) -> str:
    """Return one hash that vouches for the whole ledger as it is now. Raises LedgerBroken."""
    return head_digest(ledger_heads(root))


def ledger_heads(root: Path) -> tuple[Head, ...]:
    """Return the heads that no other head leads to, sorted by path. Raises LedgerBroken."""
    begun = beginnings(root)
    named = {(head.path, head.hash) for beginning in begun for head in beginning.heads}
    heads = (head_of(root, beginning.path) for beginning in begun)
    return tuple(head for head in heads if head is not None and (head.path, head.hash) not in named)


def beginnings(root: Path) -> tuple[Beginning, ...]:
    """Return how every file begins, sorted by path. Raises LedgerBroken for a first line that is none."""
    return tuple(begin(root, path) for path in ledger_files(root))


def begin(root: Path, path: str) -> Beginning:
    """Return how one file begins. Raises LedgerBroken for a first line that is none."""
    line = first_line(root, path)
    if line is None:
        return Beginning(path, None)
    entry = decode(line, Source(str(root / path), 1)).entry
    if not isinstance(entry, Opened):
        raise LedgerBroken(f"{root / path}:1: the first line does not open a run", BROKEN_HINT)
    return Beginning(path, entry)


def in_order(begun: Iterable[Beginning]) -> tuple[str, ...]:
    """Return the paths so that every file comes after those that it names, whatever any clock said.

    Files that don't know of each other (shards) come in the order of their paths.
    """
    named = {beginning.path: {head.path for head in beginning.heads} for beginning in begun}
    ordered: dict[str, None] = {}
    entered: set[str] = set()
    waiting = sorted(named, reverse=True)
    while waiting:
        current = waiting[-1]
        entered.add(current)  # before those that it names, so that a loop, which only damage can make, is cut
        due = (named[current] & named.keys()) - entered
        if due:
            waiting.extend(sorted(due, reverse=True))
        else:
            ordered.setdefault(waiting.pop())
    return tuple(ordered)


def files_from(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths themselves and all files that name them, directly or through others, sorted.

    Each file vouches for the lines of those that it names, and a head vouches for its own file, so these files prove
    every line of `paths` up to the heads of today. Raises LedgerBroken.
    """
    named_by: dict[str, set[str]] = {}
    for beginning in beginnings(root):
        for head in beginning.heads:
            named_by.setdefault(head.path, set()).add(beginning.path)
    found: set[str] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(named_by.get(path, ()))
    return tuple(sorted(found))


def lines_behind(begun: Iterable[Beginning], heads: Iterable[Head]) -> Mapping[str, int]:
    """Return how many lines of each file are vouched for by `heads`: all others were written later, or beside them."""
    named = {beginning.path: beginning.heads for beginning in begun}
    behind: dict[str, int] = {}
    waiting = list(heads)
    while waiting:
        head = waiting.pop()
        if head.path not in behind:
            waiting.extend(named.get(head.path, ()))
        behind[head.path] = max(behind.get(head.path, head.lines), head.lines)
    return behind


def heads_not_in(root: Path, heads: Iterable[Head]) -> tuple[Head, ...]:
    """Return those of `heads` that this ledger does not contain: it is another one, or it was cut or changed.

    A head is contained as long as its line is there, however much was written after it. Raises LedgerBroken.
    """
    return tuple(head for head in heads if not _contains(root, head))


def _contains(root: Path, head: Head) -> bool:
    if head.path not in ledger_files(root) or head.lines < 1:
        return False
    line = next(islice(whole_lines(root, head.path), head.lines - 1, None), None)
    return line is not None and line_hash(line) == head.hash
