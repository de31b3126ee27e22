"""Faults: what goes wrong, the rules that say at which call, and doing it around the true execution of the call."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from threading import Lock

from reconciler.codec import Json, decode, json_line
from reconciler.model.ticket import parse_guid
from reconciler.model.value import replace
from reconciler.sandbox.wire import Response, success


@dataclass(frozen=True, slots=True)
class Drop:
    """Drop the connection: before the server has done anything, or after the effect. `reset` sends a TCP reset."""

    effect: bool = False
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Hang:
    """Answer late: `seconds` pass before the effect, or between the effect and the answer."""

    seconds: float
    effect: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """Answer something else; with `effect` the call was executed all the same."""

    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    effect: bool = False


@dataclass(frozen=True, slots=True)
class Truncate:
    """Send only the first `keep` bytes of the true answer, as if they were all; without `effect`, of a success.

    With `cut` the headers promise the whole answer and the connection ends before it is there.
    """

    keep: int = 12
    effect: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class WrongResult:
    """Answer HTTP 200 with this Result, whatever JSON it is; `missing` leaves the member out."""

    value: Json = None
    missing: bool = False
    effect: bool = False


@dataclass(frozen=True, slots=True)
class Raw:
    """Send these bytes instead of an HTTP answer, then close."""

    data: bytes
    effect: bool = False


@dataclass(frozen=True, slots=True)
class Trickle:
    """Send the true answer one byte at a time with `seconds` between them."""

    seconds: float


Fault = Drop | Hang | Say | Truncate | WrongResult | Raw | Trickle


def without_effect(fault: Fault) -> Fault:
    """Return the fault with nothing executed."""
    return fault if isinstance(fault, Trickle) else replace(fault, effect=False)


@dataclass(slots=True)
class Rule:
    """A fault and when it hits. None matches everything.

    `operation` is an operationId of the API description, `guid` any spelling. Of the calls that match, the fault
    spares the first `after`, hits only number `nth` (from 1) when that is given, and at most `times` calls. With
    `late` a fault after the effect is one before it: the call is executed that many seconds after its answer, as it
    is when a balancer gives up on a server that is still at work (RFC 9110, 15.6.5).
    """

    fault: Fault
    operation: str | None = None
    guid: str | None = None
    nth: int | None = None
    after: int = 0
    times: int | None = None
    late: float = 0.0
    name: str = ""
    matched: int = 0
    hits: int = 0

    def hit(self, operation: str, guid: str | None) -> bool:
        """Count this call, and say whether the fault hits it."""
        if self.operation is not None and self.operation != operation:
            return False
        if self.guid is not None and not _same(self.guid, guid):
            return False
        self.matched += 1
        if self.matched <= self.after or (self.nth is not None and self.matched != self.nth):
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True


@dataclass(slots=True)
class Faults:
    """The rules in force; the first that hits a call is the one that counts. Thread-safe."""

    rules: list[Rule] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(  # noqa: PLR0913 - the conditions of a rule
        self,
        fault: Fault,
        *,
        operation: str | None = None,
        guid: str | None = None,
        nth: int | None = None,
        after: int = 0,
        times: int | None = None,
        late: float = 0.0,
    ) -> Rule:
        """Put a rule in force and return it; its `hits` can be asked later."""
        rule = Rule(fault, operation, guid, nth, after, times, late)
        self.extend([rule])
        return rule

    def extend(self, rules: list[Rule]) -> None:
        """Put rules in force, after those that are."""
        with self._lock:
            self.rules.extend(rules)

    def clear(self) -> None:
        """Let everything work again."""
        with self._lock:
            self.rules.clear()

    def pick(self, operation: str, guid: str | None) -> Rule | None:
        """Return the rule that hits this call, None when it works."""
        if not self.rules:
            return None
        with self._lock:
            return next((rule for rule in self.rules if rule.hit(operation, guid)), None)


def _same(one: str, other: str | None) -> bool:
    if other is None:
        return False
    try:
        return parse_guid(one) == parse_guid(other)
    except ValueError:
        return one == other


@dataclass(frozen=True, slots=True)
class Cut:
    """No HTTP answer: these bytes, then the end of the connection, with a TCP reset if `reset`."""

    data: bytes = b""
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Drip:
    """The answer, one byte of the body every `seconds`."""

    reply: Response
    seconds: float


Sent = Response | Cut | Drip
Run = Callable[[], Awaitable[Response]]
Pause = Callable[[float], Awaitable[None]]


async def misbehave(fault: Fault, run: Run, pause: Pause) -> Sent:
    """Return what is sent for a call that `fault` hits. `run` executes the call, at most once."""
    match fault:
        case Hang(seconds, effect):
            return await _late(run, pause, seconds, effect=effect)
        case Trickle(seconds):
            return Drip(await run(), seconds)
        case _:
            true = await run() if fault.effect else None
            return _wrong(fault, true)


async def _late(run: Run, pause: Pause, seconds: float, *, effect: bool) -> Response:
    if effect:
        reply = await run()
        await pause(seconds)
        return reply
    await pause(seconds)
    return await run()


def _wrong(fault: Drop | Say | Truncate | WrongResult | Raw, true: Response | None) -> Sent:
    match fault:
        case Drop(reset=reset):
            return Cut(reset=reset)
        case Raw(data):
            return Cut(data)
        case Say(status, body, content_type, headers):
            return Response(status, body, content_type, dict(headers))
        case Truncate(keep, cut=cut):
            whole = true or success({"GUID": None, "Status": None})
            return _promise(whole, keep) if cut else replace(whole, body=whole.body[:keep])
        case WrongResult():
            return _with_result(true or success({}), fault)


def _promise(reply: Response, keep: int) -> Cut:
    head = (
        f"HTTP/1.1 {reply.status} OK\r\nContent-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n\r\n"
    )
    return Cut(head.encode() + reply.body[:keep])


def _with_result(reply: Response, fault: WrongResult) -> Response:
    members: dict[str, Json] = decode(reply.body or b"{}", dict)
    members.pop("Result", None)
    if not fault.missing:
        members["Result"] = fault.value
    return Response(200, json_line(members).encode())
