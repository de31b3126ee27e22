"""Archives of a ledger: the files of old runs, packed into few compressed ones, and read as if they still lay there.

An archive is a pair of files below `archive/`: `NAME.jsonl.gz` has the whole lines of runs, each run a gzip member of
its own (so that `gzip -dc` prints them all), and `NAME.json` lists these runs with their heads and where they begin.
A run keeps its path: the chain goes through it, and a head that was noted earlier stays valid. The list vouches for
nothing: whoever verifies the ledger reads every line, and holds the list against them.
"""

import errno
import functools
import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reconciler.atomic import atomic_write
from reconciler.codec import Newer, decode_document, json_text, plain
from reconciler.errors import LedgerBroken, LedgerNewer
from reconciler.model.decision import Problem, Source
from reconciler.model.evidence import ArchivedRun, ArchiveList
from reconciler.model.value import Head

FOLDER = "archive"
ARCHIVES = (f"{FOLDER}/*.jsonl.gz", f"{FOLDER}/*.json")
"""What archives consist of, for whoever copies a ledger."""
_LARGEST = 32 << 20
"""Bytes after which another archive is begun: GitHub refuses files of 100 MiB (its documentation, "About large files
on GitHub")."""
_PIECE = 1 << 16
_GZIP = 31
"""What zlib calls a stream with the header of gzip."""


@dataclass(frozen=True, slots=True)
class Archived:
    """One run of an archive, and the archive that it is in."""

    file: Path
    run: ArchivedRun

    def open(self, buffering: int) -> io.BufferedReader:
        """Open the lines of the run for reading, from the first to the last. Raises OSError."""
        return io.BufferedReader(_Member(self), buffering)


class _Member(io.RawIOBase):
    """The unpacked bytes of one gzip member."""

    def __init__(self, archived: Archived) -> None:
        with open_regular(archived.file, _PIECE) as file:
            file.seek(archived.run.offset)
            self._packed = file.read(archived.run.size)
        self._unpacker = zlib.decompressobj(_GZIP)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._unpacker.decompress(self._packed, len(buffer))
        except zlib.error as error:
            raise OSError(f"it is damaged: {error}") from None
        if not data and not self._unpacker.eof:
            raise OSError("it was cut off")
        self._packed = self._unpacker.unconsumed_tail
        buffer[: len(data)] = data
        return len(data)


def open_regular(path: Path, buffering: int) -> BinaryIO:
    """Open a file for reading. Raises OSError for all but a regular file; never follows a link or waits for a pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "this is no regular file", str(path))
    return os.fdopen(descriptor, "rb", buffering=buffering)


def archived(root: Path) -> Mapping[str, Archived]:
    """Return every run that is in an archive of the ledger, by its path. Raises LedgerBroken for a list that is none.

    The lists are read once for as long as they are the same files.
    """
    try:
        with os.scandir(root / FOLDER) as entries:
            found = sorted((entry.name, entry.stat(follow_symlinks=False)) for entry in entries if _is_list(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise LedgerBroken(f"{root / FOLDER} can't be read: {error.strerror}", _RESTORE) from error
    return _read(root / FOLDER, tuple((name, at.st_mtime_ns, at.st_size, at.st_ino) for name, at in found))


def _is_list(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


@functools.lru_cache(maxsize=8)
def _read(folder: Path, lists: tuple[tuple[str, int, int, int], ...]) -> Mapping[str, Archived]:
    found: dict[str, Archived] = {}
    for name, *_ in lists:
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise LedgerBroken(f"{folder / name} can't be read: {error.strerror}", _RESTORE) from None
        listed = read_list(data, str(folder / name))
        file = folder / f"{name.removesuffix('.json')}.jsonl.gz"
        found |= {run.path: Archived(file, run) for run in listed.runs}
    return found


def read_list(data: bytes, place: str) -> ArchiveList:
    """Return what the list of an archive says. Raises LedgerBroken with its place."""
    try:
        return decode_document(data, ArchiveList, "archive")
    except Newer as newer:
        raise LedgerNewer(f"{place}: {newer}", newer.hint) from None
    except ValueError as error:
        raise LedgerBroken(f"{place} is no list of an archive: {error}", _RESTORE) from None


_RESTORE = "restore it from the ledger's branch or a backup, and find out who changed it"


def faults_of(root: Path) -> Iterator[Problem]:
    """Find what is wrong with archives apart from their lines: a packed file that is not there, or has more in it."""
    by_file: dict[Path, list[ArchivedRun]] = {}
    for each in archived(root).values():
        by_file.setdefault(each.file, []).append(each.run)
    for file, runs in by_file.items():
        place = Source(f"{FOLDER}/{file.name}")
        if file.is_symlink() or not file.is_file():
            yield Problem("ledger/archive", place, "the file is not there that the list beside it tells of", _RESTORE)
            continue
        ends = 0
        for run in sorted(runs, key=lambda run: run.offset):
            if run.offset != ends:
                break
            ends += run.size
        if ends != file.stat().st_size:
            yield Problem("ledger/archive", place, "the file has other parts than the list beside it tells", _RESTORE)


def write_archives(root: Path, runs: Iterable[tuple[Head, bytes]]) -> tuple[Path, ...]:
    """Pack runs, given with their heads and whole lines, into archives of one month each; return the lists.

    A list is written when its packed file is on the disk. Nothing is removed. Raises OSError.
    """
    written: list[Path] = []
    waiting: list[tuple[Head, bytes]] = []
    for head, lines in runs:
        packed = gzip.compress(lines, mtime=0)
        full = sum(len(each) for _, each in waiting) + len(packed) > _LARGEST
        if waiting and (full or _month(waiting[-1][0]) != _month(head)):
            written.append(_write(root, waiting))
            waiting = []
        waiting.append((head, packed))
    return (*written, *([_write(root, waiting)] if waiting else []))


def _write(root: Path, runs: list[tuple[Head, bytes]]) -> Path:
    runs.sort(key=lambda run: run[0].path)
    digest = hashlib.sha256()
    listed, offset = [], 0
    for head, packed in runs:
        digest.update(packed)
        listed.append(ArchivedRun(head.path, head.lines, head.hash, offset, len(packed)))
        offset += len(packed)
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    name = f"{_month(runs[0][0])}-{digest.hexdigest()[:12]}"
    atomic_write(folder / f"{name}.jsonl.gz", (packed for _, packed in runs))
    about = ArchiveList(f"sha256:{digest.hexdigest()}", tuple(listed))
    atomic_write(folder / f"{name}.json", json_text(plain(about)).encode())
    return folder / f"{name}.json"


def _month(head: Head) -> str:
    return head.path.rpartition("/")[0].replace("/", "-")


def remove_archived(root: Path) -> tuple[str, ...]:
    """Remove the files of runs whose lines are all in an archive, and name them. Raises OSError."""
    removed = tuple(path for path, packed in archived(root).items() if has_lines_of(packed, root / path))
    for path in removed:
        (root / path).unlink()
    for folder in {(root / path).parent for path in removed}:
        with suppress(OSError):  # other runs are in it
            folder.rmdir()
            folder.parent.rmdir()
    return removed


def has_lines_of(packed: Archived, file: Path) -> bool:
    """Return whether an archive has every whole line of a file, which then says nothing of its own."""
    try:
        with open_regular(file, _PIECE) as plain_lines, packed.open(_PIECE) as lines:
            return all(line == next(lines, b"") for line in plain_lines if line.endswith(b"\n"))
    except OSError:
        return False
