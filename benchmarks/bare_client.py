"""A client that does nothing but send and receive: URL TOKEN GUIDS-FILE IN-FLIGHT. What it takes, the server takes.

One thread, raw sockets, requests spelled in advance, answers counted and not looked at.
"""

import json
import selectors
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit


def main(url: str, token: str, guids: list[str], in_flight: int) -> None:
    address = urlsplit(url)
    requests = iter([spell_request(address.netloc, token, guid) for guid in guids])
    selector = selectors.DefaultSelector()
    for _ in range(min(in_flight, len(guids))):
        connection = socket.create_connection((address.hostname, address.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        connection.sendall(next(requests))
    answered = 0
    while answered < len(guids):
        for key, _ in selector.select():
            if not key.fileobj.recv(65536).startswith(b"HTTP/1.1 200"):
                raise SystemExit("the server did not answer as it should")
            answered += 1
            following = next(requests, None)
            if following is not None:
                key.fileobj.sendall(following)


def spell_request(host: str, token: str, guid: str) -> bytes:
    body = f'{{"GUID": "{guid}"}}'
    return (
        f"POST /vedsdk/Workflow/Ticket/Details HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(Path(sys.argv[3]).read_text()), int(sys.argv[4]))
