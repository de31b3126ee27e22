"""The decisions that changed since a commit, for plans of what a branch brings."""

import os
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


class UnknownRevision(ReconcilerError):
    """git does not know the revision that --since names, or this is no git checkout."""


def changed_since(revision: str, desired: Desired, windows: Mapping[str, WindowDefinition], now: datetime) -> Desired:
    """Return the desired state without the decisions that already stood so at `revision`, wherever they stood.

    Raises UnknownRevision.
    """
    git = Git(Path.cwd(), dict(os.environ))
    try:
        commit = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        touched = git.run("diff", "--name-only", "-z", commit, "--").split("\0")
        known = git.run("ls-tree", "-r", "--full-tree", "--name-only", "-z", commit).split("\0")
        top = git.run("rev-parse", "--show-toplevel").removesuffix("\n")
    except GitFailure as error:
        hint = "name a commit, branch or tag of this checkout, and fetch it first"
        raise UnknownRevision(f"--since {revision}: {error.message}", hint) from error
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
