"""The parts that make up the sandbox's TPP, and one call to it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from reconciler.model.canonical import Json
from reconciler.sandbox.behaviour import Behaviour
from reconciler.sandbox.clock import SandboxClock
from reconciler.sandbox.faults import Faults
from reconciler.sandbox.grants import Grant, Grants
from reconciler.sandbox.identities import Directory
from reconciler.sandbox.log import Log
from reconciler.sandbox.reply import Reply
from reconciler.sandbox.ways_in import WaysIn
from reconciler.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Platform:
    """Everything that the handlers of calls work on."""

    clock: SandboxClock
    behaviour: Behaviour
    directory: Directory
    world: World
    grants: Grants
    ways_in: WaysIn
    faults: Faults = field(default_factory=Faults)
    log: Log = field(default_factory=Log)


@dataclass(frozen=True, slots=True)
class Call:
    """One call whose token and scope are in order. `subject` is the common name of the verified client certificate."""

    body: Mapping[str, Json]
    grant: Grant | None = None
    subject: str | None = None


Handler = Callable[[Platform, Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API description. `scope` is None when no token is needed at all."""

    operation: str
    method: str
    handler: Handler
    scope: str | None
