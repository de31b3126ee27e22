"""Zip files whose content, names and times are the same whenever they are written from the same content."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from reconciler.atomic import atomic_write
from reconciler.errors import InvalidInput
from reconciler.model.decision import Problem, Source

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The earliest time that the format can say; a real one would differ from run to run."""


def write_zip(path: Path, content: Mapping[str, bytes]) -> None:
    """Write files into a zip, sorted by name and compressed, whole or not at all.

    The bytes of the zip are the same with the same zlib; other versions of it may pack the same content otherwise.
    Raises InvalidInput when it can't be written.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(content):
            archive.writestr(_entry(name), content[name])
    try:
        atomic_write(path, packed.getvalue())
    except OSError as error:
        message = f"the file can't be written: {error.strerror or error}"
        raise InvalidInput((Problem("pack/unwritable", Source(str(path)), message, "choose another place"),)) from error


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.create_system = 3
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o100644 << 16
    return entry
