"""Where the sandbox's state stays: a SQLite file, written through, or nowhere."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from reconciler.errors import InvalidInput
from reconciler.model.decision import Problem, Source

_TABLES = """
CREATE TABLE IF NOT EXISTS tickets (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS grants (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS certificates (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_VERSION = 1
TABLES = ("tickets", "grants", "objects", "certificates", "settings")


class StateStore(Protocol):
    """Keeps text by table and key. The sandbox holds everything in memory and only writes here."""

    def put(self, table: str, key: str, value: str) -> None:
        """Keep a value, replacing an older one."""
        ...

    def remove(self, table: str, key: str) -> None:
        """Forget a value."""
        ...

    def items(self, table: str) -> Iterable[tuple[str, str]]:
        """Return everything that a table keeps."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class NoStore:
    """Keeps nothing: the state is gone with the process."""

    def put(self, table: str, key: str, value: str) -> None:
        """Keep nothing."""

    def remove(self, table: str, key: str) -> None:
        """Forget nothing."""

    def items(self, table: str) -> Iterable[tuple[str, str]]:  # noqa: ARG002 - the port's signature
        """Return nothing."""
        return ()

    def close(self) -> None:
        """Do nothing."""


class SqliteStore:
    """Keeps everything in one file; a write is in the operating system's hands when `put` returns."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises sqlite3.Error when it is no such file or can't be written, InvalidInput.

        InvalidInput is for a file of a newer release.
        """
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise _newer(path, version)
            self._connection.execute(f"PRAGMA user_version={_VERSION}")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_TABLES)
        except (sqlite3.Error, InvalidInput):
            self._connection.close()
            raise

    def put(self, table: str, key: str, value: str) -> None:
        """Keep a value, replacing an older one."""
        self._connection.execute(f"INSERT OR REPLACE INTO {_known(table)} VALUES (?, ?)", (key, value))  # noqa: S608

    def remove(self, table: str, key: str) -> None:
        """Forget a value."""
        self._connection.execute(f"DELETE FROM {_known(table)} WHERE key = ?", (key,))  # noqa: S608

    def items(self, table: str) -> Iterable[tuple[str, str]]:
        """Return everything that a table keeps, in order of the keys."""
        return self._connection.execute(f"SELECT key, value FROM {_known(table)} ORDER BY key").fetchall()  # noqa: S608

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _newer(path: Path, version: int) -> InvalidInput:
    message = f"written by a newer release: this is version {version}, this release reads version {_VERSION}"
    hint = "upgrade to a release that reads it, or give another file with --state"
    return InvalidInput((Problem("sandbox/newer", Source(str(path)), message, hint),))


def _known(table: str) -> str:
    if table not in TABLES:
        raise ValueError(f"there is no table {table!r}")
    return table
