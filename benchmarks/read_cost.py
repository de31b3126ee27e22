"""What one read of a ticket costs in processor time, and where it goes.

    python -m benchmarks.read_cost [--reads 3000]

One thread reads tickets from a sandbox without latency: first timed, then once more under a profiler, whose own cost is
why its seconds count only as shares.
"""

import argparse
import cProfile
import pstats
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks import workload
from benchmarks.server import serving
from reconciler.cli.clock import SystemClock
from reconciler.model.guid import Guid
from reconciler.model.settings import Requests, Settings
from reconciler.tpp.reader import HttpTicketReader
from reconciler.tpp.secrets import read_secrets
from reconciler.tpp.session import open_session, ticket_reader

_PLACES = {
    "the kernel: sending, receiving, waiting for a connection's state": (
        "method 'send",
        "method 'recv",
        "method 'poll",
    ),
    "requests, urllib3, http.client and their connections": (
        "/requests/",
        "/urllib3/",
        "/http/",
        "/queue.py",
        "/threading.py",
        "tpp/transport.py",
    ),
    "the client: allowed calls, deadline, limiter, token": (
        "tpp/client.py",
        "tpp/limiter.py",
        "tpp/token.py",
    ),
    "JSON to a ticket": ("tpp/wire.py", "/json/", "tpp/reader.py", "model/"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", type=int, default=3000)
    reads = parser.parse_args().reads
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), reads, 0.0) as server:
        settings = Settings(server=server.url, requests=Requests(reads=1))
        with open_session(settings, read_secrets({"TPP_TOKEN": server.token}, str), SystemClock()) as session:
            measure(ticket_reader(session), [Guid(guid) for guid in workload.guids(reads)])


def measure(reader: HttpTicketReader, guids: list[Guid]) -> None:
    for guid in guids[:100]:
        reader.read(guid)
    began = time.process_time()
    for guid in guids:
        reader.read(guid)
    print(f"{(time.process_time() - began) / len(guids) * 1e6:.0f} µs of processor time a read")
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    for guid in guids:
        reader.read(guid)
    profile.disable()
    spent = Counter[str]()
    for (path, _, function), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        where = f"{path}:{function}" if path != "~" else function
        spent[
            next((place for place, signs in _PLACES.items() if any(sign in where for sign in signs)), "the rest")
        ] += own
    for place, seconds in spent.most_common():
        print(f"{seconds / spent.total():5.0%}  {place}")


if __name__ == "__main__":
    main()
