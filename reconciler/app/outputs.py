"""Files that a command is asked to write: checked before anything is sent, and written so that nothing else is lost."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from reconciler.atomic import check_replaceable
from reconciler.errors import InvalidInput, UnusableOutput
from reconciler.model.decision import Problem, Source
from reconciler.model.settings import Settings

_HEAD = 4096


def _is_plan(head: bytes) -> bool:
    return head.startswith(b"{") and b'"expires_at"' in head


def _is_run(head: bytes) -> bool:
    return head.startswith(b"{") and b'"started_at"' in head


def _is_metrics(head: bytes) -> bool:
    return all(
        line.startswith((b"# HELP tpp_reconciler_", b"# TYPE tpp_reconciler_", b"tpp_reconciler_"))
        for line in head.splitlines()[:3]
    )


def _is_zip(head: bytes) -> bool:
    return head.startswith(b"PK")


class Kind(Enum):
    """What a file is written as, and how the beginning of an earlier one is recognised."""

    PLAN = ("a saved plan", _is_plan)
    RUN = ("the report of a run", _is_run)
    METRICS = ("a file of metrics", _is_metrics)
    PACK = ("a zip file", _is_zip)

    def __init__(self, named: str, recognises: Callable[[bytes], bool]) -> None:
        """Keep both parts."""
        self.named = named
        self.recognises = recognises


@dataclass(frozen=True, slots=True)
class Output:
    """A file that an option names."""

    option: str
    path: Path
    kind: Kind


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


def saved_as(out: Path | None, kind: Kind) -> tuple[Output, ...]:
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


def _is_site(folder: Path) -> bool:
    try:
        return "tpp-reconciler" in (folder / "index.html").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


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
    """Say whose place this is; empty when it is free."""
    around = (_place(path), *_place(path).parents)
    if Path(settings.ledger).resolve() in around:
        return f"this is inside the ledger {settings.ledger}"
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
