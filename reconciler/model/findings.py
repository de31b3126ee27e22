"""What the commands beside plan and apply find: an import, a tidy, a reschedule, an explanation."""

from collections.abc import Mapping
from datetime import datetime, tzinfo

from msgspec import Struct, field

from reconciler.model.certificate import CertificateContext
from reconciler.model.decision import Problem, Source
from reconciler.model.plan import EntryEdit, Step
from reconciler.model.record import Line
from reconciler.model.status import Schedule, Status
from reconciler.model.ticket import Found, Guid, LiveTicket, Reading
from reconciler.model.verdict import Reason


class Intake(Struct):
    """Tickets by what became of them. `written` maps a file to the tickets that were added to it, in order.

    `known` are named by manifests already, `as_they_are` were written with the state that they have, which is not plain
    pending, `decided` have one that no manifest can spell, `hidden` are denied to us, `gone`
    are not there, `unread` could not be read (with the reason), `not_ours` were written although the caller is
    not among their approvers. `objects` are the DNs of those that were written. `notes` say what the server or the
    token left open.
    """

    written: dict[str, list[Guid]] = field(default_factory=dict)
    known: list[Guid] = field(default_factory=list)
    as_they_are: list[Guid] = field(default_factory=list)
    decided: list[Guid] = field(default_factory=list)
    hidden: list[Guid] = field(default_factory=list)
    gone: list[Guid] = field(default_factory=list)
    unread: dict[Guid, str] = field(default_factory=dict)
    not_ours: list[Guid] = field(default_factory=list)
    objects: dict[Guid, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many tickets were written."""
        return sum(len(guids) for guids in self.written.values())

    def as_json(self) -> Mapping[str, object]:
        """Return the report as plain values, everything sorted."""
        return {
            "version": 1,
            "written": {file: sorted(guids) for file, guids in sorted(self.written.items())},
            "known": len(self.known),
            "as_they_are": sorted(self.as_they_are),
            "decided": sorted(self.decided),
            "hidden": sorted(self.hidden),
            "gone": sorted(self.gone),
            "unread": dict(sorted(self.unread.items())),
            "not_ours": sorted(self.not_ours),
            "notes": list(self.notes),
        }


class Waiting(Struct, frozen=True):
    """A ticket that is there, with what the manifests want of it and what the ledger knows.

    `wanted` is None when no manifest names it, `outcome` empty when the ledger has nothing, `days_left` those of the
    certificate where somebody asked. `ours` says that the caller is among its approvers.
    """

    ticket: LiveTicket
    wanted: str | None = None
    source: Source | None = None
    change: str | None = None
    outcome: str = ""
    ours: bool = True
    days_left: int | None = None

    @property
    def undecided(self) -> bool:
        """Whether it is pending, and nothing else is wanted of it."""
        return self.ticket.state.status == Status.PENDING and self.wanted in (None, Status.PENDING)


class Waitings(Struct, frozen=True):
    """Tickets that wait, and those that could not be read, each with the reason."""

    now: datetime
    rows: tuple[Waiting, ...] = ()
    unread: Mapping[Guid, str] = field(default_factory=dict)


class Settlement(Struct, frozen=True):
    """The ledger's proof that a decision was applied: run, time and outcome of the receipt, its hash and its place."""

    guid: Guid
    run: str
    at: str
    outcome: str
    hash: str
    source: Source

    @property
    def proof(self) -> str:
        """What proves it, in words. Of what others closed the ledger has nothing: there the reading counts."""
        return f"by run {self.run} at {self.at}, receipt {self.hash}" if self.run else f"seen gone at {self.at}"


class Stay(Struct, frozen=True):
    """An entry that stays where it is, with the reason of its verdict."""

    guid: Guid
    source: Source
    reason: Reason


class Tidied(Struct, frozen=True):
    """`moved` maps a manifest to its file in the history and the proofs of the entries that went there."""

    moved: Mapping[str, tuple[str, tuple[Settlement, ...]]]
    stays: tuple[Stay, ...]


class Proposal(Struct, frozen=True):
    """The next window for a step whose window is over. `how` says how it was found, `zone` is where it is local.

    `late` is the step's `valid_until` (UTC) when it has passed, `frozen` the name of a freeze that the new window
    touches: the new window alone does not help then.
    """

    step: Step
    times: Schedule
    how: str
    zone: tzinfo | None = None
    late: datetime | None = None
    frozen: str | None = None


class NoProposal(Struct, frozen=True):
    """A step whose trouble no edit ends by itself, or one that only a person can make."""

    step: Step
    why: str


class Amendment(Struct, frozen=True):
    """A step whose entry is made to say what it has to, so that its trouble ends."""

    step: Step
    edit: EntryEdit


Rescheduled = Proposal | Amendment | NoProposal


class Declaration(Struct, frozen=True):
    """The commit that last changed the line of a decision, as git blame tells it; None while it is not committed."""

    commit: str | None
    author: str = ""
    at: datetime | None = None


class Sighted(Struct, frozen=True):
    """A ticket on the same object that the server lists, where a manifest names it, and itself when it can be read."""

    guid: Guid
    source: Source | None = None
    ticket: LiveTicket | None = None


class Approver(Struct, frozen=True):
    """Somebody who decides about a ticket: identity, name where it is known, and when the ledger has an approval.

    `listed` is whether the ticket names this identity; somebody else approved for a group, or before the list changed.
    """

    identity: str
    name: str = ""
    approved_at: datetime | None = None
    listed: bool = True


class Explanation(Struct, frozen=True):
    """One ticket as seen at `now` (UTC): its step when a manifest names it, the reading, its history in the ledger.

    `archived` are the places in the history that name it, `certificate` is what is known of the one behind it,
    `approvers` are its approvers and whoever else approved, `updated_by` is who changed it last, as far as the token
    may know.
    """

    guid: Guid
    now: datetime
    reading: Reading
    step: Step | None = None
    declaration: Declaration | None = None
    archived: tuple[Source, ...] = ()
    history: tuple[Line, ...] = ()
    siblings: tuple[Sighted, ...] = ()
    notes: tuple[str, ...] = ()
    certificate: CertificateContext | None = None
    approvers: tuple[Approver, ...] = ()
    updated_by: str = ""

    @property
    def due(self) -> tuple[Approver, ...]:
        """Whose approval the ticket still waits for; nobody's once it is decided."""
        pending = isinstance(self.reading, Found) and self.reading.ticket.state.status == Status.PENDING
        return tuple(each for each in self.approvers if pending and each.listed and each.approved_at is None)


class JobFailure(Struct, frozen=True, omit_defaults=True):
    """Why a job made no plan or no report: the error that ended it, with every fault of every file."""

    message: str
    hint: str = ""
    problems: tuple[Problem, ...] = ()
