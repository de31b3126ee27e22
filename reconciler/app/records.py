"""Records of the ledger, chosen by a filter, and the evidence that an auditor needs for them."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from reconciler.errors import GuardRefused, InvalidInput
from reconciler.ledger.files import reading
from reconciler.ledger.heads import beginnings, files_from, head_digest, ledger_heads
from reconciler.ledger.history import history, read_lines
from reconciler.ledger.plan_files import load_plan
from reconciler.model.record import Absent, Audit, Record
from reconciler.model.status import format_instant
from reconciler.model.ticket import Guid
from reconciler.planning.selections import matches_any

Evidence = dict[str, bytes]
"""Files of an audit pack that exist already, by their names in it: ledger files, plans, manifests."""

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a record must be like to be shown; empty means: all are. `until` itself is outside."""

    tickets: frozenset[Guid]
    objects: tuple[str, ...]
    changes: frozenset[str]
    outcomes: frozenset[str]
    since: datetime | None
    until: datetime | None

    def lets(self, record: Record) -> bool:
        """Return whether a record is shown."""
        return (
            (not self.tickets or record.guid in self.tickets)
            and (not self.changes or record.change in self.changes)
            and (not self.outcomes or record.outcome in self.outcomes)
            and (self.since is None or record.at >= self.since)
            and (self.until is None or record.at < self.until)
            and (not self.objects or matches_any(self.objects, record.object) is not None)
        )


def records_of(ledger: Path, wanted: Filter) -> Iterator[Record]:
    """Verify the ledger and yield the records that a filter lets through. Raises LedgerBroken."""
    return filter(wanted.lets, history(read_lines(ledger, wanted.tickets or None)))


def gather_evidence(folder: Path, wanted: Filter, plans: Sequence[Path]) -> tuple[Audit, Evidence]:
    """Return what an audit pack is about, and the files that prove it. Raises LedgerBroken for a broken chain."""
    records = tuple(records_of(folder, wanted))
    heads = ledger_heads(folder)
    files = files_from(folder, {record.line.source.path for record in records})
    found: Evidence = {}
    absent = [*_add_plans(found, folder, records, plans), *_add_manifests(found, records)]
    for path in files:
        with reading(folder / path):
            found[f"ledger/{path}"] = (folder / path).read_bytes()
    return Audit(_asked(wanted), head_digest(heads), heads, files, records, tuple(absent)), found


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


def _add_plans(found: Evidence, folder: Path, records: Sequence[Record], places: Sequence[Path]) -> Iterator[Absent]:
    """Add the plans that the runs applied, as far as they are among the files at hand."""
    paths = {record.line.source.path for record in records}
    applied = {begun.opened.digest for begun in beginnings(folder) if begun.opened and begun.path in paths}
    known = {}
    for path in _plan_files(places):
        try:
            known[load_plan(path).digest] = path
        except (InvalidInput, GuardRefused):
            continue
    for digest in sorted(applied):
        if digest in known:
            found[f"plans/{digest.removeprefix('sha256:')}.json"] = known[digest].read_bytes()
        else:
            yield Absent(f"plan {digest}", "no plan with this digest is among those given with --plans")


def _plan_files(places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        yield from sorted(place.rglob("*.json")) if place.is_dir() else (place,)


def _add_manifests(found: Evidence, records: Sequence[Record]) -> Iterator[Absent]:
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
