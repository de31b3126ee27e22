"""Which files of the ledger prove a line: its own, and every later file that leads from it to the heads of today."""

from collections.abc import Iterable
from pathlib import Path

from reconciler.ledger.heads import beginnings


def files_from(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths themselves and all files that name them, directly or through others, sorted.

    Each file vouches for the lines of those that it names, and a head vouches for its own file. Raises LedgerBroken.
    """
    named_by: dict[str, set[str]] = {}
    for beginning in beginnings(root):
        for head in beginning.opened.heads if beginning.opened else ():
            named_by.setdefault(head.path, set()).add(beginning.path)
    found: set[str] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(named_by.get(path, ()))
    return tuple(sorted(found))
