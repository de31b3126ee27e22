"""What `report` reads and writes: the ledger with a check of its chain, and the files of the site."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model.record import Line
    from reconciler.rendering.html.controls import Checked


def read_ledger(folder: Path) -> "tuple[list[Line], Checked]":
    """Read and check the ledger; one that does not hold is shown as far as it can be read, with its faults."""
    from reconciler.errors import LedgerBroken
    from reconciler.ledger.chain import check
    from reconciler.ledger.heads import ledger_heads
    from reconciler.ledger.history import read_lines
    from reconciler.rendering.html.controls import Checked

    lines: list[Line] = []
    if not folder.is_dir():
        return lines, Checked(0, 0, "")
    chain = check(folder)
    faults = tuple(f"{fault.source}: {fault.message}" for fault in chain.faults)
    try:
        lines.extend(read_lines(folder))
        heads = ledger_heads(folder)
    except LedgerBroken as broken:
        return lines, Checked(chain.files, chain.lines, chain.head, faults=faults or (broken.message,))
    return lines, Checked(chain.files, chain.lines, chain.head, heads, faults)


def write_site(out: Path, files: Mapping[str, str]) -> None:
    """Write the files of a site, folders included. Raises InvalidInput when they can't be written."""
    from reconciler.errors import InvalidInput
    from reconciler.model.decision import Problem, Source

    try:
        for name, text in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        message = f"the site can't be written: {error.strerror or error}"
        raise InvalidInput((Problem("report/unwritable", Source(str(out)), message, "choose another --out"),)) from None
