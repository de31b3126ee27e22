"""What a pull request changes besides the decisions of its plan: rules, files that decide who reviews, removals."""

import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.app.base_branch import base_policy, changed_rules
from reconciler.app.context import Context
from reconciler.atomic import atomic_write
from reconciler.errors import InvalidInput
from reconciler.github.event import read_event
from reconciler.github.git import Git, GitFailure
from reconciler.manifests.load import load_desired
from reconciler.model.decision import Decision, Desired, Override
from reconciler.model.plan import Shard, Step
from reconciler.model.pull_request import NOTHING_ELSE, BaseVerdict, PullRequestContext, Removal
from reconciler.model.ticket import Found, Gone, Guid
from reconciler.model.value import replace
from reconciler.planning.enforcement import enforce
from reconciler.planning.guards import Circumstances
from reconciler.planning.rules import override_changes

_DECIDES = re.compile(r"(?:^|/)CODEOWNERS$|^\.github/(?:workflows|actions)/|^action\.ya?ml$")
"""Files that decide who has to review, and what runs."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan's steps before any guard, what guards look at, where its manifests are, and which tickets they name."""

    steps: Sequence[Step]
    seen: Circumstances
    places: Sequence[str]
    named: frozenset[Guid]
    shard: Shard | None = None


def around(
    context: Context, desired: Desired, judged: Judged, planned: Sequence[Step]
) -> tuple[PullRequestContext, tuple[str, ...]]:
    """Return what the pull request of this run changes besides its decisions, and what could not be established.

    `planned` are the steps of the plan. Outside of a pull request there is nothing. Raises GuardRefused when the base
    can't be read.
    """
    event = read_event(context.environ)
    if event is None or event.pull_request is None:
        return NOTHING_ELSE, ()
    rules = changed_rules(context.settings, context.environ)
    git = Git.open(Path.cwd(), context.environ, "", "")
    try:
        base = _base_of(git, event.pull_request.base_sha, event.pull_request.head_sha)
        changed = git.run("diff", "--name-only", "--no-renames", "-z", base, "HEAD", "--").split("\0")
    except GitFailure as fault:
        return PullRequestContext(rules=rules), (f"what this pull request removes is not known: {fault.message}",)
    files = tuple(name for name in changed if _DECIDES.search(name))
    before, why = _before(
        context, git, base, [name for name in changed if name.endswith((".yaml", ".yml"))], judged.places
    )
    touched = {name for name in changed if name}
    unchanged = tuple(each for each in desired.overrides if _name(git, each.source.path) not in touched)
    own = tuple(each for each in desired.overrides if each not in unchanged)
    rules += override_changes(before.overrides, own)
    by_base = _by_base(context, (*unchanged, *before.overrides), judged, planned) if rules else ()
    return PullRequestContext(rules, files, _removed(context, desired, before, judged), by_base), why


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
        there = []
        for name in ours:
            done = git.attempt("cat-file", "blob", f"{base}:{name}")
            if done.returncode == 0:
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(path, done.stdout.encode(), durable=False)
                there.append(str(path))
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
    context: Context, overrides: tuple[Override, ...], judged: Judged, planned: Sequence[Step]
) -> tuple[BaseVerdict, ...]:
    """Return for which tickets the rules of the base decide otherwise."""
    policy = base_policy(context.settings, context.environ)
    if policy is None:
        return ()
    steps, _ = enforce(judged.steps, overrides, replace(judged.seen, policy=policy))
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
