"""How many Details a second the sandbox answers with one core of its own.

    python -m benchmarks.sandbox_rate [--seconds 5] [--connections 8] [--tickets 1000] [--state FILE]

The sandbox runs in this process. The load comes from another process that keeps several requests in flight on raw
sockets, so that the client costs little and is not what is measured.
"""

import argparse
import multiprocessing
import selectors
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.bare_client import spell_request
from reconciler.sandbox.running import running_sandbox


def main() -> None:
    options = _options()
    with running_sandbox(state=options.state) as sandbox:
        guids = [sandbox.world.add_ticket().guid for _ in range(options.tickets)]
        answers = multiprocessing.get_context("spawn").Queue()
        load = multiprocessing.get_context("spawn").Process(
            target=drive, args=(sandbox.url, sandbox.token, guids, options.connections, options.seconds, answers)
        )
        load.start()
        count, elapsed = answers.get()
        load.join()
    print(f"{count / elapsed:,.0f} Details a second ({count:,} in {elapsed:.1f} s, {options.connections} connections)")


def drive(
    url: str, token: str, guids: list[str], connections: int, seconds: float, answers: multiprocessing.Queue
) -> None:
    """Keep one request in flight on each connection until the time is up, and report the count of answers."""
    address = urlsplit(url)
    requests = [spell_request(address.netloc, token, guid) for guid in guids]
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = socket.create_connection((address.hostname, address.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(requests[0])
        selector.register(connection, selectors.EVENT_READ)
    count, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        for key, _ in selector.select(1):
            answer = key.fileobj.recv(65536)
            if not answer.startswith(b"HTTP/1.1 200") or b'"Result": 1' not in answer:
                raise SystemExit(f"unexpected answer: {answer[:200]!r}")
            count += 1
            key.fileobj.sendall(requests[count % len(requests)])
    answers.put((count, elapsed))
    for key in list(selector.get_map().values()):
        key.fileobj.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--tickets", type=int, default=1000)
    parser.add_argument("--state", type=Path, help="a state file, to measure with SQLite behind it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
