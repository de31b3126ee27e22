"""Writing a file so that a reader sees the old one or the new one, never a part."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def replace_file(target: Path, data: bytes) -> None:
    """Put `data` in place of the file at `target`, or make it (mode 0644). Raises OSError; the old file stays then."""
    replace_piece_by_piece(target, (data,))


def replace_piece_by_piece(target: Path, pieces: Iterable[bytes]) -> None:
    """The same for data that comes in pieces."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.writelines(pieces)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
