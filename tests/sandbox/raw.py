"""HTTP spelled out, for what no client library sends, and to see every byte of what comes back."""

import socket
from contextlib import closing
from urllib.parse import urlsplit

from reconciler.sandbox.running import Sandbox

DETAILS = "POST /vedsdk/Workflow/Ticket/Details"


def spell(line: str = DETAILS, body: bytes = b"", *headers: str, token: str | None = None) -> bytes:
    """One request; `line` is its method and path."""
    lines = [f"{line} HTTP/1.1", "Host: tpp.example.com", f"Content-Length: {len(body)}", *headers]
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def connect(sandbox: Sandbox) -> socket.socket:
    """A connection of its own."""
    address = urlsplit(sandbox.url)
    connection = socket.create_connection((str(address.hostname), address.port or 0), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def receive(connection: socket.socket) -> bytes:
    """One whole answer; what there is when the connection ends."""
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(1)):
        data += more
    _, name, rest = data.partition(b"Content-Length: ")
    length = int(rest.split(b"\r\n")[0]) if name else 0
    while length and (more := connection.recv(length)):
        data, length = data + more, length - len(more)
    return data


def ask(sandbox: Sandbox, *parts: bytes) -> bytes:
    """The answer to one request on a connection of its own."""
    with closing(connect(sandbox)) as connection:
        for part in parts:
            connection.sendall(part)
        return receive(connection)
