"""Everything that the sandbox received, for tests that ask what really reached the server."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from reconciler.codec import Json, json_line, parse
from reconciler.model.status import format_instant
from reconciler.sandbox.grants import fingerprint

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-venafi-api-key"})
_SECRET_FIELDS = frozenset({"password", "refresh_token", "jwt", "access_token", "device_code"})
_LONGEST = 100_000


@dataclass(slots=True)
class Entry:
    """One request as it arrived, and what became of it. Secrets are replaced by their fingerprints.

    `operation` is the operationId of the API description, "" for an unknown path. `token` is the fingerprint of the
    bearer token. `effect` says whether a ticket was changed, made or deleted. `status` is None while unanswered
    and 0 when the connection was dropped. `fault` names the fault that hit the call.
    """

    number: int
    at: datetime
    method: str
    path: str
    operation: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    token: str | None = None
    effect: bool = False
    status: int | None = None
    result: int | None = None
    fault: str | None = None

    @property
    def json(self) -> Json:
        """The body as JSON, None when it is not JSON."""
        try:
            value: Json = parse(self.body)
        except (ValueError, RecursionError):
            return None
        return value

    @property
    def guid(self) -> str | None:
        """The GUID of the body as it was written, None when there is none."""
        value = self.json
        guid = value.get("GUID") if isinstance(value, Mapping) else None
        return guid if isinstance(guid, str) else None

    def as_json(self) -> dict[str, Json]:
        """Return the entry for the control endpoint."""
        return {
            "number": self.number,
            "at": format_instant(self.at),
            "method": self.method,
            "path": self.path,
            "operation": self.operation,
            "headers": dict(self.headers),
            "body": self.json,
            "token": self.token,
            "effect": self.effect,
            "status": self.status,
            "result": self.result,
            "fault": self.fault,
        }


def safe_body(body: bytes) -> bytes:
    """Return a body of the authorisation server with its secrets replaced; nothing of one that is not JSON."""
    try:
        value: Json = parse(body)
    except (ValueError, RecursionError):
        return b""
    if not isinstance(value, Mapping):
        return b""
    safe = {name: fingerprint(str(text)) if name in _SECRET_FIELDS else text for name, text in value.items()}
    return json_line(safe).encode()


@lru_cache(maxsize=256)
def safe_headers(raw: tuple[tuple[bytes, bytes], ...]) -> Mapping[str, str]:
    """Return the headers by lower-case name, credentials replaced by their fingerprints."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}
    return MappingProxyType(
        {name: fingerprint(value) if name in _SECRET_HEADERS else value for name, value in headers.items()}
    )


@dataclass(slots=True)
class Log:
    """The newest requests, oldest first; an old one is forgotten when there are too many."""

    _entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=_LONGEST))
    _count: int = 0

    def open(self, entry: Entry) -> None:
        """Note a request that has arrived; it gets the next number."""
        self._count += 1
        entry.number = self._count
        self._entries.append(entry)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All requests."""
        return tuple(self._entries)

    def calls(self, operation: str) -> tuple[Entry, ...]:
        """The requests of one operation, e.g. `ticketDetails`."""
        return tuple(entry for entry in self.entries if entry.operation == operation)

    @property
    def updates(self) -> tuple[Entry, ...]:
        """The requests of UpdateStatus."""
        return self.calls("ticketUpdateStatus")

    @property
    def effects(self) -> tuple[Entry, ...]:
        """The requests that changed, made or deleted a ticket."""
        return tuple(entry for entry in self.entries if entry.effect)

    def clear(self) -> None:
        """Forget all requests."""
        self._entries.clear()
