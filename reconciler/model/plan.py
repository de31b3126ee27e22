"""The plan: an ordered, frozen value that holds everything an apply needs."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter

from msgspec import Struct

from reconciler.model.certificate import CertificateContext
from reconciler.model.change_record import SeenChange
from reconciler.model.decision import Expectation, OfDecision, Override, OverrideUse, Seal
from reconciler.model.policy import Freeze, Limits
from reconciler.model.pull_request import NOTHING_ELSE, PullRequestContext
from reconciler.model.record import Head
from reconciler.model.status import State
from reconciler.model.ticket import Guid, dn_key
from reconciler.model.value import Count, replace
from reconciler.model.verdict import Group, Reason, Verdict


class Shard(Struct, frozen=True):
    """Part `number` (from 1) of `of`. Raises ValueError when the pair makes no sense."""

    number: int
    of: int

    def __post_init__(self) -> None:
        """Refuse a part that is not one of the parts."""
        if not 1 <= self.number <= self.of:
            raise ValueError(f"shard {self.number}/{self.of}: the first number must be between 1 and the second")

    def owns(self, object_dn: str) -> bool:
        """Return whether this shard works on the object with this DN (compared without case)."""
        digest = hashlib.sha256(dn_key(object_dn).encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1

    def __str__(self) -> str:
        """Spell the shard as the command line takes it: K/N."""
        return f"{self.number}/{self.of}"


def parse_shard(text: str) -> Shard:
    """Read K/N. Raises ValueError for anything else."""
    number, _, of = text.partition("/")
    return Shard(int(number), int(of))


class Sibling(Struct, frozen=True):
    """Another ticket on the same object. `wanted` is its planned status, None when no manifest names it."""

    guid: Guid
    workflow: str = ""
    wanted: str | None = None


class EntryEdit(Struct, frozen=True, omit_defaults=True):
    """What an entry has to say so that its trouble ends: `wanted` as status and schedule, `seen` under `expect`.

    `undecided` says that its `decided` has to go. What is None stays as it is.
    """

    wanted: State | None = None
    seen: State | None = None
    undecided: bool = False


class Step(OfDecision, frozen=True):
    """One decision held against the live ticket and the ledger.

    The decision wants the times that an earlier run settled on for a recurring window. `before` is the live state
    (None when there is none to see). `known_from` says where the live schedule was learnt: "server" or "ledger".
    `operation` is the tag of an earlier run whose intent has no receipt yet, if any. `detail` is one sentence for a
    person, `edit` what its entry would have to say. `named` says that a manifest names the ticket, which is not so of
    what the ledger alone knows. `own` says that this run is judged by it, which is not so of what its pull request, or
    the merge that it follows, leaves as it was. `approvers`, `approval_reason` and `created` are the live ticket's, for
    review and for the staleness check. `context` is what is known of the certificate, for people; no digest has it.
    """

    reason: Reason
    before: State | None = None
    detail: str = ""
    object: str = ""
    workflow: str = ""
    approvers: tuple[str, ...] = ()
    approval_reason: str = ""
    known_from: str = "server"
    siblings: tuple[Sibling, ...] = ()
    operation: str | None = None
    closed: bool = False
    created: datetime | None = None
    change_record: SeenChange | None = None
    context: CertificateContext | None = None
    overridden: tuple[OverrideUse, ...] = ()
    edit: EntryEdit | None = None
    named: bool = True
    own: bool = True

    @property
    def explanation(self) -> str | None:
        """The text of the decision that goes to the server."""
        return self.decision.explanation

    @property
    def expect(self) -> Expectation:
        """What the reviewer of the decision saw."""
        return self.decision.expect

    @property
    def valid_until(self) -> datetime | None:
        """Until when the decision may be carried out."""
        return self.decision.valid_until

    @property
    def verdict(self) -> Verdict:
        """The verdict, which the reason code implies."""
        return self.reason.verdict

    @property
    def group(self) -> Group:
        """Whether the step writes, is fine, or needs attention."""
        return self.verdict.group


class Control(Struct, frozen=True, omit_defaults=True):
    """What one guard found, for the controls table: `result` is ok, refused, overridden or off.

    `value` is what the policy says, in words.
    """

    name: str
    result: str
    detail: str
    value: str = ""


class FolderLimits(Struct, frozen=True, omit_defaults=True):
    """The limits of a folder, and the manifests that they are for."""

    name: str
    limits: Limits
    files: tuple[str, ...] = ()


class Plan(Struct, frozen=True):
    """What an apply would do, and why. Steps are sorted by GUID; `digest` covers meaning only.

    `ledger_heads` are the last lines of the ledger that the plan was made from, `ledger_head` is the hash over them. A
    plan of format `version` 1 names no heads and has no checksum; it can be shown, and not applied. `notes` are things
    a reviewer must look at. `freezes` are those of the policy, for timelines; `limits` and `folder_limits` are held
    against the whole again when the plans of shards are merged. `sealed` are manifests whose decisions have no steps,
    because the ledger says that all of them are settled. `part` says which decisions were asked for, None when all
    were; `left_out` is how many others there are. `pull_request` is what the pull request that is planned changes
    besides decisions, `timezone` the zone that its configuration names. Instants are UTC.
    """

    tool: str
    target: str
    made_at: datetime
    expires_at: datetime
    digest: str
    steps: tuple[Step, ...]
    environment: str | None = None
    commit: str | None = None
    shard: str | None = None
    ledger_head: str | None = None
    ledger_heads: tuple[Head, ...] = ()
    identity: str | None = None
    overrides: tuple[Override, ...] = ()
    controls: tuple[Control, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    limits: Limits = Limits()
    notes: tuple[str, ...] = ()
    sealed: tuple[Seal, ...] = ()
    part: str | None = None
    left_out: Count = 0
    version: Count = 2
    pull_request: PullRequestContext = NOTHING_ELSE
    timezone: str | None = None
    folder_limits: tuple[FolderLimits, ...] = ()

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many steps have each verdict that occurs, in the order of the verdicts."""
        counted: Counter[Verdict] = Counter()
        for reason, count in Counter(map(attrgetter("reason"), self.steps)).items():
            counted[reason.verdict] += count
        return {verdict: counted[verdict] for verdict in Verdict if counted[verdict]}

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that write."""
        return tuple([step for step in self.steps if step.reason.verdict.group is Group.CHANGE])

    @property
    def others(self) -> tuple[Step, ...]:
        """The steps that write or need attention, and that this run is not judged by."""
        return tuple([step for step in self.steps if not step.own and step.reason.verdict.group is not Group.FINE])

    @property
    def own(self) -> "Plan":
        """What the run is judged by: the plan without `others`."""
        others = frozenset(step.guid for step in self.others)
        return replace(self, steps=tuple(step for step in self.steps if step.guid not in others)) if others else self

    @property
    def without_step(self) -> int:
        """How many decisions have no step here: they are sealed, or were not asked for."""
        return self.decisions_sealed + self.left_out

    @property
    def decisions_sealed(self) -> int:
        """How many decisions have no step because their manifest is sealed."""
        return sum(seal.decisions for seal in self.sealed)


class Look(Struct, frozen=True):
    """An earlier plan of the same pull request. `by` is the reviewer who saw it, None for the commit before."""

    plan: Plan
    by: str | None = None
