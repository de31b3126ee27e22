"""Files that a command is asked to write: checked before anything is sent, and written so that nothing else is lost."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from reconciler.atomic import atomic_write, check_replaceable
from reconciler.errors import InvalidInput, UnusableOutput
from reconciler.manifests.text import bounds, is_below
from reconciler.model.decision import Problem, Source
from reconciler.model.settings import Settings

_HEAD = 4096


def _is_plan(head: bytes) -> bool:
    return _has(head, b"target", b"expires_at", b"digest")


def _is_run(head: bytes) -> bool:
    return _has(head, b"run", b"target", b"started_at", b"digest")


def _is_statement(head: bytes) -> bool:
    return _has(head, b"_type", b"subject") and b"https://in-toto.io/Statement/" in head


def _is_predicate(head: bytes) -> bool:
    return _has(head, b"run", b"target", b"plan", b"startedOn")


def _is_ready_file(head: bytes) -> bool:
    return _has(head, b"url", b"token", b"reading_token")


def _is_checksums(head: bytes) -> bool:
    digest, _, rest = head.partition(b"  ")
    return len(digest) == 64 and digest.isalnum() and bool(rest)


def _is_heads(head: bytes) -> bool:
    return head == b"[]" or head.startswith(b'[{"hash":"sha256:')


def _has(head: bytes, *members: bytes) -> bool:
    return head.startswith(b"{") and all(b'"%b": ' % member in head for member in members)


def _is_metrics(head: bytes) -> bool:
    return all(
        line.startswith((b"# HELP tpp_reconciler_", b"# TYPE tpp_reconciler_", b"tpp_reconciler_"))
        for line in head.splitlines()[:3]
    )


def _is_pack(head: bytes) -> bool:
    return head.startswith(b"PK\3\4") and head[30:40] == b"SHA256SUMS"


def _is_state(head: bytes) -> bool:
    return head.startswith(b"SQLite format 3\0")


class OutputKind(Enum):
    """What a file is written as, and how the beginning of an earlier one is recognised."""

    PLAN = ("a saved plan", _is_plan)
    RUN = ("the report of a run", _is_run)
    METRICS = ("a file of metrics", _is_metrics)
    PACK = ("an audit pack", _is_pack)
    STATEMENT = ("a statement about a run", _is_statement)
    PREDICATE = ("the predicate of such a statement", _is_predicate)
    CHECKSUMS = ("a list of checksums", _is_checksums)
    HEADS = ("the heads of a ledger", _is_heads)
    READY = ("the ready file of a sandbox", _is_ready_file)
    STATE = ("the state of a sandbox", _is_state)

    def __init__(self, named: str, recognises: Callable[[bytes], bool]) -> None:
        """Keep both parts."""
        self.named = named
        self.recognises = recognises


@dataclass(frozen=True, slots=True)
class Output:
    """A file that an option names."""

    option: str
    path: Path
    kind: OutputKind


def check_outputs(outputs: Iterable[Output], settings: Settings, manifests: Iterable[str] = ()) -> None:
    """Refuse places that can't be written, or that hold something else.

    An output replaces only a regular file of its own kind, never through a link, never in the ledger or among the
    manifests. Raises UnusableOutput with every fault.
    """
    outputs = tuple(outputs)
    problems = [problem for output in outputs if (problem := _problem(output, settings, tuple(manifests)))]
    places = [_place(output.path) for output in outputs]
    problems += [
        _refused(output, f"{output.option} names the file of another option", "give each output a file of its own")
        for number, output in enumerate(outputs)
        if places[number] in places[:number]
    ]
    if problems:
        raise UnusableOutput(tuple(problems))


def saved_as(out: Path | None, kind: OutputKind) -> tuple[Output, ...]:
    """Return the output that --out names, if it was given."""
    return (Output("--out", out, kind),) if out is not None else ()


def check_site(folder: Path, settings: Settings) -> None:
    """Refuse a folder that is no place for a site: one with other files, a link, one in ledger or manifests.

    Raises UnusableOutput.
    """
    reserved = _reserved(folder, settings, ())
    if reserved:
        why, hint = reserved, "choose another folder with --out"
    elif folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        why, hint = "this is a link or no folder", "choose a folder with --out"
    elif folder.is_dir() and any(folder.iterdir()) and not _is_site(folder):
        why, hint = "there is something else in this folder", "choose an empty folder, or that of an earlier report"
    else:
        return
    raise UnusableOutput((Problem("output/refused", Source(str(folder)), f"--out: {why}", hint),))


_OURS = {"index.html": "tpp-reconciler", "audit.html": "<title>Working papers: decisions on approval tickets"}
"""The page that a report or an auditor's working papers have, and by what it is known."""


def _is_site(folder: Path) -> bool:
    return any(_is_ours(folder / name, mark) for name, mark in _OURS.items())


def _is_ours(path: Path, mark: str) -> bool:
    try:
        page = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "Content-Security-Policy" in page and mark in page


def _problem(output: Output, settings: Settings, manifests: tuple[str, ...]) -> Problem | None:
    path = output.path
    reserved = _reserved(path, settings, manifests)
    if reserved:
        return _refused(output, reserved, f"choose another place with {output.option}")
    if not path.parent.is_dir():
        return _refused(output, f"there is no folder {path.parent}", "make the folder first")
    try:
        check_replaceable(path)
        head = _head(path)
    except OSError as error:
        return _refused(output, error.strerror or str(error), f"choose another place with {output.option}")
    if head and not output.kind.recognises(head):
        named = output.kind.named
        return _refused(output, f"the file there is not {named}, and is not replaced", "choose another name")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return _refused(output, f"the folder {path.parent} can't be written to", "check its permissions")
    return None


def _refused(output: Output, why: str, hint: str) -> Problem:
    return Problem("output/refused", Source(str(output.path)), f"{output.option}: {why}", hint)


def _reserved(path: Path, settings: Settings, manifests: tuple[str, ...]) -> str:
    """Return whose place this is; empty when it is free."""
    around = (_place(path), *_place(path).parents)
    if Path(settings.ledger).resolve() in around:
        return f"this is inside the ledger in {settings.ledger}"
    base = (Path(settings.path).parent if settings.path else Path()).resolve()
    for name in (*manifests, *settings.tickets):
        planned = Path(name).resolve()
        if planned in around and (planned not in (base, *base.parents) or path.suffix.lower() in (".yaml", ".yml")):
            return f"this is among the manifests in {name}"
    return ""


def _place(path: Path) -> Path:
    """Return where a file is, its folder resolved and the file itself not: a link is refused as such."""
    return path.parent.resolve() / path.name


def _head(path: Path) -> bytes:
    """Read the beginning of a file, empty when there is none. Nothing but a regular file is opened."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD)
    except FileNotFoundError:
        return b""


def remove_earlier(output: Output) -> None:
    """Remove what an earlier run left, so that what is there afterwards is new. What is of another kind stays."""
    if output.kind.recognises(_head(output.path)):
        output.path.unlink(missing_ok=True)


def check_in_place(paths: Iterable[Path], root: str) -> None:
    """Refuse, before the first of them is written, files that can't be written where they stand.

    That is a link, a special file, what lies behind a link that leads out of `root`, or a folder that can't be
    written to. Folders may be missing. Raises InvalidInput with every fault.
    """
    problems = [problem for path in paths if (problem := _not_in_place(path, root))]
    if problems:
        raise InvalidInput(tuple(problems))


def _not_in_place(path: Path, root: str) -> Problem | None:
    folder = next(each for each in path.absolute().parents if os.path.lexists(each))
    hint, bound = "check its permissions, and what stands in its place", bounds(str(path), root)
    if not folder.is_dir():
        path, why = Path(os.path.relpath(folder)), "this is no folder"
    elif os.path.lexists(bound) and not is_below(os.path.realpath(folder), bound):
        why, hint = f"{folder} leads out of the repository", "put a folder there instead of the link"
    elif not os.access(folder, os.W_OK | os.X_OK):
        why = f"the folder {folder} can't be written to"
    else:
        try:
            if folder == path.absolute().parent:
                check_replaceable(path)
        except OSError as error:
            why = error.strerror or str(error)
        else:
            return None
    return Problem("file/unwritable", Source(str(path)), f"the file can't be written: {why}", hint)


def write_output(path: Path, text: str, mode: int | None = None) -> None:
    """Write an output that was checked. Raises InvalidInput when that fails all the same."""
    with changing(path):
        atomic_write(path, text.encode("utf-8"), mode=mode)


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Turn what the system says about a file that is read and written anew into InvalidInput with its place."""
    try:
        yield
    except OSError as error:
        where = str(error.filename or path)
        message = f"the file can't be written: {error.strerror or error}"
        hint = "check its permissions, the space on the disk, and what stands in its place"
        raise InvalidInput((Problem("file/unwritable", Source(where), message, hint),)) from None
