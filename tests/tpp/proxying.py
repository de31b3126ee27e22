"""An HTTP proxy on loopback that tunnels, and keeps what it was asked."""

import socket
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread


@dataclass
class TunnelProxy:
    """Answers CONNECT and moves bytes; `refuse` is the status line it gives instead."""

    refuse: str = ""
    asked: list[list[str]] = field(default_factory=list)

    def __enter__(self) -> "TunnelProxy":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                Thread(target=self._tunnel, args=(connection,), daemon=True).start()

    def _tunnel(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(1)
            lines = head.decode().split("\r\n")[:-2]
            self.asked.append(lines)
            if self.refuse:
                connection.sendall(f"HTTP/1.1 {self.refuse}\r\nContent-Length: 0\r\n\r\n".encode())
                return
            host, _, port = lines[0].split()[1].rpartition(":")
            with socket.create_connection((host, int(port))) as onward:
                self._open.append(onward)
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = Thread(target=_move, args=(onward, connection), daemon=True)
                back.start()
                _move(connection, onward)
                back.join(5)


def _move(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
