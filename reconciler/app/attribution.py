"""Which commit brought each decision to the branch as it is now: its own review and its own reviewed plan follow."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from reconciler.manifests.manifest import read_manifest
from reconciler.manifests.windows import Windows
from reconciler.model.decision import Decision, Selection, Source
from reconciler.model.plan import Step
from reconciler.model.review import BranchCommit
from reconciler.model.ticket import Guid
from reconciler.model.value import replace

Contents = Mapping[str, Decision | Selection]
"""What a manifest says of each ticket and each rule, by GUID and name, wherever it stands in the file."""

_NOWHERE = Source("")


def brought_by(
    steps: Iterable[Step],
    names: Mapping[str, str],
    commits: Sequence[BranchCommit],
    contents: Callable[[str], Contents],
) -> dict[Guid, str]:
    """Return for each decision the commit that last changed what it says, or moved it to its file.

    `names` has each path as git names it, `commits` are those that touched the files, oldest first, and `contents`
    reads a blob. Decisions whose file no commit has are left out.
    """
    by_file: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_file[names[step.source.path]].append(step)
    found: dict[Guid, str] = {}
    for name, own in by_file.items():
        touching = [commit for commit in commits if name in commit.touched]
        left = {step.guid: step.rule or step.guid for step in own}
        for number in range(len(touching) - 1, 0, -1):
            if not left:
                break
            now, before = (_read(touching[at].touched[name], contents) for at in (number, number - 1))
            brought = [guid for guid, key in left.items() if now.get(key) != before.get(key)]
            found |= dict.fromkeys(brought, touching[number].sha)
            for guid in brought:
                del left[guid]
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
                **{decision.guid: replace(decision, source=_NOWHERE) for decision in manifest.decisions},
                **{rule.name: replace(rule, source=_NOWHERE) for rule in manifest.selections},
            }
        return known[blob]

    return contents


def _read(blob: str | None, contents: Callable[[str], Contents]) -> Contents:
    return {} if blob is None else contents(blob)
