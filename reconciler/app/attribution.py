"""Which commit brought each decision to the branch as it is now: its own review and its own reviewed plan follow."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from reconciler.manifests.manifest import read_manifest
from reconciler.manifests.windows import Windows
from reconciler.model.decision import NOWHERE, Decision, Override, OverrideUse, Selection, Source
from reconciler.model.plan import Step
from reconciler.model.review import BranchCommit
from reconciler.model.ticket import Guid
from reconciler.model.value import replace

T = TypeVar("T")
Contents = Mapping[str, Decision | Selection | Override]
"""What a manifest says of each ticket, rule and override, by GUID and name, wherever it stands in the file."""


def steps_by_file(steps: Iterable[Step], names: Mapping[str, str]) -> Mapping[str, Mapping[Guid, str]]:
    """Return for each file, as git names it, which contents decide which tickets."""
    by_file: dict[str, dict[Guid, str]] = defaultdict(dict)
    for step in steps:
        by_file[names[step.source.path]][step.guid] = step.rule or step.guid
    return by_file


def overrides_by_file(uses: Iterable[OverrideUse], names: Mapping[str, str]) -> Mapping[str, Mapping[Source, str]]:
    """Return for each file, as git names it, which contents are which overrides, by where they stand."""
    by_file: dict[str, dict[Source, str]] = defaultdict(dict)
    for use in uses:
        by_file[names[use.source.path]][use.source] = _override_key(use)
    return by_file


def _override_key(each: Override | OverrideUse) -> str:
    return f"override {each.rule} {each.until} {each.reason}"


def brought_by(
    by_file: Mapping[str, Mapping[T, str]], commits: Sequence[BranchCommit], contents: Callable[[str], Contents]
) -> dict[T, str]:
    """Return for each item the commit that last changed what it says, or moved it to its file.

    `commits` are those that touched the files, oldest first, and `contents` reads a blob. Items whose file is in no
    commit are left out.
    """
    found: dict[T, str] = {}
    for name, own in by_file.items():
        touching = [commit for commit in commits if name in commit.touched]
        left = dict(own)
        for number in range(len(touching) - 1, 0, -1):
            if not left:
                break
            now, before = (_read(touching[at].touched[name], contents) for at in (number, number - 1))
            brought = [item for item, key in left.items() if now.get(key) != before.get(key)]
            found |= dict.fromkeys(brought, touching[number].sha)
            for item in brought:
                del left[item]
        if touching:
            found |= dict.fromkeys(left, touching[0].sha)
    return found


def reader_of(text: Callable[[str], bytes], windows: Windows) -> Callable[[str], Contents]:
    """Return what reads blobs of manifests, each once."""
    known: dict[str, Contents] = {}

    def contents(blob: str) -> Contents:
        if blob not in known:
            manifest = read_manifest("", text(blob), windows)
            known[blob] = {
                **{decision.guid: replace(decision, source=NOWHERE) for decision in manifest.decisions},
                **{rule.name: replace(rule, source=NOWHERE) for rule in manifest.selections},
                **{_override_key(each): replace(each, source=NOWHERE) for each in manifest.overrides},
            }
        return known[blob]

    return contents


def _read(blob: str | None, contents: Callable[[str], Contents]) -> Contents:
    return {} if blob is None else contents(blob)
