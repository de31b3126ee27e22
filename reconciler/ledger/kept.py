"""What is kept beside the runs of a ledger for as long as the ledger: plans and configurations, each under its digest.

A file's name is the SHA-256 of its content before compression, and the first line of a run names it: so the chain
vouches for every byte (`gzip -dc FILE | sha256sum`), and the same content is kept once.
"""

import gzip
import io
from pathlib import Path

from reconciler.atomic import atomic_write
from reconciler.codec import sha256
from reconciler.errors import LedgerBroken, LedgerUnwritable
from reconciler.ledger.archive import ARCHIVES
from reconciler.ledger.files import reading

PLANS, CONFIGURATIONS = "plans/{}.json.gz", "configurations/{}.yaml.gz"
"""Where they lie below the ledger; the digest goes into the name without its algorithm."""
KEPT = ("plans/*.json.gz", "configurations/*.yaml.gz", *ARCHIVES)
"""The same as patterns, and the archives of old runs: files that never change, for whoever copies a ledger."""
_MOST = 1 << 30
"""Bytes of one file; nobody makes a plan of a gigabyte, and a small file can unpack to more than a disk."""


def keep(root: Path, place: str, data: bytes) -> str:
    """Keep a text beside the runs and return its digest. Raises LedgerUnwritable."""
    digest = sha256(data)
    path = root / place.format(digest.removeprefix("sha256:"))
    if path.is_file() and not path.is_symlink():
        return digest
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, gzip.compress(data, mtime=0))
    except OSError as error:
        raise LedgerUnwritable(
            f"the ledger can't be written: {path}: {error.strerror or error}", "see why that disk can't be written"
        ) from error
    return digest


def kept(root: Path, place: str, digest: str) -> bytes | None:
    """Return a text that is kept, None when it is not there. Raises LedgerBroken when it is not what was kept."""
    path = root / place.format(digest.removeprefix("sha256:"))
    if path.is_symlink() or not path.is_file():
        return None
    with reading(path):
        packed = path.read_bytes()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            data = file.read(_MOST)
    except (OSError, EOFError) as error:
        raise _changed(path) from error
    if sha256(data) != digest:
        raise _changed(path)
    return data


def _changed(path: Path) -> LedgerBroken:
    return LedgerBroken(
        f"{path} is not what was kept under this name: it was changed or damaged",
        "restore it from the ledger's branch or a backup, and find out who changed it",
    )
