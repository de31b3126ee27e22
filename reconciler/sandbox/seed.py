"""What a sandbox starts with."""

from dataclasses import dataclass, field
from datetime import timedelta

from reconciler.model.status import Schedule, Status
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.identities import GROUP, Identity
from reconciler.sandbox.ways_in import WaysIn
from reconciler.sandbox.world import DEFAULT_WORKFLOW

FULL_SCOPE = "certificate:approve,manage;configuration:delete,manage"
OFFERED_SCOPE = "certificate:approve,delete,discover,manage,revoke;configuration:delete,manage;ssh:manage"
APPROVER = Identity("local:{b6e6a98b-6419-4497-9249-860d136dfba0}", "local:svc-approver", "Approval service")
JOE = Identity("AD+CORP:7d0b9c1e55aa4f40", "AD+CORP:jdoe", "Joe Doe", groups=("AD+CORP:0f9e3d7c21bb4a12",))
JANE = Identity("AD+CORP:3c5e8a6f77cd4e21", "AD+CORP:jane", "Jane Roe")
PKI_TEAM = Identity("AD+CORP:0f9e3d7c21bb4a12", "AD+CORP:pki-team", "PKI team", GROUP)


@dataclass(frozen=True, slots=True)
class TicketSeed:
    """A ticket to start with. Approvers and denied identities in any spelling; None means the approval service."""

    guid: str
    object: str
    workflow: str = DEFAULT_WORKFLOW
    approvers: tuple[str, ...] | None = None
    denied: tuple[str, ...] = ()
    reason: str = "An approval is needed"
    status: Status = Status.PENDING
    schedule: Schedule | None = None
    explanation: str = ""
    user_data: str = ""
    stage: int = 0
    age: timedelta = timedelta(days=1)
    new: bool = False


@dataclass(frozen=True, slots=True)
class TokenSeed:
    """A static access token. `identity` in any spelling; without `lifetime` it lives as long as any."""

    token: str = field(repr=False)
    identity: str = APPROVER.name
    scope: str = FULL_SCOPE
    application: str = "reconciler"
    lifetime: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Seed:
    """Everything that is there when the sandbox starts for the first time."""

    identities: tuple[Identity, ...] = (APPROVER, JOE, JANE, PKI_TEAM)
    ways_in: WaysIn = WaysIn(
        applications={"reconciler": OFFERED_SCOPE, "vcert-sdk": OFFERED_SCOPE},
        users={"svc-approver": APPROVER.universal, "jdoe": JOE.universal},
        passwords={"svc-approver": "correct horse battery staple", "jdoe": "passw0rd-of-joe"},
        certificates={"svc-approver": APPROVER.universal},
    )
    tokens: tuple[TokenSeed, ...] = ()
    tickets: tuple[TicketSeed, ...] = ()
    behaviour: Behaviour = Behaviour()
