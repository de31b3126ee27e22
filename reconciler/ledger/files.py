"""The files of a ledger: the runs that name them, their places, and their whole lines.

A line counts once its newline is there. What stands behind the last newline is a torn tail: a write that a crash
or a full disk cut off, for which no request was sent, and which is treated as never written.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from reconciler.codec import sha256
from reconciler.errors import LedgerBroken
from reconciler.ledger.archive import archived, faults_of, has_lines_of, open_regular
from reconciler.model.decision import Problem, Source
from reconciler.model.plan import Shard
from reconciler.model.status import as_utc
from reconciler.model.value import Head

line_hash = sha256
"""The hash of a line is the SHA-256 of its bytes without the newline, so that `sha256sum` can check it."""

LONGEST_SILENCE = timedelta(minutes=2)
"""How long a run goes on sending while its lines can't be pushed to the branch of the ledger."""
READ_AHEAD = 1 << 20
"""Bytes that are read at once. With the default of 8 KiB reading 400,000 lines takes twice as long."""
_RUN = re.compile(r"(\d{4})(\d{2})\d{2}T\d{6}Z-[0-9a-f]{6,}(-\d+of\d+)?")
_FILE = re.compile(r"\d{4}/\d{2}/[^/]+\.jsonl")
_PACKED = re.compile(r"archive/[^/]+\.jsonl\.gz")
_LINES = re.compile(r"(?i)\.jsonl(\.gz)?$")
_BLOCK = 8 * 1024
_TAIL = 64 * 1024
_NOT_OURS = ".git"
"""A ledger that is the checkout of its branch has git's own files beside the runs."""


def new_run_id(at: datetime, shard: Shard | None = None) -> str:
    """Return an id such as 20261123T211829Z-6a1f09, with -1of4 for the first of four shards; ids sort by time."""
    part = "" if shard is None else f"-{shard.number}of{shard.of}"
    return f"{as_utc(at):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}{part}"


def file_of(run: str) -> str:
    """Return the path of a run's file below the ledger. Raises ValueError for text that is no run id."""
    match = _RUN.fullmatch(run)
    if match is None:
        raise ValueError(f"{run!r} is not the id of a run, such as 20261123T211829Z-6a1f09")
    return f"{match.group(1)}/{match.group(2)}/{run}.jsonl"


def began(path: str) -> datetime:
    """Return when the run of a ledger file began, as its id says. Raises ValueError for any other file."""
    name = path.rpartition("/")[2][: len("20261123T211829Z")]
    return datetime.strptime(name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def is_ledger_file(path: str) -> bool:
    """Return whether a path below a ledger is that of a run's file."""
    return _FILE.fullmatch(path) is not None


def ledger_files(root: Path) -> tuple[str, ...]:
    """Return the paths of all files below the ledger, sorted; none when there is no ledger yet.

    Raises LedgerBroken when a folder can't be read, or when something is there that `survey` finds fault with.
    """
    paths, faults = survey(root)
    if faults:
        raise LedgerBroken(f"{root / faults[0].source.path}: {faults[0].message}", faults[0].hint)
    return paths


def survey(root: Path) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Return the paths of a ledger's files, sorted, and what is wrong with anything else that lies there.

    Links and special files are faults wherever they lie, because what they lead to is not what was written. So are
    lines in a place where no run looks for them. Raises LedgerBroken when a folder can't be read.
    """
    paths: list[str] = []
    faults: list[Problem] = []
    waiting = [""] if root.exists() else []
    while waiting:
        folder = waiting.pop()
        with reading(root / folder), os.scandir(root / folder) as entries:
            for entry in entries:
                path = f"{folder}{entry.name}"
                if path == _NOT_OURS:
                    continue
                is_file, is_folder = entry.is_file(follow_symlinks=False), entry.is_dir(follow_symlinks=False)
                if is_folder and not path.endswith(".jsonl"):
                    waiting.append(f"{path}/")
                elif is_file and _FILE.fullmatch(path):
                    paths.append(path)
                elif not is_file or (_LINES.search(path) and not _PACKED.fullmatch(path)):
                    faults.append(_misplaced(path, entry))
    packed = archived(root)
    faults += [_twice(path) for path in paths if path in packed and not has_lines_of(packed[path], root / path)]
    faults += faults_of(root) if packed else ()
    return tuple(sorted({*paths, *packed})), tuple(sorted(faults, key=lambda fault: fault.source))


def _twice(path: str) -> Problem:
    message = "an archive has this run, too, with other lines"
    return Problem("ledger/twice", Source(path), message, "find out which of the two was changed, and remove it")


def _misplaced(path: str, entry: "os.DirEntry[str]") -> Problem:
    if entry.is_symlink():
        message = "this is a link; a ledger has only regular files and folders"
        return Problem("ledger/link", Source(path), message, "put the file itself there, or remove the link")
    if entry.is_dir():
        message = "this is a folder, and only the file of a run has such a name"
        return Problem("ledger/folder", Source(path), message, "remove it, or move it out of the ledger")
    if entry.is_file():
        message = "lines that lie here are never read: the file of a run lies at <year>/<month>/<run>.jsonl"
        return Problem("ledger/misplaced", Source(path), message, "move it back to where its run was written")
    message = "this is a special file; a ledger has only regular files and folders"
    return Problem("ledger/special", Source(path), message, "remove it")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the operating system says while `path` is read into LedgerBroken."""
    try:
        yield
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> LedgerBroken:
    """Return the error for a part of the ledger that can't be read."""
    return LedgerBroken(
        f"{path} can't be read: {error.strerror or error}",
        "let the user that runs the reconciler read the whole ledger; without it nothing can be told done from missing",
    )


@contextmanager
def open_segment(root: Path, path: str, buffering: int = READ_AHEAD) -> Iterator[BinaryIO | BufferedReader]:
    """Open a file of the ledger for reading, from its archive when it is in one.

    Raises LedgerBroken for all but a regular file, and for what can't be read meanwhile; never waits for a pipe.
    """
    packed = archived(root).get(path)
    with (
        reading(root / path),
        open_regular(root / path, buffering) if packed is None else packed.open(buffering) as file,
    ):
        yield file


def whole_lines(root: Path, path: str) -> Iterator[bytes]:
    """Yield the lines of one file without their newlines; a torn tail is left out. Raises LedgerBroken."""
    with open_segment(root, path) as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def segment_bytes(root: Path, path: str) -> bytes:
    """Return the whole lines of one file. Raises LedgerBroken."""
    with open_segment(root, path) as file:
        data = file.read()
    return data[: data.rfind(b"\n") + 1]


def head_of(root: Path, path: str) -> Head | None:
    """Return the last line of one file as a head, None when it has no whole line. Raises LedgerBroken."""
    packed = archived(root).get(path)
    if packed is not None:
        return packed.run.head
    line = last_line(root, path)
    return None if line is None else Head(path, line_hash(line), count_lines(root, path))


def first_line(root: Path, path: str) -> bytes | None:
    """Return the first line of a file, None when it was never completed. Raises LedgerBroken."""
    with open_segment(root, path, buffering=_BLOCK) as file:
        line = file.readline()
    return line[:-1] if line.endswith(b"\n") else None


def last_line(root: Path, path: str) -> bytes | None:
    """Return the last whole line of a file that is in no archive, None when there is none; read little more.

    Raises LedgerBroken.
    """
    with open_segment(root, path) as file:
        size = file.seek(0, os.SEEK_END)
        for start in (max(0, size - _TAIL), 0):
            file.seek(start)
            whole, complete, _ = file.read().rpartition(b"\n")
            _, found, line = whole.rpartition(b"\n")
            if complete and (found or not start):
                return line
        return None


def count_lines(root: Path, path: str) -> int:
    """Return the number of whole lines of a file. Raises LedgerBroken."""
    with open_segment(root, path) as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(READ_AHEAD), b""))
