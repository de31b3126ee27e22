"""Authorised calls to one server: allowed ones only, one at a time per thread, never beyond the run's deadline."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

from reconciler.model.settings import Requests
from reconciler.ports import Clock
from reconciler.tpp.backoff import retry_after
from reconciler.tpp.bearer import Bearer, Pass
from reconciler.tpp.calls import Call
from reconciler.tpp.excerpt import Excerpts
from reconciler.tpp.exchange import Breach, Broken, Exchange
from reconciler.tpp.pressure import Pressure, Slot
from reconciler.tpp.usual_http import Reply

_log = logging.getLogger("reconciler.tpp")
_PUSHED_BACK = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Line:
    """What all channels of a run share: connections, token, limits and the instant at which the run must end."""

    exchange: Exchange
    bearer: Bearer
    clock: Clock
    limits: Requests
    excerpts: Excerpts
    ends_at: float

    def left(self) -> float:
        """Seconds until the run's deadline, infinity without one."""
        return self.ends_at - self.clock.monotonic()


class Channel:
    """Sends the calls that it was made for, and can't send any other. Thread-safe."""

    def __init__(self, line: Line, pressure: Pressure, calls: frozenset[Call], *, after_deadlock: int | None) -> None:
        """`calls` is everything that will ever be allowed; `after_deadlock` the calls in flight after one."""
        self.line = line
        self.pressure = pressure
        self._calls = calls
        self._after_deadlock = after_deadlock
        self._timeout = urllib3.Timeout(connect=line.limits.connect_timeout, read=line.limits.read_timeout)
        self._longest = line.limits.connect_timeout + line.limits.read_timeout

    def once(self, call: Call, body: bytes | None, ticket: str = "", operation: str = "") -> Reply | Broken:
        """Send one call once. A 401 proves that it was not executed: with a renewed token it is sent once more."""
        if call not in self._calls:
            raise PermissionError(f"this session was not made for {call.name}")
        bearer = self.line.bearer
        used = bearer.current()
        outcome = self._send(call, body, used, ticket, operation)
        if isinstance(outcome, Reply) and outcome.status == 401 and bearer.renewed(used):
            used = bearer.current()
            outcome = self._send(call, body, used, ticket, operation)
        if isinstance(outcome, Reply) and outcome.status != 401:
            bearer.worked(used)
        return outcome

    def _send(self, call: Call, body: bytes | None, used: Pass, ticket: str, operation: str) -> Reply | Broken:
        line, pressure = self.line, self.pressure
        slot = pressure.enter(line.ends_at)
        try:
            started = line.clock.monotonic()
            left = line.ends_at - started
            if left <= 0:
                return Broken("the run's deadline has passed", Breach.DEADLINE, sent=False)
            timeout = self._timeout if left >= self._longest else self._limited(left)
            outcome = line.exchange.send(call.method, call.path, used.headers, body, timeout)
            if isinstance(outcome, Reply) and outcome.status == 200:
                pressure.succeeded()
            else:
                self._note(slot, outcome)
        finally:
            pressure.leave()
        if _log.isEnabledFor(logging.DEBUG):
            about = {"ticket": ticket, "operation": operation}
            self._log(call, outcome, line.clock.monotonic() - started, about)
        return outcome

    def _limited(self, left: float) -> urllib3.Timeout:
        limits = self.line.limits
        return urllib3.Timeout(connect=min(limits.connect_timeout, left), read=min(limits.read_timeout, left))

    def _note(self, slot: Slot, outcome: Reply | Broken) -> None:
        match outcome:
            case Reply(status, headers, _) if status in _PUSHED_BACK:
                pause = retry_after(headers.get("Retry-After"), self.line.clock.now())
                self.pressure.pushed_back(slot, pause=pause)
            case Reply(500, _, body) if is_deadlock(body):
                self.pressure.pushed_back(slot, down_to=self._after_deadlock)
            case Reply(504, _, _) | Broken(_, Breach.TIMEOUT, _):
                self.pressure.pushed_back(slot)
            case Reply(status, _, _) if status < 500:
                self.pressure.succeeded()

    def _log(self, call: Call, outcome: Reply | Broken, seconds: float, about: Mapping[str, str]) -> None:
        status = outcome.status if isinstance(outcome, Reply) else outcome.breach.value
        extra = {"call": call.name, "status": status, "seconds": round(seconds, 4)}
        extra |= {name: value for name, value in about.items() if value}
        words = " ".join(str(extra[name]) for name in ("call", "ticket", "operation", "status") if name in extra)
        _log.debug("%s in %.3f s", words, seconds, extra=extra)


def is_deadlock(body: bytes) -> bool:
    """Say whether SQL Server chose the call as a deadlock's victim: 500 with "Rerun the transaction"."""
    return b"rerun the transaction" in body[:8192].lower()
