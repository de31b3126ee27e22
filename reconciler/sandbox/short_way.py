"""HTTP as nearly every client says it, without the work of taking it apart in general.

What is unusual is left to aiohttp: a request is taken here only if it can mean but one thing, and asks for a call that
is answered without waiting for anybody.
"""

import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeVar

from reconciler.sandbox.log import safe_headers
from reconciler.sandbox.platform import Route
from reconciler.sandbox.routes import ROUTES
from reconciler.sandbox.service import hashed_bearer

LONGEST_HEAD = 4096
LONGEST_BODY = 16 * 1024
MOST_HEADERS = 64

_REQUEST = re.compile(rb"(GET|POST) (/[A-Za-z/]+) HTTP/1\.1\r\n(.+)", re.DOTALL)
_HEADER = re.compile(rb"([A-Za-z0-9-]+): ?([!-~](?:[ -~]*[!-~])?)")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,4}")
_CHANGES_MEANING = frozenset(
    {"transfer-encoding", "content-encoding", "expect", "upgrade", "proxy-connection", "sec-websocket-key1"}
)
_PHRASES = {status.value: status.phrase for status in HTTPStatus}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Usual:
    """The head of a usual request: what it asks for, with whose token, and how long its body is."""

    route: Route
    path: str
    headers: Mapping[str, str]
    hashed: str | None
    length: int


@lru_cache(maxsize=512)
def usual(head: bytes) -> Usual | None:
    """Read a head, without the empty line at its end. None when aiohttp should read it."""
    request = _REQUEST.fullmatch(head)
    lines = [_HEADER.fullmatch(line) for line in request[3].split(b"\r\n")] if request else []
    raw = tuple((line[1], line[2]) for line in lines if line)
    values = {name.decode("ascii").lower(): value.decode("ascii") for name, value in raw}
    if request is None or not len(values) == len(lines) <= MOST_HEADERS:
        return None
    if "host" not in values or not _CHANGES_MEANING.isdisjoint(values):
        return None
    method, path = request[1].decode("ascii"), request[2].decode("ascii")
    route, length = ROUTES.get(path.rstrip("/").lower()), values.get("content-length", "0")
    if route is None or route.method != method or values.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    if not _LENGTH.fullmatch(length) or int(length) > _longest_body(route, path):
        return None
    return Usual(route, path, safe_headers(raw), hashed_bearer(values.get("authorization", "")), int(length))


def _longest_body(route: Route, path: str) -> int:
    # Below vedauth bodies hold secrets, and who answers a POST may have to wait for somebody.
    if not path.lower().startswith("/vedauth/"):
        return LONGEST_BODY
    return 0 if route.method == "GET" else -1


def at_once(call: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nobody."""
    try:
        call.send(None)
    except StopIteration as ended:
        value: T = ended.value
        return value
    call.close()
    raise RuntimeError("a call that was to be answered at once waits")


def spell_answer(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a whole answer, byte for byte as aiohttp sends it on a connection that stays open."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    head = f"HTTP/1.1 {status} {_PHRASES[status]}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("utf-8") + body
