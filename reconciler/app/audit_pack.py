"""An audit pack: the records that were asked for with all that proves them, and the same made again from a pack."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Any

from reconciler.app.evidence import anchor_files, changes_in, heads_named, text_of
from reconciler.app.ledger import Filter, guids_named, records_of
from reconciler.atomic import atomic_write
from reconciler.codec import Edited, Newer, decode_document, decode_plan, json_text, plain, sha256
from reconciler.errors import GuardRefused, InvalidInput, LedgerNewer
from reconciler.ledger.chain import check
from reconciler.ledger.files import whole_lines
from reconciler.ledger.heads import beginnings, files_from, head_digest, ledger_heads
from reconciler.ledger.history import first_lines, history, lines_in, unverified_lines
from reconciler.ledger.kept import PLANS, kept
from reconciler.ledger.plan_files import load_plan
from reconciler.model.decision import Problem, Source
from reconciler.model.plan import Plan
from reconciler.model.record import Absent, Audit, Head, Record
from reconciler.model.review import Provenance
from reconciler.model.status import format_instant, parse_instant
from reconciler.model.ticket import Guid
from reconciler.model.value import replace
from reconciler.planning.digest import check_digest

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NOT_HERE = "ledger/removed"
"""The fault of a pack's ledger that is none: files from before the first record are not in it."""


@dataclass(frozen=True, slots=True)
class _Records:
    """The records of an unpacked pack, read from its ledger whenever they are gone through: they may be too many."""

    ledger: Path
    files: tuple[str, ...]
    wanted: Filter

    def __iter__(self) -> Iterator[Record]:
        return filter(self.wanted.lets, history(lines_in(self.ledger, self.files)))


def gather_evidence(folder: Path, wanted: Filter, plans: Sequence[Path], pack: Path) -> Audit:
    """Put the files that prove what was asked for into the folder of a pack, and return what the pack is about.

    Raises LedgerBroken for a broken chain, OSError when the pack can't be written.
    """
    named = guids_named(folder, wanted)
    lines, runs, manifests, tickets = set[str](), set[str](), set[tuple[str, str]](), set[Guid]()
    for record in records_of(folder, replace(wanted, tickets=named)):
        tickets.add(record.guid)
        runs.add(record.line.source.path)
        lines |= {line.source.path for line in (record.line, record.decided) if line is not None}
        if record.source:
            manifests.add((record.line.provenance.commit or "", record.source.path))
    wanted = replace(wanted, tickets=frozenset(tickets) if named else frozenset())
    heads, every = ledger_heads(folder), tuple(begun.path for begun in beginnings(folder))
    outside = anchor_files(plans)
    anchored = {head.path for path in outside for head in _heads_in(path)} & set(every)
    files = files_from(folder, lines | anchored)
    if files != every and not _tell_the_same(folder, named, _Records(folder, files, wanted)):
        files = every  # something before the first of these lines tells of the decisions, too
    for path in files:
        put(pack, f"ledger/{path}", (line + b"\n" for line in whole_lines(folder, path)))
    absent = [*_add_plans(pack, folder, runs, plans), *_add_manifests(pack, manifests)]
    _add_rules(pack, folder, files)
    for place in outside:
        if _heads_in(place):
            data = place.read_bytes()
            put(pack, f"anchors/{sha256(data).removeprefix('sha256:')}{place.suffix}", (data,))
    prefix = _git("rev-parse", "--show-prefix") if (pack / "manifests").exists() else None
    return _audit(
        Audit(
            _asked(wanted),
            head_digest(heads),
            heads,
            files,
            _Records(pack / "ledger", files, wanted),
            absent=tuple(absent),
            chosen=_chosen(wanted),
            prefix=(prefix or b"").decode().strip(),
        )
    )


def _tell_the_same(folder: Path, tickets: Collection[Guid], some: _Records) -> bool:
    """Say whether some files of the ledger have the same records as all of them."""
    every = filter(some.wanted.lets, history(unverified_lines(folder, tickets or None)))
    return all(one == other for one, other in zip_longest(every, some))


def _audit(about: Audit) -> Audit:
    """Go through the records once for what there is to say of them together."""
    outcomes, runs = Counter[str](), dict[str, Provenance]()
    for record in about.records:
        outcomes[record.outcome] += 1
        runs[record.line.run] = record.line.provenance
    return replace(about, outcomes=outcomes, runs=runs)


def put(pack: Path, name: str, pieces: Iterable[bytes]) -> None:
    """Put a file into the folder of a pack. Raises OSError."""
    path = pack / name
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, pieces, durable=False)


def _heads_in(path: Path) -> tuple[Head, ...]:
    """Return the heads that a file from outside names; one that was edited names none."""
    try:
        named = heads_named(path.read_bytes())
    except (OSError, Edited):
        return ()
    return named[0] if named else ()


def _add_rules(pack: Path, folder: Path, files: Iterable[str]) -> None:
    """Add who changed the configuration when, for the runs of these files, and the configurations that are kept."""
    changes = tuple(changes_in(first_lines(folder, files)))
    for each in changes:
        text = text_of(folder, each)
        if each.config and text:
            put(pack, f"configurations/{each.config.removeprefix('sha256:')}.yaml", (text.encode(),))
    rows = [plain(each) for each in changes]
    put(pack, "policy.json", (json_text({"version": 1, "changes": rows}).encode(),))


def rebuilt(folder: Path) -> Audit:
    """Return what an unpacked audit pack is about, from its ledger alone; proof.json says what was asked for.

    Raises InvalidInput for a ledger whose chain is broken, a plan that was edited, a pack that is none.
    """
    place = Source(str(folder / "proof.json"))
    try:
        proof = decode_document((folder / "proof.json").read_bytes(), dict[str, Any], "pack")
        heads = tuple(Head(each["path"], each["hash"], each["lines"]) for each in proof["heads"])
        chosen = {name: tuple(map(str, values)) for name, values in proof["filter"].items()}
        absent = tuple(Absent(each["what"], each["why"]) for each in proof["absent"])
        asked, prefix = tuple(proof["asked"].items()), str(proof["prefix"])
        wanted = _filter(chosen)
    except Newer as newer:
        raise InvalidInput((Problem("pack/newer", place, str(newer), newer.hint),)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput((Problem("pack/proof", place, f"this is no audit pack: {error!r}"),)) from None
    ledger = folder / "ledger"
    faults = [fault for fault in check(ledger).faults if fault.code != _NOT_HERE]
    faults += _edited(folder)
    if faults:
        raise InvalidInput(tuple(faults))
    files = tuple(begun.path for begun in beginnings(ledger))
    records = _Records(ledger, files, wanted)
    return _audit(Audit(asked, head_digest(heads), heads, files, records, absent=absent, chosen=chosen, prefix=prefix))


def _edited(folder: Path) -> Iterator[Problem]:
    """Find plans of a pack that are not what was made: by their checksum and by the digest of their meaning."""
    for path in sorted((folder / "plans").glob("*.json")):
        try:
            check_digest(load_plan(path))
        except GuardRefused as refused:
            yield Problem("pack/plan", Source(str(path)), refused.message)
        except InvalidInput as invalid:
            yield from invalid.problems


def _asked(wanted: Filter) -> tuple[tuple[str, str], ...]:
    asked = {
        "from": format_instant(wanted.since) if wanted.since else "",
        "to (not included)": format_instant(wanted.until) if wanted.until else "",
        "changes": ", ".join(sorted(wanted.changes)),
        "tickets": ", ".join(sorted(wanted.tickets)),
        "objects": ", ".join(wanted.objects),
        "outcomes": ", ".join(sorted(wanted.outcomes)),
        "only": "overridden" if wanted.overridden else "",
    }
    return tuple((name, value) for name, value in asked.items() if value)


def _chosen(wanted: Filter) -> Mapping[str, tuple[str, ...]]:
    """Spell a filter so that it can be read back."""
    lists = {name: tuple(sorted(getattr(wanted, name))) for name in ("tickets", "objects", "changes", "outcomes")}
    moments = {name: getattr(wanted, name) for name in ("since", "until")}
    spelled = {name: (format_instant(moment),) for name, moment in moments.items() if moment is not None}
    return {**{name: values for name, values in lists.items() if values}, **spelled} | (
        {"overridden": ("yes",)} if wanted.overridden else {}
    )


def _filter(chosen: Mapping[str, tuple[str, ...]]) -> Filter:
    since, until = (chosen.get(name, ()) for name in ("since", "until"))
    return Filter(
        tickets=frozenset(chosen.get("tickets", ())),
        objects=chosen.get("objects", ()),
        changes=frozenset(chosen.get("changes", ())),
        outcomes=frozenset(chosen.get("outcomes", ())),
        since=parse_instant(since[0]) if since else None,
        until=parse_instant(until[0]) if until else None,
        overridden="overridden" in chosen,
    )


def _add_plans(pack: Path, folder: Path, paths: Collection[str], places: Sequence[Path]) -> Iterator[Absent]:
    """Add the plans that the runs of these files applied: those kept beside the runs, or else from the files at hand.

    Yields those that are not there.
    """
    given: dict[str, Path] = {}
    for path in _plan_files(places):
        try:
            made = load_plan(path)
            check_digest(made)
        except (InvalidInput, GuardRefused):
            continue
        given[made.digest] = path
    opened = [begun.opened for begun in beginnings(folder) if begun.opened and begun.path in paths]
    missing = {each.digest for each in opened}
    for each in opened:
        data = kept(folder, PLANS, each.plan) if each.plan else None
        if data is not None and _DIGEST.fullmatch(each.digest) and _kept_plan(data).digest == each.digest:
            put(pack, _plan_name(each.digest), (data,))
            missing.discard(each.digest)
    for digest in sorted(missing):
        if digest in given:
            put(pack, _plan_name(digest), (given[digest].read_bytes(),))
        else:
            yield Absent(f"plan {digest}", "no plan with this digest is kept, or among those given with --plans")


def _plan_name(digest: str) -> str:
    return f"plans/{digest.removeprefix('sha256:')}.json"


def _kept_plan(data: bytes) -> Plan:
    try:
        return decode_plan(data)
    except Newer as newer:
        raise LedgerNewer(f"a plan that is kept beside the ledger: {newer}", newer.hint) from None


def _plan_files(places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        yield from sorted(place.rglob("*.json")) if place.is_dir() else (place,)


def _add_manifests(pack: Path, wanted: Iterable[tuple[str, str]]) -> Iterator[Absent]:
    """Add manifests as they were at the commits of runs, from the repository of the working directory.

    Besides come the objects of git that lead from the commit to the file, so that nobody needs a clone to check it.
    Yields those that are not there.
    """
    for commit, path in sorted(wanted):
        what = f"manifest {path} at {commit or 'an unknown commit'}"
        if not _COMMIT.fullmatch(commit) or not _stays_inside(path):
            yield Absent(what, "the ledger names no commit and relative path for it")
            continue
        data = _git("cat-file", "blob", f"{commit}:./{path}")
        if data is None:
            yield Absent(what, "the repository of the working directory does not have it")
        else:
            put(pack, f"manifests/{commit}/{path}", (data,))
            for name, content in _objects(commit, path):
                put(pack, name, (content,))


def _objects(commit: str, path: str) -> Iterable[tuple[str, bytes]]:
    """Yield the commit and the trees down to the folder of a file, as git hashes them, by their names in a pack."""
    prefix = (_git("rev-parse", "--show-prefix") or b"").decode().strip()
    parents = [str(parent) for parent in reversed(PurePosixPath(prefix + path).parents)]
    for kind, name in (("commit", commit), *(("tree", f"{commit}:{'' if at == '.' else at}") for at in parents)):
        sha, data = _git("rev-parse", name), _git("cat-file", kind, name)
        if sha is not None and data is not None:
            yield f"git/{sha.decode().strip()}.{kind}", data


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts and "\\" not in path and path.isprintable()


def _git(*arguments: str) -> bytes | None:
    program = shutil.which("git")
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603 - a fixed program, arguments as a list, no shell
        [program, *arguments], capture_output=True, check=False
    )
    return done.stdout if done.returncode == 0 else None
