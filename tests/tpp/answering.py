"""A loopback server that answers with exactly the bytes that a test scripts, and keeps what it was sent."""

import json
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any

Answer = bytes | Callable[["Heard"], bytes | None]


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def call(self) -> str:
        return self.path.partition("?")[0].rsplit("/", 1)[-1].lower()


def http(status: int, body: bytes | dict[str, Any] | str, **headers: str) -> bytes:
    """An orderly answer."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + data


def result(code: Any, **members: Any) -> bytes:
    return http(200, {"Result": code, **members})


class Last(bytes):
    """An answer after which the connection is closed."""


DROP = b""
"""Closes the connection without an answer."""


@dataclass
class AnsweringServer:
    """Answers calls by name (`script`, used up in order), then by `default`, then with `otherwise`."""

    script: dict[str, list[Answer]] = field(default_factory=dict)
    default: dict[str, Answer] = field(default_factory=dict)
    otherwise: Answer = http(404, "not scripted")
    heard: list[Heard] = field(default_factory=list)
    context: ssl.SSLContext | None = None
    connections: int = 0
    listen_on: int = 0
    greeting: bytes = b""
    seconds_per_byte: float = 0.0
    closes_after: bool = False
    port: int = 0

    def __enter__(self) -> "AnsweringServer":
        self._lock = Lock()
        self._closing = Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", self.listen_on), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        self._thread.join(5)

    def hang_up(self) -> None:
        """Close every connection, and wait until that is done."""
        with self._lock:
            gone = list(self._open)
        for connection in gone:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    def calls(self, name: str) -> list[Heard]:
        with self._lock:
            return [heard for heard in self.heard if heard.call == name]

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open.add(connection)
            with connection:
                connection.sendall(self.greeting)
                self._converse(connection)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while (heard := _read_request(stream)) is not None:
                answer = self._answer(heard)
                if not answer:
                    return
                self._say(connection, answer)
                if self.closes_after or isinstance(answer, Last):
                    return

    def _say(self, connection: socket.socket, answer: bytes) -> None:
        if not self.seconds_per_byte:
            connection.sendall(answer)
            return
        for byte in answer:
            connection.sendall(bytes([byte]))
            if self._closing.wait(self.seconds_per_byte):
                return

    def _answer(self, heard: Heard) -> bytes | None:
        with self._lock:
            self.heard.append(heard)
            scripted = self.script.get(heard.call)
            answer: Answer = scripted.pop(0) if scripted else self.default.get(heard.call, self.otherwise)
        return answer(heard) if callable(answer) else answer


def _read_request(stream: Any) -> Heard | None:
    line = stream.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (text := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Heard(line[0], line[1], headers, body)
