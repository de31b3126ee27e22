"""A TPP of one's own on raw sockets, for what no web framework can do: answers that break the rules of HTTP.

It keeps tickets and counts effective updates. What a call is to do wrong stands in `script`; everything else is honest.
"""

import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

WORKFLOW = r"\VED\Policy\Workflows\Stage 0"
TWO_APPROVERS = ("local:{11111111-1111-1111-1111-111111111111}", "local:{22222222-2222-2222-2222-222222222222}")


@dataclass
class Ticket:
    """A ticket. With several approvers an approval of ours leaves it pending."""

    guid: str
    approvers: tuple[str, ...] = TWO_APPROVERS
    status: str = "Pending"
    explanation: str = ""
    reason: str = ""
    updated: int = 1_700_000_000_000
    start: str | None = None
    stop: str | None = None

    def members(self) -> dict[str, Any]:
        return {
            "Result": 1,
            "GUID": self.guid,
            "Status": self.status,
            "Blocking": rf"\VED\Policy\Web\{self.guid[:8]}",
            "IssuedDueTo": WORKFLOW,
            "Approvers": list(self.approvers),
            "ApprovalExplanation": self.explanation,
            "ApprovalReason": self.reason,
            "Created": "/Date(1700000000000)/",
            "Updated": f"/Date({self.updated})/",
            "ScheduledStart": self.start,
            "ScheduledStop": self.stop,
        }


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def call(self) -> str:
        return self.path.rsplit("/", 1)[-1].lower()

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body)) if self.body else {}


@dataclass
class Exchange:
    """A request with the connection that it came on. Whoever handles it sends whatever bytes it likes."""

    server: "WireServer"
    connection: socket.socket
    request: Request

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def carry_out(self) -> dict[str, Any]:
        """Do what was asked; returns the honest answer."""
        return self.server.carry_out(self.request)

    def hold_up(self) -> None:
        """Do what was asked once the test releases it."""
        self.server.held_up.append(self.request)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        raise ConnectionAbortedError


Handler = Callable[[Exchange], None]


def http(status: int, body: bytes | str | dict[str, Any] = b"", *headers: str) -> bytes:
    """An orderly answer."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + data


@dataclass
class WireServer:
    """Handles each call by `script` (used up in order), then by `always`, then honestly."""

    tickets: dict[str, Ticket]
    script: dict[str, list[Handler]] = field(default_factory=dict)
    always: dict[str, Handler] = field(default_factory=dict)
    heard: list[Request] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    held_up: list[Request] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)
    url: str = ""
    listener: socket.socket = field(default_factory=socket.socket)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def updates(self) -> list[dict[str, Any]]:
        """The bodies of all updates that arrived."""
        return [request.json for request in self.heard if request.call == "updatestatus"]

    def go_away(self) -> None:
        """Refuse connections, and end those that are there."""
        listener = self.listener  # who notices may have it come back before this ends
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in self.connections:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Take connections on the same port again."""
        self.listener = socket.create_server(("127.0.0.1", int(self.url.rpartition(":")[2])), backlog=64)
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def release(self) -> None:
        """Carry out what was held up."""
        for request in self.held_up:
            self.carry_out(request)
        self.held_up.clear()

    def carry_out(self, request: Request) -> dict[str, Any]:
        with self.lock:
            match request.call:
                case "verify":
                    return {"identity": "local:{svc}", "scope": "certificate:approve", "valid_for": 36000}
                case "refresh":
                    return {"Result": 1}
                case "version":
                    return {"Version": "26.1.0.1"}
                case "self":
                    return {"Identities": [{"PrefixedUniversal": "local:{svc}", "PrefixedName": "local:svc"}]}
            ticket = self.tickets.get(str(request.json.get("GUID")))
            if ticket is None:
                return {"Result": 3}
            match request.call:
                case "details":
                    return ticket.members()
                case "updatestatus":
                    return self._update(ticket, request.json)
            return {"Result": 1}

    def _update(self, ticket: Ticket, asked: dict[str, Any]) -> dict[str, Any]:
        self.effects[ticket.guid] += 1
        ticket.explanation = str(asked.get("Explanation") or "")
        ticket.updated += 1000
        if asked["Status"] == "Approved":
            if len(ticket.approvers) < 2:
                del self.tickets[ticket.guid]
            return {"Result": 1}
        ticket.status, ticket.start, ticket.stop = (
            asked["Status"],
            asked.get("ScheduledStart"),
            asked.get("ScheduledStop"),
        )
        return {"Result": 1}

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            while (request := _read(stream)) is not None:
                with self.lock:
                    self.heard.append(request)
                    scripted = self.script.get(request.call)
                    handler = scripted.pop(0) if scripted else self.always.get(request.call, honest)
                handler(Exchange(self, connection, request))


def honest(exchange: Exchange) -> None:
    exchange.send(http(200, exchange.carry_out()))


def _read(stream: Any) -> Request | None:
    line = stream.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (text := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line[0], line[1], stream.read(int(headers.get("content-length", "0"))), headers)


@contextmanager
def serving(*tickets: Ticket) -> Iterator[WireServer]:
    """Serve these tickets."""
    server = WireServer({ticket.guid: ticket for ticket in tickets})
    server.listener.close()
    server.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    server.url = f"http://127.0.0.1:{server.listener.getsockname()[1]}"
    threading.Thread(target=server.serve, args=(server.listener,), daemon=True).start()
    try:
        yield server
    finally:
        server.go_away()
