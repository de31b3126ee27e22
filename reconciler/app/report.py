"""Report: the ledger with a check of its chain, and the files of a site."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reconciler.app.outputs import check_in_place
from reconciler.atomic import atomic_write
from reconciler.errors import InvalidInput, LedgerBroken
from reconciler.ledger.chain import check
from reconciler.ledger.history import unverified_lines
from reconciler.model.decision import Problem, Source
from reconciler.model.record import Ended, Head, Line


@dataclass(frozen=True, slots=True)
class CheckedLedger:
    """The lines of a ledger and what the check of its chain found.

    `head` is the hash over the heads of all files, `faults` one sentence for each place where the chain is broken.
    """

    lines: tuple[Line, ...]
    files: int
    count: int
    head: str
    heads: tuple[Head, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def last_end(self) -> datetime | None:
        """Return when the newest run ended that nothing stopped; None when there is none."""
        ends = [line.entry.at for line in self.lines if isinstance(line.entry, Ended) and line.entry.stopped is None]
        return max(ends, default=None)


def read_ledger(folder: Path) -> CheckedLedger:
    """Read and check the ledger; a broken one is returned as far as it can be read, with its faults."""
    lines: list[Line] = []
    if not folder.is_dir():
        return CheckedLedger((), 0, 0, "")
    chain = check(folder)
    faults = tuple(f"{fault.source}: {fault.message}" for fault in chain.faults)
    try:
        lines.extend(unverified_lines(folder))
    except LedgerBroken as broken:
        faults = faults or (broken.message,)
    return CheckedLedger(tuple(lines), chain.files, chain.lines, chain.head, chain.heads, faults)


def write_site(out: Path, files: Mapping[str, str]) -> None:
    """Write the files of a site, folders included. Raises InvalidInput when they can't be written."""
    check_in_place((out / name for name in files), os.path.realpath(out))
    try:
        for name, text in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, text.encode("utf-8", "backslashreplace"), durable=False)
    except OSError as error:
        message = f"the site can't be written: {error.strerror or error}"
        raise InvalidInput((Problem("report/unwritable", Source(str(out)), message, "choose another --out"),)) from None
