"""The journal of one run: every entry is on disk before the call that wrote it returns.

Threads that append at the same time share one fsync (group commit): whoever finds nobody writing writes what
all have queued, the others wait until their line is down.
"""

import errno
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from reconciler.atomic import make_folder, sync, sync_folder
from reconciler.codec import encode_line
from reconciler.errors import LedgerUnwritable
from reconciler.ledger.files import file_of, line_hash
from reconciler.ledger.heads import head_digest, ledger_heads
from reconciler.ledger.lock import Lock, require_named
from reconciler.model.record import Entry, Intent, Opened, guid_of
from reconciler.model.review import Provenance, Review
from reconciler.model.ticket import Guid
from reconciler.model.value import replace

_REMEDIES: Mapping[int | None, str] = {
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some space within the quota",
    errno.EFBIG: "raise the limit for the size of files (ulimit -f)",
    errno.EROFS: "mount the disk for writing, or let `ledger` point elsewhere",
    errno.EACCES: "let the user that runs the reconciler write there",
    errno.EPERM: "let the user that runs the reconciler write there",
    errno.ENOTDIR: "let `ledger` point to a folder",
    errno.EEXIST: "let `ledger` point to a folder; a run never writes to the file of another",
}

_CLOSED = -1
"""No descriptor: writing to it is refused by the system."""
NOBODY: Mapping[Guid, Review | None] = MappingProxyType({})


def open_journal(
    lock: Lock,
    run: str,
    provenance: Provenance,
    opened: Opened,
    reviews: Mapping[Guid, Review | None] = NOBODY,
) -> "Journal":
    """Begin the file of a run with its first line, which names the heads that are there now.

    `lock` is that of the ledger, and held. `opened.heads` is filled in here. `reviews` is who decided on each ticket:
    lines about it carry that review, those about others that of `provenance`. When this returns, file and folders are
    on disk. Raises LedgerUnwritable when they can't be, LedgerBroken when an earlier file can't be
    read, ValueError when `run` is no run id.
    """
    heads = ledger_heads(lock.root)
    path = lock.root / file_of(run)
    try:
        make_folder(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
    except OSError as error:
        raise _unwritable(Path(error.filename or path), error) from error
    journal = Journal(path, descriptor, lock, run, provenance, head_digest(heads), reviews)
    try:
        journal.append(replace(opened, heads=heads))
        sync_folder(path.parent)
    except OSError as error:
        journal.close()
        raise _unwritable(path.parent, error) from error
    except LedgerUnwritable:
        journal.close()
        raise
    return journal


class Journal:
    """The open file of one run; implements ports.Ledger. Closing it adds nothing."""

    def __init__(  # noqa: PLR0913 - what a line of a run is made of
        self,
        path: Path,
        descriptor: int,
        lock: Lock,
        run: str,
        provenance: Provenance,
        previous: str,
        reviews: Mapping[Guid, Review | None] = NOBODY,
    ) -> None:
        """Take over an empty file that is open for appending; `previous` goes into its first line."""
        self.path = path
        self.run = run
        self._lock = lock
        self._descriptor = descriptor
        self._provenance = provenance
        self._reviews = reviews
        self._turn = threading.Condition()
        self._previous = previous
        self._queue = bytearray()
        self._queued = 0
        self._durable = 0
        self._writing = False
        self._failure: OSError | None = None

    def append(self, entry: Entry) -> None:
        """Write one entry; it is on disk when this returns. Thread-safe.

        An intent is also where the next run looks for it, and no other run can have begun: lock and file are still
        those that their paths name. Raises LedgerUnwritable: when a line could not be written, from then on for every
        call, because whether the last lines are on disk is not known.
        """
        self._write(entry)
        if isinstance(entry, Intent):
            self._lock.require_held()
            require_named(self._descriptor, self.path)

    def append_all(self, entries: Iterable[Entry]) -> None:
        """Write entries that no request follows with one sync; they are on disk when this returns.

        Raises LedgerUnwritable.
        """
        self._write(*entries)

    def _write(self, *entries: Entry) -> None:
        with self._turn:
            self._refuse_after_failure()
            mine = self._durable
            for entry in entries:
                mine = self._enqueue(entry)
            while self._durable < mine:
                self._refuse_after_failure()
                if self._writing:
                    self._turn.wait()
                else:
                    self._write_queue()

    @property
    def head(self) -> str:
        """The hash of the last line: an anchor for `reconciler ledger verify --head`."""
        with self._turn:
            return self._previous

    def close(self) -> None:
        """Let go of the file. Everything that was appended is on disk already."""
        with self._turn:
            if self._descriptor != _CLOSED:
                os.close(self._descriptor)
                self._descriptor = _CLOSED

    def __enter__(self) -> Self:
        """Use the journal in a with statement."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the file."""
        self.close()

    def _enqueue(self, entry: Entry) -> int:
        line = encode_line(entry, self._queued + 1, self.run, self._origin(entry), self._previous)
        self._previous = line_hash(line)
        self._queue += line + b"\n"
        self._queued += 1
        return self._queued

    def _origin(self, entry: Entry) -> Provenance:
        """Return where a line comes from: with the people of its own decision when it is about one."""
        guid = guid_of(entry)
        if guid is None or guid not in self._reviews:
            return self._provenance
        return replace(self._provenance, review=self._reviews[guid])

    def _write_queue(self) -> None:
        """Put down what is queued, without holding up those who queue more meanwhile."""
        lines, reached = bytes(self._queue), self._queued
        self._queue.clear()
        self._writing = True
        self._turn.release()
        failure: OSError | None = OSError(errno.EINTR, os.strerror(errno.EINTR))
        try:
            _write_all(self._descriptor, lines)
            sync(self._descriptor)
            failure = None
        except OSError as error:
            failure = error
        finally:
            self._turn.acquire()
            self._writing = False
            self._failure = failure
            if failure is None:
                self._durable = reached
            self._turn.notify_all()

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise _unwritable(self.path, self._failure) from self._failure


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _unwritable(path: Path, error: OSError) -> LedgerUnwritable:
    remedy = _REMEDIES.get(error.errno, "see why that disk can't be written")
    return LedgerUnwritable(
        f"the ledger can't be written: {path}: {error.strerror or error}",
        f"{remedy}, then run again: what was sent and not recorded is found by reading the tickets",
    )
