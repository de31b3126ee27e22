"""What an auditor is told besides records: the platform's log against the ledger, counts that foot, policy, origin."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from reconciler.model.record import Head, Record
from reconciler.model.review import Review
from reconciler.model.value import Count


class LogEvent(Struct, frozen=True):
    """One event of the platform's own log. `row` counts from 1; `by` is empty when no column says who did it."""

    at: datetime
    object: str
    name: str
    texts: tuple[str, ...]
    by: str
    row: Count


class Matched(Struct, frozen=True):
    """An event that is ours: the record that it belongs to, and what says so."""

    event: LogEvent
    record: Record
    how: str


class Reconciliation(Struct, frozen=True):
    """A log held against the ledger.

    `events` were read, `decisions` of them decide on a ticket; `outside` are those that no record explains, `absent`
    records that took effect in the time of the log and that it does not show.
    """

    events: Count
    decisions: Count
    matched: tuple[Matched, ...] = ()
    outside: tuple[LogEvent, ...] = ()
    absent: tuple[Record, ...] = ()


class Population(Struct, frozen=True):
    """Everything that a ledger has of a time, in counts that foot.

    `decisions` are distinct decisions on tickets: each has an outcome, its last one, or only `exceptions`, which are
    counted by the reason that came first. `closings` are tickets of earlier decisions that were seen to be gone.
    """

    runs: Count
    decisions: Count
    outcomes: Mapping[str, int]
    exceptions: Mapping[str, int]
    overridden: Count
    closings: Count
    lines: Count
    head: str
    heads: tuple[Head, ...]

    @property
    def foots(self) -> bool:
        """Whether the decisions are those with an outcome and those with an exception alone."""
        return self.decisions == sum(self.outcomes.values()) + sum(self.exceptions.values())


class PolicyChange(Struct, frozen=True):
    """A configuration from the first run on that had it.

    `runs` is how many had it in a row, `until` when the first one had another, None for the one that holds. `commit`
    brought it as it is. `config` is None for runs of releases that did not note it.
    """

    since: datetime
    config: str | None
    run: str
    runs: Count
    until: datetime | None = None
    commit: str | None = None
    author: str | None = None
    review: Review | None = None
    target: str = ""
    environment: str | None = None


class Anchor(Struct, frozen=True):
    """Something kept outside the ledger that names a state of it. `missing` are heads that this ledger does not have.

    `named` is how many heads it names: one that names none proves nothing.
    """

    what: str
    named: Count
    missing: tuple[str, ...] = ()


class ArchivedRun(Struct, frozen=True):
    """One run in an archive of the ledger: its head, and where its gzip member lies in the packed file."""

    path: str
    lines: int
    hash: str
    offset: int
    size: int

    @property
    def head(self) -> Head:
        """The last line of the run."""
        return Head(self.path, self.hash, self.lines)


class ArchiveList(Struct, frozen=True):
    """The list beside a packed file: its SHA-256, and the runs in it."""

    sha256: str
    runs: tuple[ArchivedRun, ...]
    version: Literal[1] = 1
