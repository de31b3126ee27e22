"""Finds the manifest files behind the paths that a user names."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from reconciler.manifests.problems import Code
from reconciler.model.decision import Problem, Source

KEPT = ".gitkeep"
"""The file that git keeps a folder for which has nothing else in it."""
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
