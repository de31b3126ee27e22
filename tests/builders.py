"""Values with sensible defaults, so that a test names only what it is about."""

from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import structs

from reconciler.model.decision import NOWHERE, Decision, OfDecision, Source
from reconciler.model.plan import Plan, Step
from reconciler.model.receipt import Outcome, Proof, Receipt
from reconciler.model.record import LastWrite
from reconciler.model.status import State, Status, approved
from reconciler.model.ticket import Guid, LiveTicket
from reconciler.model.verdict import Reason

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OBJECT = r"\VED\Policy\Web\www.example.com"
WORKFLOW = r"\VED\Policy\Workflows\Stage 0"

PENDING = State(Status.PENDING)
APPROVED = State(Status.APPROVED)
REJECTED = State(Status.REJECTED)


def guid(number: int) -> Guid:
    """A GUID that is easy to tell from its neighbours."""
    return Guid(f"{number:08x}-0000-4000-8000-000000000000")


def at(text: str) -> datetime:
    """An instant from ISO 8601 text with an offset."""
    return datetime.fromisoformat(text).astimezone(UTC)


def between(start: str, stop: str) -> State:
    return State(Status.APPROVED_BETWEEN, at(start), at(stop))


def after(start: str) -> State:
    return State(Status.APPROVED_AFTER, at(start))


def decision(number: int = 1, **changes: Any) -> Decision:
    values: dict[str, Any] = {
        "guid": guid(number),
        "wanted": approved(),
        "source": Source("tickets/web.yaml", 3 + number, 5),
        "explanation": "reviewed",
        "change": "CHG0041234",
    }
    return Decision(**(values | changes))


Held = TypeVar("Held", bound=OfDecision)


def holding(kind: type[Held], **values: Any) -> Held:
    """A value that holds a decision, from its own members and those of the decision, `after` among them."""
    own = {name: values.pop(name) for name in kind.__struct_fields__ if name in values}
    wanted = {"wanted": values.pop("after")}
    return kind(decision=Decision(**wanted, **values), **own)


def altered(value: Held, **changes: Any) -> Held:
    """A copy with other members, its own or those of its decision."""
    own = {name: changes.pop(name) for name in value.__struct_fields__ if name in changes}
    wanted = {"wanted": changes.pop("after")} if "after" in changes else {}
    decided = structs.replace(value.decision, **wanted, **changes)
    return structs.replace(value, **({"decision": decided} | own))


def live(number: int = 1, **changes: Any) -> LiveTicket:
    values: dict[str, Any] = {
        "guid": guid(number),
        "state": PENDING,
        "object": OBJECT,
        "workflow": WORKFLOW,
        "approvers": ("local:{b6e6a98b-6419-4497-9249-860d136dfba0}",),
        "reason": "Stage 0 needs an approval",
        "created": at("2026-11-20T08:00:00Z"),
        "updated": at("2026-11-20T08:00:00Z"),
    }
    return LiveTicket(**(values | changes))


def step(number: int = 1, **changes: Any) -> Step:
    values: dict[str, Any] = {
        "guid": guid(number),
        "reason": Reason.APPROVE_WANTED,
        "before": PENDING,
        "after": APPROVED,
        "source": Source("tickets/web.yaml", 3 + number, 5),
        "digest": "sha256:" + f"{number:064x}",
        "object": OBJECT,
        "workflow": WORKFLOW,
        "explanation": "reviewed",
        "change": "CHG0041234",
    }
    return holding(Step, **(values | changes))


def plan(*steps: Step, **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "tool": "tpp-reconciler 1.0.0",
        "target": "https://tpp.example.com",
        "made_at": NOW,
        "expires_at": at("2026-11-24T12:00:00Z"),
        "digest": "sha256:" + "0" * 64,
        "steps": steps,
    }
    return Plan(**(values | changes))


def receipt(number: int = 1, **changes: Any) -> Receipt:
    values: dict[str, Any] = {
        "guid": guid(number),
        "digest": "",
        "outcome": Outcome.APPLIED,
        "at": NOW,
        "before": PENDING,
        "after": APPROVED,
        "gone": True,
        "result": 1,
        "operation": f"{number:012x}",
        "proof": Proof.ACCEPTED,
        "object": OBJECT,
        "workflow": WORKFLOW,
    }
    return holding(Receipt, **(values | changes))


def last_write(**changes: Any) -> LastWrite:
    values: dict[str, Any] = {
        "after": APPROVED,
        "outcome": Outcome.APPLIED,
        "proof": Proof.CONFIRMED,
        "at": at("2026-11-22T12:00:00Z"),
        "run": "20261122T120000Z-000001",
        "operation": "6a1f09c2d4e7",
        "digest": "sha256:" + "1" * 64,
    }
    return holding(LastWrite, **({"guid": guid(1), "source": NOWHERE} | values | changes))
