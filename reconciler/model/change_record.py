"""Change records: what another system says of the change that a decision names."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field


class ChangeKind(StrEnum):
    """Where change records live."""

    SERVICENOW = "servicenow"
    JIRA = "jira"
    HTTP = "http"


class ChangeSystem(Struct, frozen=True):
    """How to reach the change records. Credentials never stand in the configuration.

    `timeout` is in seconds for one call. `states` maps what the system says to our words, beside the defaults of its
    kind. `fields` names the Jira fields of `start`, `stop` and `approval`, which differ from site to site.
    `ca_bundle` is a file (PEM) with the authorities to trust instead of the system's. `comment` leaves what an apply
    did on the record. `people` maps those who request changes to their logins on GitHub. `keyring` is a service of the
    system's keyring that has the credentials.
    """

    kind: ChangeKind
    url: str
    timeout: float = 10.0
    states: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    ca_bundle: str | None = None
    comment: bool = False
    people: Mapping[str, str] = field(default_factory=dict)
    keyring: str | None = None


class ChangeRecord(Struct, frozen=True, omit_defaults=True):
    """A change record as its system showed it. Instants are UTC; empty text and None mean that it says nothing.

    `state`, `approval` and `type` are lower-case words (`scheduled`, `approved`, `emergency`). `start` and `stop` are
    the planned window. `affected` are the names or ids of the configuration items. `allowed` is the verdict of a
    service of the user's own, with its `reason`; None where the system gives facts only.
    """

    id: str
    seen_at: datetime
    state: str = ""
    approval: str = ""
    type: str = ""
    start: datetime | None = None
    stop: datetime | None = None
    on_hold: bool = False
    closed: bool = False
    url: str = ""
    title: str = ""
    group: str = ""
    requester: str = ""
    affected: tuple[str, ...] = ()
    allowed: bool | None = None
    reason: str = ""


class LookupFailure(StrEnum):
    """Why there is no record. Nobody may take one for the other: a system that is away proves nothing."""

    NOT_FOUND = "not-found"
    UNAVAILABLE = "unavailable"


class NoChangeRecord(Struct, frozen=True):
    """No record: it is absent (or not visible to the account), or the system could not be asked.

    `hint` says what to do.
    """

    id: str
    failure: LookupFailure
    why: str
    hint: str = ""


class SeenChange(Struct, frozen=True, omit_defaults=True):
    """What the guard saw of a change record, as plans and ledger lines keep it. Instants are UTC.

    `unchecked` says why the record could not be looked up. `requester` is there when the policy asks who requested it.
    """

    id: str
    seen_at: datetime
    state: str = ""
    approval: str = ""
    type: str = ""
    start: datetime | None = None
    stop: datetime | None = None
    url: str = ""
    title: str = ""
    requester: str = ""
    unchecked: str = ""


class ChangeDecision(Struct, frozen=True, omit_defaults=True):
    """One decision that names a change, for services that judge by more than the id. Instants are UTC."""

    guid: str
    object: str
    workflow: str
    status: str
    start: datetime | None = None
    stop: datetime | None = None
    explanation: str = ""
    author: str = ""
    reviewers: tuple[str, ...] = ()


class ChangeQuestion(Struct, frozen=True):
    """Which change is asked for, and the decisions that name it."""

    id: str
    decisions: tuple[ChangeDecision, ...] = ()


class ChangeOutcome(Struct, frozen=True, omit_defaults=True):
    """What became of one ticket of a change."""

    guid: str
    object: str
    outcome: str
    detail: str = ""


class ChangeNote(Struct, frozen=True):
    """What a run did for one change, to be left on its record. `text` says it, and names the run."""

    id: str
    run: str
    text: str
    ledger_head: str = ""
    outcomes: tuple[ChangeOutcome, ...] = ()
