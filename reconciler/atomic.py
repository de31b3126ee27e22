"""Files that are replaced as a whole: a reader finds the old one or the new one, never a part.

This is the only atomic writer. It stands beside `errors.py` and `ports.py` because several packages need it;
packages that must have no effects do not import it.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has none
    fcntl = None  # type: ignore[assignment]

_NEW_FILE = 0o644


def atomic_write(path: Path, data: bytes | Iterable[bytes], *, mode: int | None = None, durable: bool = True) -> None:
    """Put `data`, whole or in pieces, in the place of the file at `path`, or make it; its folder must exist.

    File and folder are synced before this returns, unless the file need not be `durable`. The permissions are `mode`,
    or those of the file that is replaced, or 0644. Only a regular file is replaced, never one through a link: what
    stands at `path` otherwise raises OSError (see `check_replaceable`). Whatever OSError is raised, the old file is
    as it was.
    """
    permissions = check_replaceable(path)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, (_NEW_FILE if permissions is None else permissions) if mode is None else mode)
            file.writelines((data,) if isinstance(data, bytes) else data)
            file.flush()
            if durable:
                sync(descriptor)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def check_replaceable(path: Path) -> int | None:
    """Return the permissions of the regular file at `path`, None when nothing is there.

    Raises OSError when a link, a folder or a special file is there, or when the folder of `path` is none.
    """
    try:
        found = path.lstat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise
        return None
    if stat.S_ISREG(found):
        return stat.S_IMODE(found)
    if stat.S_ISDIR(found):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    what = "a link" if stat.S_ISLNK(found) else "a special file"
    raise OSError(errno.EINVAL, f"this is {what}; only a regular file is replaced", str(path))


def sync(descriptor: int) -> None:
    """Wait until the disk has a file. On macOS fsync stops at the drive's cache (fsync(2)), F_FULLFSYNC does not."""
    full_sync = getattr(fcntl, "F_FULLFSYNC", None)
    if full_sync is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, full_sync)


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, or leave them; their names are on disk when this returns."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems can't sync a folder, and need not
            raise
    finally:
        os.close(descriptor)
