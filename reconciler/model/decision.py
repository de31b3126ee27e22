"""What manifests say: decisions, where they stand in the text, and the faults of that text."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Struct, field

from reconciler.model.declared import Declared, Form
from reconciler.model.status import State, require_utc
from reconciler.model.ticket import Guid
from reconciler.model.value import Count


class Source(Struct, frozen=True, order=True):
    """A place in a file. Lines and columns count from 1; column 0 means the whole line, line 0 the whole file."""

    path: str
    line: Count = 0
    column: Count = 0

    def __str__(self) -> str:
        """Spell the place as editors and terminals understand it: path:line:column."""
        return ":".join([self.path, *(str(number) for number in (self.line, self.column) if number)])

    def __bool__(self) -> bool:
        """Whether it is a place at all: what was written long ago may not name one."""
        return bool(self.path)


NOWHERE = Source("")


class Severity(StrEnum):
    """How much a problem matters: an error refuses the run, a warning is only shown."""

    ERROR = "error"
    WARNING = "warning"


class Problem(Struct, frozen=True):
    """One fault a user can mend: a stable code, the place, what and why, and what to do."""

    code: str
    source: Source
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR


class ExpectedCertificate(Struct, frozen=True, omit_defaults=True):
    """The certificate that the reviewer saw. None means: not stated."""

    common_name: Annotated[str | None, Declared(Form.LINE, "Its common name, for example www.example.com.")] = None
    issuer: Annotated[str | None, Declared(Form.LINE, "Its issuer: the whole name, or the common name alone.")] = None


class Expectation(Struct, frozen=True, omit_defaults=True):
    """What the reviewer saw. A live ticket that differs is never touched. None means: not stated."""

    object: Annotated[
        str | None,
        Declared(
            Form.NAME,
            r"DN of the object that the ticket holds up, for example \VED\Policy\Web\www.example.com.",
        ),
    ] = None
    workflow: Annotated[
        str | None,
        Declared(
            Form.NAME,
            r"DN of the workflow that made the ticket, for example \VED\Policy\Workflows\Stage 0.",
        ),
    ] = None
    certificate: Annotated[
        ExpectedCertificate | None,
        Declared(
            Form.MEMBERS,
            "The certificate that the reviewer saw behind the ticket. When it differs, or can't be read, nothing is "
            "sent.",
        ),
    ] = None
    state: Annotated[
        State | None,
        Declared(
            Form.STATE,
            "The live state before the decision. A ticket in exactly this state is no conflict, whoever brought it "
            "there; the wanted state, and what the reconciler brought for this decision, pass as well. Any other is a "
            "mismatch.",
        ),
    ] = None


class Attestation(Struct, frozen=True, omit_defaults=True):
    """A decision that was made outside (the time in UTC). Nothing is sent for it."""

    by: Annotated[str, Declared(Form.LINE, "Who decided, for example AD+CORP:jdoe.")]
    at: Annotated[datetime, Declared(Form.TIME, "When it was decided.")]
    where: Annotated[str, Declared(Form.LINE, "Where it was decided, for example console.")]
    reason: Annotated[str, Declared(Form.TEXT, "Why. It is shown in the plan and recorded in the ledger.")]

    def __post_init__(self) -> None:
        """Refuse a time without an offset."""
        require_utc(self.at)

    def told(self, at: str) -> str:
        """Say in words what is attested; `at` is its time as the reader's view spells times."""
        return f"decided by {self.by} at {at} ({self.where}): {self.reason}"


class Parameters(Struct, frozen=True, omit_defaults=True):
    """The rarely needed parameters of an update. None means: not asked for, so never sent.

    Identities are as written (prefixed names) until they are resolved to prefixed universals.
    """

    reason: Annotated[str | None, Declared(Form.TEXT, sent_as="Reason")] = None
    approvers: Annotated[
        tuple[str, ...] | None,
        Declared(
            Form.IDENTITIES,
            "Identities as prefixed names (AD+CORP:jdoe) or prefixed universals (local:{…}).",
            sent_as="Approvers",
        ),
    ] = None
    object_dn: Annotated[str | None, Declared(Form.NAME, sent_as="ObjectDN")] = None
    user_data: Annotated[str | None, Declared(Form.TEXT, sent_as="UserData")] = None


class WindowUse(Struct, frozen=True, omit_defaults=True):
    """The named window that a decision's times come from. `rule` is its recurrence, empty for a single window."""

    name: str
    rule: str = ""


class Override(Struct, frozen=True):
    """A named, narrow exemption from one guard rule: for which tickets, why, and until when (UTC)."""

    rule: str
    tickets: frozenset[Guid]
    reason: str
    until: datetime
    source: Source


class OverrideUse(Struct, frozen=True, omit_defaults=True):
    """An exemption that let a change pass: the rule, why, until when (UTC), and where it stands."""

    rule: str
    reason: str
    until: datetime
    source: Source


class Decision(Struct, frozen=True):
    """What one manifest wants of one ticket. `rule` names the selector it was expanded from, if any.

    Of a decision that is read back from a ledger only that is known which the line says.
    `decided` says that `wanted` was decided outside, so that it is recorded and never sent.
    """

    guid: Guid
    wanted: State = field(name="after")
    source: Source = NOWHERE
    explanation: str | None = None
    change: str | None = None
    expect: Expectation = Expectation()
    valid_until: datetime | None = None
    parameters: Parameters = Parameters()
    window: WindowUse | None = None
    rule: str | None = None
    decided: Attestation | None = None


class OfDecision(Struct, frozen=True):
    """What follows from one decision and holds it: a step, then an intent, then a receipt.

    `digest` is that of what the decision wants (planning/digest.py). Formats call the digest "decision" and have the
    members of the decision beside it.
    """

    decision: Decision = field(name="decided")
    digest: str = field(name="decision")

    @property
    def guid(self) -> Guid:
        """The ticket."""
        return self.decision.guid

    @property
    def after(self) -> State:
        """The wanted state."""
        return self.decision.wanted

    @property
    def source(self) -> Source:
        """Where the decision stands."""
        return self.decision.source

    @property
    def change(self) -> str | None:
        """The change record of the decision."""
        return self.decision.change

    @property
    def window(self) -> WindowUse | None:
        """The named window that the wanted times come from."""
        return self.decision.window

    @property
    def rule(self) -> str | None:
        """The rule that the decision was expanded from."""
        return self.decision.rule

    @property
    def decided(self) -> Attestation | None:
        """Who made the decision outside, if somebody did."""
        return self.decision.decided

    @property
    def parameters(self) -> Parameters:
        """The rarely needed parameters of the update."""
        return self.decision.parameters


class Selection(Struct, frozen=True):
    """A bounded rule of a campaign: which tickets it takes and what it wants of each of them.

    `object`, `workflow` and `reason` are case-insensitive patterns; `at_most` is the most tickets it may match.
    """

    name: str
    wanted: State
    at_most: int
    source: Source
    object: str
    workflow: str | None = None
    reason: str | None = None
    created_before: datetime | None = None
    explanation: str | None = None
    change: str | None = None
    valid_until: datetime | None = None
    window: WindowUse | None = None


class Seal(Struct, frozen=True, order=True):
    """A manifest that has nothing left to decide: every decision in it is applied, and every ticket of it is gone.

    `content` is the SHA-256 digest of its text, `decisions` their number, `path` where it stood. GUIDs are never used
    again, so this holds as long as the text is the same.
    """

    path: str
    content: str
    decisions: Count


class Desired(Struct, frozen=True):
    """Everything that a set of manifests declares, in order of path and line, with warnings about it.

    `sealed` are manifests that were not read because the ledger has a seal for their text; `sealable` those that get
    one once all that they decide is done.
    """

    decisions: tuple[Decision, ...] = ()
    overrides: tuple[Override, ...] = ()
    selections: tuple[Selection, ...] = ()
    files: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    sealed: tuple[Seal, ...] = ()
    sealable: tuple[Seal, ...] = ()
