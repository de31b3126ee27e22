"""A server of its own process, so that server and client share no interpreter: FILE LATENCY READY [CERTIFICATE]."""

import json
import ssl
import sys
from pathlib import Path

from benchmarks.exact_server import serve
from reconciler.sandbox.certificates import StoredCertificate
from reconciler.sandbox.clock import RealTime
from reconciler.sandbox.running import build
from reconciler.sandbox.seed import Seed, TicketSeed, TokenSeed
from reconciler.sandbox.store import NoStore

TOKEN = "YSB0b2tlbiBmb3IgYmVuY2htYXJrcw=="
"""The token of every benchmark."""


def main(tickets: Path, latency: float, ready: Path, certificate: Path | None) -> None:
    listed = json.loads(tickets.read_text())
    seed = Seed(
        tokens=(TokenSeed(TOKEN),),
        tickets=tuple(TicketSeed(guid, name) for guid, name in listed),
        objects=tuple(StoredCertificate(object=name) for _, name in listed),
    )
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    tpp, _ = build(seed, NoStore(), RealTime())

    def note(url: str) -> None:
        ready.with_suffix(".part").write_text(json.dumps({"url": url, "token": TOKEN}))
        ready.with_suffix(".part").rename(ready)

    serve(tpp, latency, tls, note)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]) if len(sys.argv) > 4 else None)
