"""`reconciler ledger export --pack`: everything an auditor needs, in one zip that is the same for the same ledger."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from reconciler.cli.ledger_filter import Filter, records_of
from reconciler.errors import InvalidInput
from reconciler.ledger.chain import verify
from reconciler.ledger.files import reading
from reconciler.ledger.heads import beginnings, files_from, head_digest, ledger_heads
from reconciler.ledger.plan_files import load_plan
from reconciler.ledger.zip_file import write_zip
from reconciler.model.audit import Absent, Audit
from reconciler.model.history import Record
from reconciler.model.instant import format_instant
from reconciler.rendering.audit import proof_json, records_csv, records_json, reviews_json
from reconciler.rendering.html.audit import audit_page
from reconciler.rendering.verify_guide import verify_guide

Found = dict[str, bytes]
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def write_pack(folder: Path, wanted: Filter, plans: Sequence[Path], out: Path) -> Audit:
    """Write the pack and return what is in it. Raises LedgerBroken when the ledger does not hold, and InvalidInput."""
    verify(folder)
    records = tuple(records_of(folder, wanted))
    heads = ledger_heads(folder)
    files = files_from(folder, {record.line.source.path for record in records})
    found: Found = {}
    absent = [*_add_plans(found, folder, records, plans), *_add_manifests(found, records)]
    audit = Audit(_asked(wanted), head_digest(heads), heads, files, records, tuple(absent))
    for path in files:
        with reading(folder / path):
            found[f"ledger/{path}"] = (folder / path).read_bytes()
    found["proof.json"] = proof_json(audit).encode()
    found["records.json"] = records_json(audit).encode()
    found["records.csv"] = records_csv(audit).encode()
    found["reviews.json"] = reviews_json(audit).encode()
    found["summary.html"] = audit_page(audit).encode("utf-8", "backslashreplace")
    found["VERIFY.md"] = verify_guide(audit).encode("utf-8", "backslashreplace")
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(found.items()))
    write_zip(out, found | {"SHA256SUMS": sums.encode()})
    return audit


def _asked(wanted: Filter) -> tuple[tuple[str, str], ...]:
    asked = {
        "from": format_instant(wanted.since) if wanted.since else "",
        "to (not included)": format_instant(wanted.until) if wanted.until else "",
        "changes": ", ".join(sorted(wanted.changes)),
        "tickets": ", ".join(sorted(wanted.tickets)),
        "objects": ", ".join(wanted.objects),
        "outcomes": ", ".join(sorted(wanted.outcomes)),
    }
    return tuple((name, value) for name, value in asked.items() if value)


def _add_plans(found: Found, folder: Path, records: Sequence[Record], places: Sequence[Path]) -> Iterator[Absent]:
    """Add the plans that the runs applied, as far as they are among the files at hand."""
    paths = {record.line.source.path for record in records}
    applied = {begun.opened.digest for begun in beginnings(folder) if begun.opened and begun.path in paths}
    known = {}
    for path in _plan_files(places):
        try:
            known[load_plan(path).digest] = path
        except InvalidInput:
            continue
    for digest in sorted(applied):
        if digest in known:
            found[f"plans/{digest.removeprefix('sha256:')}.json"] = known[digest].read_bytes()
        else:
            yield Absent(f"plan {digest}", "no plan with this digest is among those given with --plans")


def _plan_files(places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        yield from sorted(place.rglob("*.json")) if place.is_dir() else (place,)


def _add_manifests(found: Found, records: Sequence[Record]) -> Iterator[Absent]:
    """Add the manifests as they were at the commit of each run, from the repository of the working directory."""
    wanted = {
        (record.line.provenance.commit or "", record.source.path) for record in records if record.source is not None
    }
    for commit, path in sorted(wanted):
        what = f"manifest {path} at {commit or 'an unknown commit'}"
        if not _COMMIT.fullmatch(commit) or not _stays_inside(path):
            yield Absent(what, "the ledger names no commit and relative path for it")
            continue
        data = _at_commit(commit, path)
        if data is None:
            yield Absent(what, "the repository of the working directory does not have it")
        else:
            found[f"manifests/{commit}/{path}"] = data


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts and "\\" not in path and path.isprintable()


def _at_commit(commit: str, path: str) -> bytes | None:
    program = shutil.which("git")
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603 - a fixed program, arguments as a list, no shell
        [program, "cat-file", "blob", f"{commit}:./{path}"], capture_output=True, check=False
    )
    return done.stdout if done.returncode == 0 else None
