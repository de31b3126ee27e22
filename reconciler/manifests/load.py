"""The way in: files and folders of manifests to everything that they declare, or to every fault in them.

A manifest that the ledger seals (its digest is recorded as complete) is not read, as long as its tickets are decided
nowhere else. That is told by its text alone: a manifest can be sealed if each of its GUIDs stands where a search finds
it, behind `guid:` and without escapes.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from reconciler.codec import sha256
from reconciler.errors import InvalidInput
from reconciler.manifests.manifest import Manifest, read_manifest
from reconciler.manifests.problems import Code
from reconciler.manifests.text import Unreadable, read_text, repository_of
from reconciler.manifests.windows import Windows
from reconciler.model.decision import Decision, Desired, Override, Problem, Seal, Selection, Severity, Source
from reconciler.model.settings import WindowDefinition
from reconciler.model.ticket import Guid
from reconciler.model.value import quote

KEPT = ".gitkeep"
"""The file that git keeps a folder for which has nothing else in it."""
_NAMED = re.compile(rb"""guid["']?[ \t]*:[ \t]*["'{]*([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})""")
_SUFFIXES = (".yaml", ".yml")
_Identity = tuple[int, int] | str
"""What tells a file from others, however it is named."""


def find(paths: Iterable[str]) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Return the manifest files below `paths` in order of path, each once, and what is wrong with the paths.

    A folder stands for all `.yaml` and `.yml` files below it but hidden ones, in whatever case. One without any is most
    likely the wrong one, unless it holds `.gitkeep`, as it does once its last decision is settled. Links to folders are
    refused rather than left out, for a plan from half of the manifests would be a wrong plan.
    """
    named = tuple(Path(path).as_posix() for path in paths)
    found: dict[_Identity, str] = {}
    problems: list[Problem] = []
    for path in named:
        is_folder = Path(path).is_dir() and not _is_manifest(path)
        files = list(_below(path, problems)) if is_folder else [(path, _identity(path))]
        if not files and not _is_kept_empty(path) and not any(p.source.path.startswith(path) for p in problems):
            hint = f"put manifests (*.yaml) into it, or {KEPT} if it is to be empty, or name another path"
            problems.append(Problem(Code.FILE_NONE, Source(path), "there is no manifest in this folder", hint))
        for file, identity in files:
            found.setdefault(identity, file)
    if not named:
        problems.append(
            Problem(Code.FILE_NONE, Source("."), "no manifests are named", "name files or folders of manifests")
        )
    return tuple(sorted(found.values())), tuple(problems)


def _below(folder: str, problems: list[Problem]) -> Iterator[tuple[str, _Identity]]:
    try:
        device = os.stat(folder).st_dev  # noqa: PTH116 - as below
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        message = f"the folder can't be read: {(error.strerror or str(error)).lower()}"
        problems.append(Problem(Code.FILE_UNREADABLE, Source(folder), message, "check its permissions"))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = entry.path
        if entry.is_dir(follow_symlinks=False) and not _is_manifest(entry.name):
            yield from _below(path, problems)
        elif entry.is_symlink() and entry.is_dir() and not _is_manifest(entry.name):
            hint = "name the folder that it points to among the paths instead"
            message = "this link to a folder is not followed"
            problems.append(Problem(Code.FILE_LINK, Source(path), message, hint))
        elif _is_manifest(entry.name):
            yield path, _identity(path) if entry.is_symlink() else (device, entry.inode())


def _is_manifest(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def _is_kept_empty(folder: str) -> bool:
    return (Path(folder) / KEPT).is_file()


def _identity(file: str) -> _Identity:
    """Return what tells a file from others, however it is named; for one that can't be seen, its name."""
    try:
        about = os.stat(file)  # noqa: PTH116 - a Path for each of thousands of files costs more than the call
    except OSError:
        return file
    return about.st_dev, about.st_ino


class SharedTicket(Exception):
    """A sealed manifest shares a ticket with another file: everything has to be read to report it."""


@dataclass(slots=True)
class SealIndex:
    """What is found of seals while manifests are read.

    `known` has the seals of the ledger by the digest of the text, `sealing` says whether more are sought. `skipped` are
    the manifests that were not read, `sealable` those that can be sealed.
    """

    known: Mapping[str, Seal] = field(default_factory=dict)
    sealing: bool = False
    skipped: list[Seal] = field(default_factory=list)
    sealable: list[Seal] = field(default_factory=list)
    _tickets: set[bytes] = field(default_factory=set)

    def skips(self, file: str, text: bytes) -> bool:
        """Whether a file need not be read. Raises SharedTicket when two such files decide about one ticket."""
        seal = self.known.get(sha256(text)) if self.known else None
        tickets = _named(text) if seal else []
        if seal is None or len(tickets) != seal.decisions:
            return False
        before = len(self._tickets)
        self._tickets.update(tickets)
        if len(self._tickets) != before + len(tickets):
            raise SharedTicket
        self.skipped.append(Seal(file, seal.content, seal.decisions))
        return True

    def consider(self, file: str, text: bytes, manifest: Manifest) -> None:
        """Note a file that can be sealed: it has decisions alone, which depend on nothing outside of it."""
        decisions = manifest.decisions
        if not self.sealing or manifest.overrides or manifest.selections or manifest.problems:
            return
        if any(decision.window is not None for decision in decisions):
            return
        if decisions and sorted(_named(text)) == sorted(decision.guid.encode() for decision in decisions):
            self.sealable.append(Seal(file, sha256(text), len(decisions)))

    def refuse_shared(self, decisions: Iterable[Decision]) -> None:
        """Raise SharedTicket when a ticket of a file that was skipped is decided in one that was read."""
        if self._tickets and any(decision.guid.encode() in self._tickets for decision in decisions):
            raise SharedTicket


def _named(text: bytes) -> list[bytes]:
    """Return the GUIDs behind `guid:` in a text, in lower case."""
    return _NAMED.findall(text.lower())


def load_desired(
    paths: Iterable[str],
    *,
    windows: Mapping[str, WindowDefinition],
    now: datetime,
    sealed: Mapping[str, Seal] = MappingProxyType({}),
    sealing: bool = False,
    root: str | None = None,
) -> Desired:
    """Return everything that the manifests below `paths` declare, in order of path and line.

    Names of recurring windows are resolved to their next occurrence that has not ended at `now` (UTC). Manifests that
    are `sealed` (by the digest of their text) are not read; with `sealing`, those that can be are noted. `root` is what
    `repository_of` gives, that of the working directory if left out. Raises InvalidInput with every fault of every
    file; a partial answer would be a wrong plan.
    """
    paths = tuple(paths)
    try:
        desired, problems = check(paths, windows=windows, now=now, seals=SealIndex(sealed, sealing=sealing), root=root)
    except SharedTicket:
        desired, problems = check(paths, windows=windows, now=now, seals=SealIndex(sealing=sealing), root=root)
    if problems:
        raise InvalidInput(problems)
    return desired


def check(
    paths: Iterable[str],
    *,
    windows: Mapping[str, WindowDefinition],
    now: datetime,
    seals: SealIndex | None = None,
    root: str | None = None,
) -> tuple[Desired, tuple[Problem, ...]]:
    """Return what the manifests declare, as far as it can be read, and every fault in them in order of place.

    Warnings are not among the faults; they are in the first value. Raises SharedTicket when a ticket of a manifest that
    is skipped is decided elsewhere, too.
    """
    seals = seals or SealIndex()
    root = root or repository_of(None)
    files, problems = find(paths)
    everything = Manifest(problems=list(problems))
    seen = Windows(windows, now)
    for file in files:
        try:
            text = read_text(file, root)
        except Unreadable as error:
            everything.problems.append(error.problem)
            continue
        if seals.skips(file, text):
            continue
        manifest = read_manifest(file, text, seen)
        seals.consider(file, text, manifest)
        everything.decisions += manifest.decisions
        everything.overrides += manifest.overrides
        everything.selections += manifest.selections
        everything.problems += manifest.problems
    seals.refuse_shared(everything.decisions)
    everything.problems += _repeated_tickets(everything.decisions)
    everything.problems += _repeated_rules(everything.selections)
    return _sorted(everything, files, seals)


def _sorted(found: Manifest, files: tuple[str, ...], seals: SealIndex) -> tuple[Desired, tuple[Problem, ...]]:
    if list(files) != sorted(files):
        found.decisions.sort(key=_place)  # each file has its own in order already
    problems = sorted(set(found.problems), key=lambda problem: (problem.source, problem.code, problem.message))
    desired = Desired(
        decisions=tuple(found.decisions),
        overrides=tuple(sorted(found.overrides, key=_place)),
        selections=tuple(sorted(found.selections, key=_place)),
        files=files,
        warnings=tuple(problem for problem in problems if problem.severity is Severity.WARNING),
        sealed=tuple(seals.skipped),
        sealable=tuple(seals.sealable),
    )
    return desired, tuple(problem for problem in problems if problem.severity is Severity.ERROR)


def _place(item: Decision | Override | Selection) -> tuple[str, int, int]:
    return item.source.path, item.source.line, item.source.column


def _repeated_tickets(decisions: Iterable[Decision]) -> Iterable[Problem]:
    first: dict[Guid, Decision] = {}
    for decision in decisions:
        other = first.setdefault(decision.guid, decision)
        if other is not decision:
            message = f"ticket {decision.guid} is decided twice: here and at {other.source}"
            yield Problem(Code.TICKET_TWICE, decision.source, message, "keep one of the two decisions")


def _repeated_rules(selections: Iterable[Selection]) -> Iterable[Problem]:
    first: dict[str, Selection] = {}
    for selection in selections:
        other = first.setdefault(selection.name, selection)
        if other is not selection:
            message = f"rule {quote(selection.name)} stands twice: here and at {other.source}"
            yield Problem(Code.RULE_TWICE, selection.source, message, "give one of them another name")
