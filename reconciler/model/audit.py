"""What an audit pack is about: the chosen records, the files that prove them, and what could not be found."""

from dataclasses import dataclass

from reconciler.model.history import Record
from reconciler.model.record import Head


@dataclass(frozen=True, slots=True)
class Absent:
    """Something that belongs into the pack and is not there: its name, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Audit:
    """The content of an audit pack.

    `asked` says in words and values what was chosen; `head` is the hash over `heads`, the state of the whole ledger;
    `files` are the ledger files that lead from the records to the heads.
    """

    asked: tuple[tuple[str, str], ...]
    head: str
    heads: tuple[Head, ...]
    files: tuple[str, ...]
    records: tuple[Record, ...]
    absent: tuple[Absent, ...] = ()
