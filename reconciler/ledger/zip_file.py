"""Zip files whose content, names and times are the same whenever they are written from the same content."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from reconciler.atomic import atomic_write

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The earliest time that the format can say; a real one would differ from run to run."""
_PIECE = 1 << 20


def write_zip(path: Path, folder: Path) -> None:
    """Write the files of a folder into a zip, sorted by name and compressed, whole or not at all.

    The bytes of the zip are the same with the same zlib; other versions of it may pack the same content otherwise.
    Raises OSError when it can't be written.
    """
    with tempfile.TemporaryFile() as packed:
        with zipfile.ZipFile(packed, "w") as archive:
            for name, file in files_in(folder).items():
                with file.open("rb") as content, archive.open(_entry(name, file.stat().st_size), "w") as entry:
                    shutil.copyfileobj(content, entry)
        packed.seek(0)
        atomic_write(path, iter(lambda: packed.read(_PIECE), b""))


def files_in(folder: Path) -> dict[str, Path]:
    """Return the files below a folder by their names in a zip, sorted."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return dict(sorted(found.items()))


def _entry(name: str, size: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.create_system = 3
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o100644 << 16
    entry.file_size = size
    return entry
