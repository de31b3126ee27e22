"""What a person is told when files of a repository can't be read or written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import InvalidInput
from reconciler.model.decision import Problem, Source


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Turn what the system says about a file that is read and written anew into InvalidInput with its place."""
    try:
        yield
    except OSError as error:
        where = str(error.filename or path)
        message = f"the file can't be written: {error.strerror or error}"
        hint = "check its permissions, the space on the disk, and what stands in its place"
        raise InvalidInput((Problem("file/unwritable", Source(where), message, hint),)) from None
