"""The sandbox's clock: somebody else's time plus an offset that a test can move."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Now(Protocol):
    """Whatever knows the time."""

    def now(self) -> datetime:
        """The current instant, UTC."""
        ...


@dataclass(slots=True)
class RealTime:
    """The time of this machine."""

    def now(self) -> datetime:
        """The current instant, UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class SandboxClock:
    """The time that the sandbox believes in. `moved` is called with every new offset."""

    source: Now = field(default_factory=RealTime)
    offset: timedelta = timedelta(0)
    moved: Callable[[timedelta], None] = lambda _: None

    def now(self) -> datetime:
        """The current instant, UTC."""
        return self.source.now() + self.offset

    def advance(self, step: timedelta) -> datetime:
        """Move the clock and return the new instant."""
        self.offset += step
        self.moved(self.offset)
        return self.now()

    def set(self, moment: datetime) -> datetime:
        """Make it `moment` now."""
        return self.advance(moment - self.now())
