"""The sandbox as a server of its own, started for a stage and stopped after it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from benchmarks import workload


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, and the environment for a client of it."""

    url: str
    token: str
    authority: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this process with address, token and, over TLS, the authority to trust."""
        trust = {"TPP_CA_BUNDLE": str(self.authority)} if self.authority else {}
        return {**os.environ, "TPP_URL": self.url, "TPP_TOKEN": self.token, **trust}


@contextmanager
def serving(folder: Path, count: int, latency: float, *, tls: bool = False, folders: int = 1) -> Iterator[Server]:
    """Serve `count` pending tickets with `latency` seconds a call."""
    ready = folder / f"ready-{time.monotonic_ns()}"
    tickets = workload.tickets(folder / f"tickets-{count}.json", count, folders=folders)
    authority, certificate = _certificate(folder) if tls else (None, None)
    command = [sys.executable, "-m", "benchmarks.sandbox_process", str(tickets), str(latency), str(ready)]
    process = subprocess.Popen(command + ([str(certificate)] if certificate else []))
    try:
        while not ready.exists():
            if process.poll() is not None:
                raise RuntimeError("the sandbox ended before it was ready")
            time.sleep(0.02)
        yield Server(**json.loads(ready.read_text()), authority=authority)
    finally:
        process.terminate()
        process.wait()


def _certificate(folder: Path) -> tuple[Path, Path]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(
        str(folder / "server.pem")
    )
    return folder / "authority.pem", folder / "server.pem"
