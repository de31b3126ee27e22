"""The way in: files and folders of manifests to everything that they declare, or to every fault in them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from reconciler.errors import InvalidInput
from reconciler.manifests.codes import Code
from reconciler.manifests.discovery import find
from reconciler.manifests.manifest import Manifest, read_manifest
from reconciler.manifests.source_text import Unreadable, read_text
from reconciler.manifests.windows import Windows
from reconciler.model.decision import Decision, Desired, Override, Problem, Seal, Selection, Severity
from reconciler.model.guid import Guid
from reconciler.model.settings import WindowDefinition

if TYPE_CHECKING:
    from reconciler.manifests.shut import Shut


def load_desired(
    paths: Iterable[str],
    *,
    windows: Mapping[str, WindowDefinition],
    now: datetime,
    sealed: Mapping[str, Seal] = MappingProxyType({}),
    sealing: bool = False,
) -> Desired:
    """Return everything that the manifests below `paths` declare, in order of path and line.

    Names of recurring windows are resolved to their next occurrence that has not ended at `now` (UTC). Manifests that
    are `sealed` (by the digest of their text) are not read; with `sealing`, those that can be are noted. Raises
    InvalidInput with every fault of every file; a partial answer would be a wrong plan.
    """
    paths = tuple(paths)
    if sealed or sealing:
        from reconciler.manifests.shut import NotAlone, Shut

        try:
            desired, problems = check(paths, windows=windows, now=now, shut=Shut(sealed, sealing=sealing))
        except NotAlone:
            desired, problems = check(paths, windows=windows, now=now, shut=Shut(sealing=sealing))
    else:
        desired, problems = check(paths, windows=windows, now=now)
    if problems:
        raise InvalidInput(problems)
    return desired


def check(
    paths: Iterable[str], *, windows: Mapping[str, WindowDefinition], now: datetime, shut: "Shut | None" = None
) -> tuple[Desired, tuple[Problem, ...]]:
    """Return what the manifests declare, as far as it can be read, and every fault in them in order of place.

    Warnings are not among the faults; they are in the first value. Raises NotAlone when a ticket of a manifest that
    stays shut is decided elsewhere, too.
    """
    files, problems = find(paths)
    everything = Manifest(problems=list(problems))
    seen = Windows(windows, now)
    for file in files:
        try:
            text = read_text(file)
        except Unreadable as error:
            everything.problems.append(error.problem)
            continue
        if shut is not None and shut.keeps(file, text):
            continue
        manifest = read_manifest(file, text, seen)
        if shut is not None:
            shut.consider(file, text, manifest)
        everything.decisions += manifest.decisions
        everything.overrides += manifest.overrides
        everything.selections += manifest.selections
        everything.problems += manifest.problems
    if shut is not None:
        shut.refuse_company(everything.decisions)
    everything.problems += _repeated_tickets(everything.decisions)
    everything.problems += _repeated_rules(everything.selections)
    return _sorted(everything, files, shut)


def _sorted(found: Manifest, files: tuple[str, ...], shut: "Shut | None") -> tuple[Desired, tuple[Problem, ...]]:
    if list(files) != sorted(files):
        found.decisions.sort(key=_place)  # each file has its own in order already
    problems = sorted(set(found.problems), key=lambda problem: (problem.source, problem.code, problem.message))
    desired = Desired(
        decisions=tuple(found.decisions),
        overrides=tuple(sorted(found.overrides, key=_place)),
        selections=tuple(sorted(found.selections, key=_place)),
        files=files,
        warnings=tuple(problem for problem in problems if problem.severity is Severity.WARNING),
        sealed=tuple(shut.kept) if shut else (),
        sealable=tuple(shut.sealable) if shut else (),
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
            message = f"rule `{selection.name}` stands twice: here and at {other.source}"
            yield Problem(Code.RULE_TWICE, selection.source, message, "give one of them another name")
