"""Adaptive concurrency limit: halves when the server pushes back, grows again while it does not (AIMD)."""

from dataclasses import dataclass
from threading import Condition, Lock

from reconciler.ports import GLANCE, Clock, Deadline

_NEVER = float("-inf")
LONGEST_PAUSE = 120.0
"""Seconds; a Retry-After that asks for more is taken as this much."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What a run reached: calls in flight as configured, at the lowest, and at the end."""

    configured: int
    lowest: int
    last: int
    pushed_back: int = 0

    def described(self, what: str) -> str:
        """Return it in words; `what` names the calls."""
        if not self.pushed_back:
            return f"{what}: up to {self.configured} at once, the server never pushed back"
        times = f"{self.pushed_back} time{'s' if self.pushed_back > 1 else ''}"
        return (
            f"{what}: the server pushed back {times}; "
            f"from {self.configured} at once down to {self.lowest}, {self.last} at the end"
        )


class Slot:
    """The right to one call, the same for all calls of one pace: it tells push-back that is news from old news."""


class AdaptiveLimiter:
    """Limits one class of calls for all threads. The configured number is start and maximum."""

    def __init__(self, configured: int, clock: Clock) -> None:
        """Start with all slots open."""
        self._clock = clock
        self._lock = Lock()
        self._freed = Condition(self._lock)
        self._configured = self._limit = self._lowest = configured
        self._in_flight = self._waiting = self._successes = self._pushed_back = 0
        self._slot = Slot()
        self._pause_until = _NEVER

    def acquire(self, deadline: Deadline) -> Slot:
        """Wait for the shared pause to end, until the deadline at the most, and for a free slot, and take it.

        Whoever acquires has to release. This stands in the way of every call, so it does little when nobody waits.
        """
        while True:
            with self._lock:
                if self._waiting or self._in_flight >= self._limit:
                    self._wait_for_a_slot()
                paused = self._pause_until != _NEVER
                wait = min(self._pause_until - self._clock.monotonic(), deadline.left()) if paused else 0.0
                if wait <= 0:
                    self._in_flight += 1
                if self._waiting:
                    self._call_the_next()
                if wait <= 0:
                    return self._slot
            self._clock.sleep(min(wait, GLANCE))

    def _wait_for_a_slot(self) -> None:
        """Wait in the order of arrival: a slot that came free for one who waits is not for one who comes later."""
        self._waiting += 1
        self._freed.wait()
        while self._in_flight >= self._limit:
            self._freed.wait()
        self._waiting -= 1

    def _call_the_next(self) -> None:
        if self._in_flight < self._limit:
            self._freed.notify()

    def release(self) -> None:
        """Give the slot back."""
        with self._lock:
            self._in_flight -= 1
            if self._waiting:
                self._call_the_next()

    def succeeded(self) -> None:
        """One more call per as many successes as calls are allowed: slow to grow, quick to shrink."""
        if self._limit == self._configured:
            return
        with self._lock:
            self._successes += 1
            if self._successes >= self._limit:
                self._limit, self._successes = min(self._limit + 1, self._configured), 0
                self._freed.notify()

    def pushed_back(self, slot: Slot, *, down_to: int | None = None, pause: float = 0.0) -> None:
        """Halve (or go down to `down_to`), once for all calls that left at the old pace; pause everybody if asked."""
        with self._lock:
            self._pushed_back += 1
            until = self._clock.monotonic() + min(pause, LONGEST_PAUSE)
            self._pause_until = max(self._pause_until, until)
            if slot is self._slot or (down_to is not None and down_to < self._limit):
                self._limit = max(1, down_to or self._limit // 2)
                self._lowest = min(self._lowest, self._limit)
                self._slot, self._successes = Slot(), 0

    def activity(self) -> tuple[int, float]:
        """Return how many calls are in flight, and the seconds for which none is made because the server asked so."""
        with self._lock:
            return self._in_flight, max(self._pause_until - self._clock.monotonic(), 0.0)

    @property
    def reached(self) -> Reached:
        """What was reached so far."""
        with self._lock:
            return Reached(self._configured, self._lowest, self._limit, self._pushed_back)
