"""What a pull request changes besides the decisions of its plan: rules, files that decide who reviews, removals."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.app.acting import placed
from reconciler.app.base_branch import base_settings, changed_rules
from reconciler.app.context import Context
from reconciler.errors import InvalidInput
from reconciler.github.actions import read_event
from reconciler.github.git import Git, GitFailure, write_as_at
from reconciler.manifests.load import load_desired
from reconciler.manifests.windows import freezes_ahead
from reconciler.model.decision import NOWHERE, Decision, Desired, Override
from reconciler.model.plan import Shard, Step
from reconciler.model.pull_request import NOTHING_ELSE, BaseVerdict, PullRequestContext, Removal
from reconciler.model.settings import Settings
from reconciler.model.ticket import Found, Gone, Guid
from reconciler.model.value import replace
from reconciler.model.verdict import Reason
from reconciler.planning.enforcement import enforce
from reconciler.planning.guards import Circumstances
from reconciler.planning.rules import override_changes

_DECIDES = re.compile(r"(?:^|/)CODEOWNERS$|^\.github/(?:workflows|actions)/|^action\.ya?ml$")
"""Files that decide who has to review, and what runs."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan's steps before any guard, what guards look at, where its manifests are, and which tickets they name.

    `written` is what the manifests say, `settled` is the number of decisions without a step.
    """

    steps: Sequence[Step]
    seen: Circumstances
    places: Sequence[str]
    named: frozenset[Guid]
    shard: Shard | None = None
    written: Desired = Desired()
    settled: int = 0


@dataclass(frozen=True, slots=True)
class Around:
    """What a pull request changes besides its decisions, what could not be established, and which tickets are its own.

    `own` are the tickets that the pull request is judged by, None for all of them.
    """

    context: PullRequestContext = NOTHING_ELSE
    not_known: tuple[str, ...] = ()
    own: frozenset[Guid] | None = None


def around(context: Context, desired: Desired, judged: Judged, planned: Sequence[Step]) -> Around:
    """Return what the pull request of this run changes besides its decisions.

    `planned` are the steps of the plan. Outside of a pull request there is nothing. Raises GuardRefused when the base
    can't be read.
    """
    event = read_event(context.environ)
    if event is None or event.pull_request is None:
        return Around()
    rules = changed_rules(context.settings, context.environ)
    then = (base_settings(context.settings, context.environ) if rules else None) or context.settings
    then = replace(then, path=context.settings.path)
    branch = event.pull_request.base
    git = Git.open(Path.cwd(), context.environ, "", "")
    try:
        base = _base_of(git, event.pull_request.base_sha, event.pull_request.head_sha)
        changed = git.run("diff", "--name-only", "--no-renames", "-z", base, "HEAD", "--").split("\0")
    except GitFailure as fault:
        not_known = f"what this pull request removes is not known: {fault.message}"
        return Around(PullRequestContext(rules=rules, base=branch), (not_known,))
    files = tuple(name for name in changed if _DECIDES.search(name))
    before, why = _before(
        context, git, base, [name for name in changed if name.endswith((".yaml", ".yml"))], judged.places
    )
    touched = {name for name in changed if name}
    unchanged = tuple(each for each in desired.overrides if _name(git, each.source.path) not in touched)
    own = tuple(each for each in desired.overrides if each not in unchanged)
    rules += override_changes(before.overrides, own)
    overrides = (*unchanged, *before.overrides)
    by_base = _by_base(then, overrides, judged, planned) if rules else ()
    beside = PullRequestContext(rules, files, _removed(context, desired, before, judged), by_base, branch)
    if why:
        return Around(beside, why)
    mine = frozenset(_touched(git, touched, before, judged, _other_windows(then, context.settings)))
    same = [step for step in judged.steps if step.guid not in mine]
    on_base = _reasons_by(then, overrides, replace(judged, steps=same))
    differ = {step.guid for step in planned if on_base.get(step.guid) != step.reason}
    # What could not be read says nothing of the branch: it is a fault of this run.
    unread = {step.guid for step in planned if step.reason is Reason.ERROR_UNAVAILABLE}
    return Around(beside, why, mine | differ | unread)


def _touched(
    git: Git, names: Iterable[str], before: Desired, judged: Judged, windows: frozenset[str]
) -> Iterator[Guid]:
    """Yield the tickets of decisions that a pull request adds, changes, moves to another file, or removes.

    `before` is what the files of these names said, `windows` are the named windows that it changes.
    """
    there, written = set(names), judged.written
    files = {path for path in written.files if _name(git, path) in there}
    stood = {each.guid: _content(each) for each in before.decisions}
    for each in written.decisions:
        other = each.source.path in files and stood.get(each.guid) != _content(each, _name(git, each.source.path))
        if other or (each.window is not None and each.window.name in windows):
            yield each.guid
    rules = {each.name: replace(each, source=NOWHERE) for each in before.selections}
    others = {
        each.name
        for each in written.selections
        if (each.source.path in files and rules.get(each.name) != replace(each, source=NOWHERE))
        or (each.window is not None and each.window.name in windows)
    }
    yield from (step.guid for step in judged.steps if step.rule in others)
    yield from (guid for guid in stood if guid not in judged.named)


def _content(decision: Decision, path: str | None = None) -> Decision:
    """Return a decision as it says what it says, wherever it stands in its file."""
    return replace(decision, source=replace(NOWHERE, path=decision.source.path if path is None else path))


def _other_windows(base: Settings, head: Settings) -> frozenset[str]:
    names = {*base.windows, *head.windows}
    return frozenset(name for name in names if base.windows.get(name) != head.windows.get(name))


def _reasons_by(settings: Settings, overrides: tuple[Override, ...], judged: Judged) -> dict[Guid, Reason]:
    return {step.guid: step.reason for step in _enforced(settings, overrides, judged)}


def _enforced(settings: Settings, overrides: tuple[Override, ...], judged: Judged) -> tuple[Step, ...]:
    """Hold the guards of other settings against the same steps."""
    recurring = freezes_ahead(settings.policy, judged.seen.now)
    seen = replace(judged.seen, policy=settings.policy, recurring=recurring)
    seen = placed(seen, settings, [step.source.path for step in judged.steps], overrides, judged.seen.seals)
    return enforce(judged.steps, overrides, seen, judged.settled)[0]


def _base_of(git: Git, base: str, head: str) -> str:
    """Return what the checkout is held against: the other side of GitHub's merge, or where the branch left the base."""
    parents = git.run("rev-list", "--parents", "-1", "HEAD").split()[1:]
    if len(parents) == 2 and parents[1] == head:
        return parents[0]
    return git.run("merge-base", base, "HEAD")


def _before(
    context: Context, git: Git, base: str, changed: Iterable[str], places: Sequence[str]
) -> tuple[Desired, tuple[str, ...]]:
    """Read the changed manifests as the base has them; their sources name them as they are in the checkout."""
    root = Path(git.run("rev-parse", "--show-toplevel"))
    ours = [name for name in changed if _is_manifest(root / name, places)]
    with tempfile.TemporaryDirectory(prefix="reconciler-base-") as folder:
        there = write_as_at(git, base, ours, Path(folder))
        if not there:
            return Desired(), ()
        try:
            found = _read(context, there, folder)
        except InvalidInput as fault:
            return Desired(), (f"what this pull request removes is not known: {fault.problems[0].message}",)
    return _renamed(found, f"{folder}/"), ()


def _renamed(found: Desired, folder: str) -> Desired:
    def at_home(item: Decision) -> Decision:
        return replace(item, source=replace(item.source, path=item.source.path.removeprefix(folder)))

    overrides = tuple(
        replace(each, source=replace(each.source, path=each.source.path.removeprefix(folder)))
        for each in found.overrides
    )
    return replace(found, decisions=tuple(map(at_home, found.decisions)), overrides=overrides)


def _is_manifest(path: Path, tickets: Iterable[str]) -> bool:
    places = [Path(each).resolve() for each in tickets]
    return any(path == place or path.is_relative_to(place) for place in places)


def _name(git: Git, path: str) -> str:
    root = Path(git.run("rev-parse", "--show-toplevel"))
    whole = Path(path).resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else path


def _by_base(
    base: Settings, overrides: tuple[Override, ...], judged: Judged, planned: Sequence[Step]
) -> tuple[BaseVerdict, ...]:
    """Return for which tickets the rules of the base decide otherwise."""
    steps = _enforced(base, overrides, judged)
    now = {step.guid: step.reason for step in planned}
    return tuple(
        BaseVerdict(step.guid, step.reason, step.detail)
        for step in sorted(steps, key=lambda step: step.guid)
        if now.get(step.guid) != step.reason
    )


def _removed(context: Context, desired: Desired, before: Desired, judged: Judged) -> tuple[Removal, ...]:
    """Return the decisions that only the base has, with what TPP has of their tickets."""
    kept = set(judged.named)
    gone = [each for each in before.decisions if each.guid not in kept]
    if gone and desired.sealed:
        kept |= {each.guid for each in _read(context, [seal.path for seal in desired.sealed], None).decisions}
        gone = [each for each in gone if each.guid not in kept]
    readings = dict(context.backend.reader().read_many(each.guid for each in gone)) if gone else {}
    found = []
    for each in gone:
        reading = readings[each.guid]
        ticket = reading.ticket if isinstance(reading, Found) else None
        name = ticket.object if ticket else each.expect.object or ""
        if judged.shard is None or judged.shard.owns(name or each.guid):
            state = ticket.state if ticket else None
            found.append(Removal(each.guid, each.source, each.wanted, name, state, isinstance(reading, Gone)))
    return tuple(found)


def _read(context: Context, paths: Sequence[str], root: str | None) -> Desired:
    return load_desired(paths, windows=context.settings.windows, now=context.clock.now(), root=root)
