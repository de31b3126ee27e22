"""A server that answers with bytes: what a system of change records does on a bad day."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Bytes:
    """Answers each connection with the next of its answers; the last one again and again. Keeps what it was sent."""

    answers: list[bytes]
    received: list[bytes] = field(default_factory=list)


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, Bytes]]:
    server = Bytes(list(answers))
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                server.received.append(_request(connection))
                connection.sendall(server.answers.pop(0) if len(server.answers) > 1 else server.answers[0])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def said(status: str, body: bytes = b"", *, kind: str = "application/json", headers: str = "") -> bytes:
    fixed = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return f"HTTP/1.1 {status}\r\n{fixed}{headers}\r\n".encode() + body
