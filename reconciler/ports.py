"""What the rooms need of the world, declared for those who use it.

Nothing here can be called by accident: a reader has no method that writes.
"""

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from reconciler.model.certificate import CertificateContext
from reconciler.model.change_record import ChangeNote, ChangeQuestion, ChangeRecord, NoChangeRecord
from reconciler.model.decision import Parameters
from reconciler.model.record import Entry
from reconciler.model.review import People
from reconciler.model.settings import ContextSettings
from reconciler.model.status import State, format_instant
from reconciler.model.ticket import Answer, Guid, Reading


@dataclass(frozen=True, slots=True)
class Update:
    """One UpdateStatus call: everything that is to be sent, and nothing that was not asked for."""

    guid: Guid
    wanted: State
    explanation: str | None = None
    parameters: Parameters = Parameters()


Readings = Generator[tuple[Guid, Reading], None, None]
"""Tickets that are being read, as they come."""


class TicketReader(Protocol):
    """Reads tickets. A ticket that is not seen is read again after one Permissions/Refresh per run."""

    def read(self, guid: Guid) -> Reading:
        """Read one ticket; every fault is a value. Safe to call from several threads."""
        ...

    def read_many(self, guids: Iterable[Guid]) -> Readings:
        """Begin to read many tickets at once, and yield them as they come, each GUID exactly once.

        Whoever closes what is returned after having taken something from it ends the reading.
        """
        ...


class CertificateReader(Protocol):
    """Reads which certificates are behind tickets, for people who review them."""

    def read(self, objects: Mapping[str, bool]) -> Mapping[str, CertificateContext]:
        """Return for each DN its certificate, or why there is none; every fault is a value.

        Those with True are read in full, the others as far as it takes few calls.
        """
        ...


class TicketWriter(Protocol):
    """Writes tickets. It never sends one update twice."""

    def update(self, update: Update) -> Answer:
        """Send one UpdateStatus and say what is known of it; every fault is a value. Thread-safe."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token this is, and what it may do.

    `expires_at` is when its grant ends, `valid_until` when the token itself does (UTC; None: the server does not say).
    """

    identity: str
    scope: str
    may_write: bool
    expires_at: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """What names turned out to be: the identities of those that were found, and why the others were not."""

    universals: Mapping[str, str]
    unresolved: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LastUpdate:
    """Who updated a ticket last, by the name that people write, and when (UTC; None: not told)."""

    by: str
    at: datetime | None = None

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.by} at {format_instant(self.at)}" if self.at else self.by


class Health(StrEnum):
    """How a probe went."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that was looked at."""

    name: str
    health: Health
    says: str
    remedy: str = ""


class Backend(Protocol):
    """A connection to one server that answers questions. It has no method that writes."""

    @property
    def product(self) -> str:
        """The product's name in the table of backends."""
        ...

    @property
    def target(self) -> str:
        """The server, spelled as plans and ledgers name it."""
        ...

    def reader(self) -> TicketReader:
        """Return what reads tickets."""
        ...

    def certificates(self, settings: ContextSettings) -> CertificateReader:
        """Return what reads certificates, within these bounds."""
        ...

    def find(self, object_dn: str | None = None) -> Iterable[Guid]:
        """Return the tickets on an object, or without one those of the caller. Raises ServerFailure."""
        ...

    def caller(self) -> Caller:
        """Ask whose token this is. Raises ServerFailure."""
        ...

    def identities(self) -> frozenset[str]:
        """Return the caller and its groups in their stable form. Raises ServerFailure."""
        ...

    def resolve(self, names: Iterable[str]) -> Resolution:
        """Turn names of people into their stable form. Raises ServerFailure."""
        ...

    def names(self, identities: Iterable[str]) -> Mapping[str, str]:
        """Return the names that people write for identities in their stable form; what is not known is left out."""
        ...

    def who_decided(self, guids: Iterable[Guid]) -> Mapping[Guid, LastUpdate]:
        """Return who updated tickets last, and when; what is not known is left out."""
        ...

    def check_before_writing(self, changes: int) -> Caller:
        """Refuse a run that would be refused half-way. Raises CredentialsRefused, ServerFailure."""
        ...

    def ends(self) -> Mapping[str, datetime]:
        """Return when credentials end, as far as it is known: `token`, `grant`, `certificate`. Raises ServerFailure."""
        ...

    def activity(self) -> str:
        """Return what a run waits for just now, such as `16 calls in flight`."""
        ...

    def notes(self) -> tuple[str, ...]:
        """Return what the report of a run should say of the server: nothing when it never pushed back."""
        ...

    def probes(self) -> Iterable[Probe]:
        """Look at the token and at what it allows."""
        ...


class Ledger(Protocol):
    """The append-only record of one run."""

    def append(self, entry: Entry) -> None:
        """Write one entry; it is on disk when this returns. Thread-safe. Raises LedgerUnwritable."""
        ...


class Reviews(Protocol):
    """Who decided on what a branch holds: all that four eyes ask of the place where reviews take place."""

    def behind(self, sha: str, branch_commits: frozenset[str] = frozenset()) -> People:
        """Return who reviewed what brought a commit to the branch; what can't be established is not reviewed.

        `branch_commits` are those that the branch ever pointed at.
        """
        ...


class ChangeRecords(Protocol):
    """Looks up the change records that decisions name."""

    def lookup(self, questions: Sequence[ChangeQuestion]) -> Mapping[str, ChangeRecord | NoChangeRecord]:
        """Return a record, or why there is none, for each id that is asked for; every fault is a value."""
        ...


class ChangeNotes(Protocol):
    """Leaves notes on change records. It writes nothing else."""

    def tell(self, notes: Sequence[ChangeNote]) -> Mapping[str, str]:
        """Leave each note that is not there yet; return, by id, why one could not be left. Every fault is a value."""
        ...


class Clock(Protocol):
    """Time, so that tests own it."""

    def now(self) -> datetime:
        """The current instant, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


GLANCE = 1.0
"""Seconds after which whoever waits looks whether the end came nearer."""


@dataclass(slots=True, eq=False)
class Deadline:
    """The instant at which what a run still does has to end. A signal brings it nearer while calls go on.

    `ends_at` is on the steady clock; one that is `within` another ends no later than that. Thread-safe, and safe to
    move in the handler of a signal: it has no lock.
    """

    clock: Clock
    own: float = math.inf
    within: "Deadline | None" = None
    moved: bool = False
    """Whether it was brought nearer, so that nothing new may begin."""

    @property
    def ends_at(self) -> float:
        """The instant, infinity for none."""
        return self.own if self.within is None else min(self.own, self.within.ends_at)

    @property
    def is_near(self) -> bool:
        """Whether the run was told to end."""
        return self.moved or (self.within is not None and self.within.is_near)

    def left(self) -> float:
        """Seconds until then, infinity without an end."""
        return self.ends_at - self.clock.monotonic()

    def end_within(self, seconds: float) -> None:
        """Bring it nearer: what is under way gets so many seconds, unless it had fewer."""
        self.own, self.moved = min(self.own, self.clock.monotonic() + seconds), True

    def part(self, seconds: float | None) -> "Deadline":
        """Return one for a part of the work, which ends no later; None means that nothing else ends it."""
        return Deadline(self.clock, math.inf if seconds is None else self.clock.monotonic() + seconds, self)

    def pause(self, seconds: float) -> None:
        """Wait, and not beyond the end, should that come nearer meanwhile."""
        self.pause_until(self.clock.monotonic() + seconds)

    def pause_until(self, instant: float) -> None:
        """Wait until an instant on the steady clock, and not beyond the end, should that come nearer meanwhile."""
        while (wait := min(instant, self.ends_at) - self.clock.monotonic()) > 0:
            self.clock.sleep(min(wait, GLANCE))


class Stop(Protocol):
    """Whether new writes are still allowed: signals, the stop file, the stop variable."""

    def reason(self) -> str | None:
        """Return why no new write may start, None while one may."""
        ...


Progress = Callable[[int], None]
"""Called with the number of items done since the last call."""


class Observer(Protocol):
    """Is told what a use case is doing, for people who wait. Nothing that it does changes an outcome."""

    def progress(self, label: str, total: int, activity: Callable[[], str]) -> AbstractContextManager[Progress]:
        """Begin to show how much of `total` is done; `activity` says what it waits for."""
        ...

    def notice(self, text: str) -> None:
        """Show one sentence."""
        ...

    def is_new(self, what: str) -> bool:
        """Return whether this is to be told: not where it was told before on this machine."""
        ...

    def run_named(self, run: str) -> None:
        """Learn the id of the run, so that log lines and ledger lines can be brought together."""
        ...
