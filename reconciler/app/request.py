"""What a plan is asked for, and the decisions that it is of for that.

Rules are expanded to tickets, what nobody asked for is left out (or has not changed since a commit, for plans of what a
branch brings), and identities are resolved.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from reconciler.app.context import Context
from reconciler.app.tickets import Wanted, chosen
from reconciler.errors import InvalidInput, ReconcilerError
from reconciler.github.git import Git, GitFailure, write_as_at
from reconciler.manifests.load import check
from reconciler.model.decision import NOWHERE, Decision, Desired, Parameters, Problem
from reconciler.model.declared import Form, declared
from reconciler.model.plan import Shard
from reconciler.model.review import Emergency
from reconciler.model.settings import WindowDefinition
from reconciler.model.ticket import Found, Guid
from reconciler.model.value import replace
from reconciler.planning.selections import expand, too_open


class Seals(Enum):
    """What seals of manifests mean to a plan."""

    IGNORED = auto()
    """Every manifest is read."""
    RESPECTED = auto()
    """Sealed manifests stay unread."""
    RESPECTED_AND_SOUGHT = auto()
    """The same, and manifests that can be sealed are noted."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which decisions to plan. No paths are those of the configuration; `only` is a single ticket, `wanted` are some.

    `emergency` is what two people decide of that ticket without a pull request. `recheck` reads tickets again that the
    ledger has seen to be gone, and manifests with nothing left to decide. `certificates` are read for people; those
    that a change depends on are always read.
    """

    paths: tuple[str, ...] = ()
    shard: Shard | None = None
    since: str | None = None
    only: Guid | None = None
    seals: Seals = Seals.RESPECTED
    recheck: bool = False
    certificates: bool = True
    wanted: Wanted = Wanted()
    emergency: Emergency | None = None

    @property
    def part(self) -> str | None:
        """Which part of the decisions is asked for, in words of the command line; None for all of them."""
        return " ".join(filter(None, (f"--since {self.since}" if self.since else "", str(self.wanted)))) or None

    @property
    def is_whole(self) -> bool:
        """Whether these are all decisions that the configuration names."""
        return not (self.paths or self.shard or self.since or self.only or self.wanted)


class Narrowed(NamedTuple):
    """The decisions to plan, how many were left out, and the tickets of all of them."""

    desired: Desired
    left_out: int
    named: frozenset[Guid]


def narrowed(context: Context, desired: Desired, request: Request) -> Narrowed:
    """Return the decisions that are asked for, each on one ticket and with identities that the server knows.

    Raises InvalidInput, UnclearName, ServerFailure.
    """
    if desired.selections:
        desired = _expanded(context, desired)
    declared = len(desired.decisions)
    named = frozenset(decision.guid for decision in desired.decisions)
    if request.since is not None:
        desired = changed_since(request.since, desired, context.settings.windows, context.clock.now())
    if request.wanted:
        desired = replace(desired, decisions=chosen(desired.decisions, request.wanted))
    if request.only is not None:
        kept = tuple(decision for decision in desired.decisions if decision.guid == request.only)
        desired = replace(desired, decisions=kept)
    desired = _resolved(context, desired)
    return Narrowed(desired, declared - len(desired.decisions) if request.part else 0, named)


def _expanded(context: Context, desired: Desired) -> Desired:
    """Replace each rule by decisions on single tickets, among those that the caller can list."""
    longest = timedelta(seconds=context.settings.policy.rules.longest)
    if faults := too_open(desired.selections, context.clock.now(), longest):
        raise InvalidInput(faults)
    explicit = frozenset(decision.guid for decision in desired.decisions)
    guids = [guid for guid in context.backend.find() if guid not in explicit]
    readings = (reading for _, reading in context.backend.reader().read_many(guids))
    candidates = [reading.ticket for reading in readings if isinstance(reading, Found)]
    decisions, problems = expand(desired.selections, candidates, explicit)
    if problems:
        raise InvalidInput(problems)
    return replace(desired, decisions=desired.decisions + decisions, selections=())


def _resolved(context: Context, desired: Desired) -> Desired:
    """Put the server's stable identities in place of names. Raises InvalidInput for every name that has none."""
    identities = [name for name, each in declared(Parameters).items() if each.form is Form.IDENTITIES]
    stated = [
        (decision, name, said)
        for decision in desired.decisions
        for name in identities
        if (said := getattr(decision.parameters, name))
    ]
    if not stated:
        return desired
    resolution = context.backend.resolve(identity for _, _, said in stated for identity in said)
    problems = tuple(
        Problem(
            "unknown-identity",
            decision.source,
            f"{name.removesuffix('s')} {resolution.unresolved[identity]}",
            "write the prefixed name of one identity, such as AD+CORP:jdoe, or its prefixed universal",
        )
        for decision, name, said in stated
        for identity in said
        if identity in resolution.unresolved
    )
    if problems:
        raise InvalidInput(problems)
    decisions = tuple(_with_universals(each, identities, resolution.universals) for each in desired.decisions)
    return replace(desired, decisions=decisions)


def _with_universals(decision: Decision, identities: list[str], universals: Mapping[str, str]) -> Decision:
    found: dict[str, Any] = {
        name: tuple(universals.get(identity, identity) for identity in said)
        for name in identities
        if (said := getattr(decision.parameters, name))
    }
    return replace(decision, parameters=replace(decision.parameters, **found)) if found else decision


_NOTHING = re.compile("0{40}|0{64}")


class UnknownRevision(ReconcilerError):
    """git does not know the revision that --since names, or this is no git checkout."""


def changed_since(revision: str, desired: Desired, windows: Mapping[str, WindowDefinition], now: datetime) -> Desired:
    """Return the desired state without the decisions that already stood so at `revision`, wherever they stood.

    Forty zeros, which stand for what was before a branch, leave nothing out. Raises UnknownRevision.
    """
    if _NOTHING.fullmatch(revision):
        return replace(desired, sealed=())
    git = Git(Path.cwd(), dict(os.environ))
    commit = _tree_of(git, revision)
    try:
        touched = git.run("diff", "--name-only", "-z", commit, "--").split("\0")
        known = git.run("ls-tree", "-r", "--full-tree", "--name-only", "-z", commit).split("\0")
        top = git.run("rev-parse", "--show-toplevel").removesuffix("\n")
    except GitFailure as error:
        raise UnknownRevision(f"--since {revision}: {error.message}", error.hint) from error
    with TemporaryDirectory() as folder:
        names = [name for name in touched if name.lower().endswith((".yaml", ".yml"))]
        old = write_as_at(git, commit, names, Path(folder))
        before = check(old, windows=windows, now=now)[0].decisions if old else ()
    stood = {decision.guid: replace(decision, source=NOWHERE) for decision in before}
    unchanged = set(known) - set(touched)  # so what git does not know, or ignores, is planned and never left out
    kept = tuple(
        decision
        for decision in desired.decisions
        if _below(top, decision.source.path) not in unchanged
        and stood.get(decision.guid) != replace(decision, source=NOWHERE)
    )
    return replace(desired, decisions=kept, sealed=())


def _tree_of(git: Git, revision: str) -> str:
    """Return the id of the tree that a revision stands for. Raises UnknownRevision with the cause and its remedy."""
    try:
        inside = git.attempt("rev-parse", "--is-shallow-repository")
        if inside.returncode:
            raise UnknownRevision(f"--since {revision}: this is no git checkout", "leave --since out, or work in one")
        tree = git.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}")
        if tree.returncode == 0:
            return tree.stdout.strip()
        known = git.attempt("rev-parse", "--verify", "--quiet", "HEAD").returncode == 0
        start = re.split(r"[~^@]", revision, maxsplit=1)[0]
        back = start and git.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", start).returncode == 0
    except GitFailure as error:
        raise UnknownRevision(f"--since {revision}: {error.message}", error.hint) from error
    if not known:
        raise UnknownRevision(f"--since {revision}: there is no commit yet", "leave --since out: everything is new")
    if inside.stdout.strip() == "true":
        hint = "fetch the history: `git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout"
        raise UnknownRevision(f"--since {revision}: this checkout has only a part of the history", hint)
    if back and start != revision:
        hint = "leave --since out: everything is new"
        raise UnknownRevision(f"--since {revision}: the history of {start} does not go back that far", hint)
    hint = "name a commit, branch or tag of this checkout, and fetch it first"
    raise UnknownRevision(f"--since {revision}: there is no such commit here", hint)


def _below(top: str, path: str) -> str:
    """Return the path of a file in git, where links are followed."""
    return os.path.relpath(os.path.realpath(path), os.path.realpath(top)).replace(os.sep, "/")
