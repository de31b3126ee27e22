"""A sandbox of its own process, so that server and client share no interpreter: FILE LATENCY READY [CERTIFICATE]."""

import json
import signal
import ssl
import sys
import threading
from pathlib import Path

from reconciler.sandbox.running import Listening, running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed, TokenSeed

TOKEN = "YSB0b2tlbiBmb3IgYmVuY2htYXJrcw=="
"""The token of every benchmark."""


def main(tickets: Path, latency: float, ready: Path, certificate: Path | None) -> None:
    seed = Seed(
        tokens=(TokenSeed(TOKEN),),
        tickets=tuple(TicketSeed(guid, name) for guid, name in json.loads(tickets.read_text())),
    )
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with running_sandbox(seed, listening=Listening(latency=latency, tls=tls)) as sandbox:
        ready.with_suffix(".part").write_text(json.dumps({"url": sandbox.url, "token": TOKEN}))
        ready.with_suffix(".part").rename(ready)
        stop.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]) if len(sys.argv) > 4 else None)
