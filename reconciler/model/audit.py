"""What an audit pack is about: the chosen records, the files that prove them, and what could not be found."""

from msgspec import Struct

from reconciler.model.history import Record
from reconciler.model.record import Head


class Absent(Struct, frozen=True):
    """Something that belongs into the pack and is not there: its name, and why."""

    what: str
    why: str


class Audit(Struct, frozen=True):
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
