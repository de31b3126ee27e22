"""What a plan is asked for."""

from dataclasses import dataclass
from enum import Enum, auto

from reconciler.app.tickets import Wanted
from reconciler.model.plan import Shard
from reconciler.model.review import Emergency
from reconciler.model.ticket import Guid


class Seals(Enum):
    """What seals of manifests mean to a plan."""

    IGNORED = auto()
    """Every manifest is read."""
    RESPECTED = auto()
    """Sealed manifests stay unread."""
    RESPECTED_AND_SOUGHT = auto()
    """The same, and manifests that can be sealed are noted."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which decisions to plan. No paths are those of the configuration; `only` is a single ticket, `wanted` are some.

    `emergency` is what two people decide of that ticket without a pull request. `recheck` reads tickets again that the
    ledger has seen to be gone, and manifests with nothing left to decide. `certificates` are read for people; those
    that a change depends on are always read.
    """

    paths: tuple[str, ...] = ()
    shard: Shard | None = None
    since: str | None = None
    only: Guid | None = None
    seals: Seals = Seals.RESPECTED
    recheck: bool = False
    certificates: bool = True
    wanted: Wanted = Wanted()
    emergency: Emergency | None = None

    @property
    def part(self) -> str | None:
        """Which part of the decisions is asked for, in words of the command line; None for all of them."""
        return " ".join(filter(None, (f"--since {self.since}" if self.since else "", str(self.wanted)))) or None

    @property
    def is_whole(self) -> bool:
        """Whether these are all decisions that the configuration names."""
        return not (self.paths or self.shard or self.since or self.only or self.wanted)
