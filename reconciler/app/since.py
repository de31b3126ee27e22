"""The decisions that changed since a commit, for plans of what a branch brings."""

import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.errors import ReconcilerError
from reconciler.github.git import Git, GitFailure
from reconciler.manifests.load import check
from reconciler.model.decision import Decision, Desired, Source
from reconciler.model.settings import WindowDefinition
from reconciler.model.value import replace

_NOWHERE = Source("")
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
    commit = _resolved(git, revision)
    try:
        touched = git.run("diff", "--name-only", "-z", commit, "--").split("\0")
        known = git.run("ls-tree", "-r", "--full-tree", "--name-only", "-z", commit).split("\0")
        top = git.run("rev-parse", "--show-toplevel").removesuffix("\n")
    except GitFailure as error:
        raise UnknownRevision(f"--since {revision}: {error.message}", error.hint) from error
    with TemporaryDirectory() as folder:
        old = _written(
            git, commit, [name for name in touched if name.lower().endswith((".yaml", ".yml"))], Path(folder)
        )
        before = check([str(path) for path in old], windows=windows, now=now)[0].decisions if old else ()
    stood = {decision.guid: _without_place(decision) for decision in before}
    unchanged = set(known) - set(touched)  # so what git does not know, or ignores, is planned and never left out
    kept = tuple(
        decision
        for decision in desired.decisions
        if _below(top, decision.source.path) not in unchanged and stood.get(decision.guid) != _without_place(decision)
    )
    return replace(desired, decisions=kept, sealed=())


def _resolved(git: Git, revision: str) -> str:
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


def _written(git: Git, commit: str, names: list[str], folder: Path) -> list[Path]:
    """Write the files as they were at the commit below `folder`; those that were not there yet are left out."""
    written = []
    for name in names:
        shown = git.attempt("show", f"{commit}:{name}")
        if shown.returncode == 0:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(shown.stdout, encoding="utf-8")
            written.append(path)
    return written


def _without_place(decision: Decision) -> Decision:
    return replace(decision, source=_NOWHERE)


def _below(top: str, path: str) -> str:
    """Return the path of a file in git, where links are followed."""
    return os.path.relpath(os.path.realpath(path), os.path.realpath(top)).replace(os.sep, "/")
