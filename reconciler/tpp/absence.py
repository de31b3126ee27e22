"""How long a server that is away is waited for: one end for all calls of a run, so that what is announced is true."""

from dataclasses import dataclass, field
from threading import Lock

_NEVER = float("-inf")


@dataclass(slots=True, eq=False)
class Absence:
    """What the calls of a run know of a server that is away, on their steady clock. Thread-safe.

    Whoever can't connect finds all of it away. HTTP 503 may be about one call, while others are answered.
    """

    _unreachable: float | None = None
    _since: dict[str, float] = field(default_factory=dict)
    _announced_until: float = _NEVER
    _lock: Lock = field(default_factory=Lock)

    def noticed(self, call: str, at: float, *, connected: bool) -> None:
        """Learn that a call which was made then found the server away."""
        with self._lock:
            if connected:
                self._since.setdefault(call, at)
            elif self._unreachable is None:
                self._unreachable = at

    def ended(self, call: str) -> None:
        """Learn that the server answered a call: from then on every call can reach it."""
        if self._since or self._unreachable is not None:
            with self._lock:
                self._unreachable = None
                self._since.pop(call, None)

    def since(self, call: str, now: float) -> float:
        """Return when a call was answered no more. It is now where it has just been answered again."""
        known = (self._since.get(call), self._unreachable)
        return min((at for at in known if at is not None), default=now)

    def is_news(self, until: float, now: float) -> bool:
        """Whether to announce that it is waited for until then: only once until what was announced has passed."""
        with self._lock:
            news = now >= self._announced_until
            if news:
                self._announced_until = until
            return news
