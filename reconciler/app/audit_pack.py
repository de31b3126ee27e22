"""An audit pack: the records that were asked for with all that proves them, and the same made again from a pack."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from reconciler.app.evidence import anchor_files, changes_in, heads_named, text_of
from reconciler.app.ledger import Filter, records_of
from reconciler.codec import Edited, decode, decode_plan, json_text, plain, sha256
from reconciler.errors import GuardRefused, InvalidInput
from reconciler.ledger.chain import check
from reconciler.ledger.files import segment_bytes
from reconciler.ledger.heads import beginnings, files_from, head_digest, ledger_heads
from reconciler.ledger.history import history, lines_in
from reconciler.ledger.kept import PLANS, kept
from reconciler.ledger.plan_files import load_plan
from reconciler.model.decision import Problem, Source
from reconciler.model.record import Absent, Audit, Head, Record
from reconciler.model.status import format_instant, parse_instant
from reconciler.model.value import replace
from reconciler.planning.digest import check_digest

Evidence = dict[str, bytes]
"""Files of an audit pack that exist already, by their names in it: ledger files, plans, manifests, objects of git."""
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NOT_HERE = "ledger/removed"
"""The fault of a pack's ledger that is none: files from before the first record are not in it."""


def gather_evidence(folder: Path, wanted: Filter, plans: Sequence[Path]) -> tuple[Audit, Evidence]:
    """Return what an audit pack is about, and the files that prove it. Raises LedgerBroken for a broken chain."""
    records = tuple(records_of(folder, wanted))
    wanted = replace(wanted, tickets=frozenset(record.guid for record in records) if wanted.tickets else frozenset())
    heads = ledger_heads(folder)
    told = (line for record in records for line in (record.line, record.decided) if line is not None)
    outside = anchor_files(plans)
    anchored = {head.path for path in outside for head in _heads_in(path)} & {each.path for each in beginnings(folder)}
    files = files_from(folder, {line.source.path for line in told} | anchored)
    if tuple(filter(wanted.lets, history(lines_in(folder, files)))) != records:
        # Something before the first of these lines tells of the decisions, too.
        files = tuple(sorted(begun.path for begun in beginnings(folder)))
    found: Evidence = {}
    absent = [*_add_plans(found, folder, records, plans), *_add_manifests(found, records)]
    for path in files:
        found[f"ledger/{path}"] = segment_bytes(folder, path)
    found |= _rules(folder, files)
    found |= {
        f"anchors/{sha256(data).removeprefix('sha256:')}{path.suffix}": data
        for path in outside
        if _heads_in(path)
        for data in [path.read_bytes()]
    }
    prefix = _git("rev-parse", "--show-prefix") if any(name.startswith("manifests/") for name in found) else None
    about = Audit(
        _asked(wanted),
        head_digest(heads),
        heads,
        files,
        records,
        tuple(absent),
        chosen=_chosen(wanted),
        prefix=(prefix or b"").decode().strip(),
    )
    return about, found


def _heads_in(path: Path) -> tuple[Head, ...]:
    """Return the heads that a file from outside names; one that was edited names none."""
    try:
        named = heads_named(path.read_bytes())
    except (OSError, Edited):
        return ()
    return named[0] if named else ()


def _rules(folder: Path, files: Iterable[str]) -> Evidence:
    """Return who changed the configuration when, for the runs of these files, and the configurations that are kept."""
    changes = tuple(changes_in(lines_in(folder, tuple(files))))
    texts = {each.config: text_of(folder, each) for each in changes if each.config}
    found = {
        f"configurations/{name.removeprefix('sha256:')}.yaml": text.encode() for name, text in texts.items() if text
    }
    rows = [plain(each) for each in changes]
    return found | {"policy.json": json_text({"version": 1, "changes": rows}).encode()}


def rebuilt(folder: Path) -> Audit:
    """Return what an unpacked audit pack is about, from its ledger alone; proof.json says what was asked for.

    Raises InvalidInput for a ledger whose chain is broken, a plan that was edited, a pack that is none.
    """
    try:
        proof = decode((folder / "proof.json").read_bytes(), dict[str, Any])
        heads = tuple(Head(each["path"], each["hash"], each["lines"]) for each in proof["heads"])
        chosen = {name: tuple(map(str, values)) for name, values in proof["filter"].items()}
        absent = tuple(Absent(each["what"], each["why"]) for each in proof["absent"])
        asked, prefix = tuple(proof["asked"].items()), str(proof["prefix"])
        wanted = _filter(chosen)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = Problem("pack/proof", Source(str(folder / "proof.json")), f"this is no audit pack: {error!r}")
        raise InvalidInput((problem,)) from None
    ledger = folder / "ledger"
    faults = [fault for fault in check(ledger).faults if fault.code != _NOT_HERE]
    faults += _edited(folder)
    if faults:
        raise InvalidInput(tuple(faults))
    files = tuple(sorted(begun.path for begun in beginnings(ledger)))
    records = tuple(filter(wanted.lets, history(lines_in(ledger, files))))
    return Audit(asked, head_digest(heads), heads, files, records, absent, chosen=chosen, prefix=prefix)


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


def _add_plans(found: Evidence, folder: Path, records: Sequence[Record], places: Sequence[Path]) -> Iterator[Absent]:
    """Add the plans that the runs applied: those kept beside the runs, or else from the files at hand."""
    paths = {record.line.source.path for record in records}
    opened = [begun.opened for begun in beginnings(folder) if begun.opened and begun.path in paths]
    known: dict[str, bytes] = {}
    for path in _plan_files(places):
        try:
            made = load_plan(path)
            check_digest(made)
        except (InvalidInput, GuardRefused):
            continue
        known[made.digest] = path.read_bytes()
    for begun in opened:
        data = kept(folder, PLANS, begun.plan) if begun.plan else None
        if data is not None and decode_plan(data).digest == begun.digest:
            known[begun.digest] = data
    for digest in sorted({begun.digest for begun in opened}):
        if digest in known:
            found[f"plans/{digest.removeprefix('sha256:')}.json"] = known[digest]
        else:
            yield Absent(f"plan {digest}", "no plan with this digest is kept, or among those given with --plans")


def _plan_files(places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        yield from sorted(place.rglob("*.json")) if place.is_dir() else (place,)


def _add_manifests(found: Evidence, records: Sequence[Record]) -> Iterator[Absent]:
    """Add the manifests as they were at the commit of each run, from the repository of the working directory.

    Besides come the objects of git that lead from the commit to the file, so that nobody needs a clone to check it.
    """
    wanted = {(record.line.provenance.commit or "", record.source.path) for record in records if record.source}
    for commit, path in sorted(wanted):
        what = f"manifest {path} at {commit or 'an unknown commit'}"
        if not _COMMIT.fullmatch(commit) or not _stays_inside(path):
            yield Absent(what, "the ledger names no commit and relative path for it")
            continue
        data = _git("cat-file", "blob", f"{commit}:./{path}")
        if data is None:
            yield Absent(what, "the repository of the working directory does not have it")
        else:
            found[f"manifests/{commit}/{path}"] = data
            found |= _objects(commit, path)


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
