"""Doing to a call what a fault says, around the true execution of the call."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from reconciler.model.canonical import Json
from reconciler.sandbox.faults import Drop, Fault, Hang, Raw, Say, Trickle, Truncate, Verdict
from reconciler.sandbox.reply import Reply, success


@dataclass(frozen=True, slots=True)
class Cut:
    """No HTTP answer: these bytes, then the end of the connection, with a TCP reset if `reset`."""

    data: bytes = b""
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Drip:
    """The answer, one byte of the body every `seconds`."""

    reply: Reply
    seconds: float


Sent = Reply | Cut | Drip
Run = Callable[[], Awaitable[Reply]]
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


async def _late(run: Run, pause: Pause, seconds: float, *, effect: bool) -> Reply:
    if effect:
        reply = await run()
        await pause(seconds)
        return reply
    await pause(seconds)
    return await run()


def _wrong(fault: Drop | Say | Truncate | Verdict | Raw, true: Reply | None) -> Sent:
    match fault:
        case Drop(reset=reset):
            return Cut(reset=reset)
        case Raw(data):
            return Cut(data)
        case Say(status, body, content_type, headers):
            return Reply(status, body, content_type, dict(headers))
        case Truncate(keep, cut=cut):
            whole = true or success({"GUID": None, "Status": None})
            return _promise(whole, keep) if cut else replace(whole, body=whole.body[:keep])
        case Verdict():
            return _with_result(true or success({}), fault)


def _promise(reply: Reply, keep: int) -> Cut:
    head = (
        f"HTTP/1.1 {reply.status} OK\r\nContent-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n\r\n"
    )
    return Cut(head.encode() + reply.body[:keep])


def _with_result(reply: Reply, fault: Verdict) -> Reply:
    members: dict[str, Json] = json.loads(reply.body or b"{}")
    members.pop("Result", None)
    if not fault.missing:
        members["Result"] = fault.result
    return Reply(200, json.dumps(members).encode())
