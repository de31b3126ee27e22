"""Stands in for actions/upload-artifact v7.0.0 (bbbca2ddaa5d8feaa63e36b76fdaad77386f024f).

Which files are taken and where the artifact's root is: src/shared/search.ts, and packages/glob/src/internal-globber.ts
of actions/toolkit. What an absent file and a taken name mean: src/upload/upload-artifact.ts. Names:
packages/artifact/src/internal/upload/path-and-artifact-name-validation.ts of actions/toolkit. Wildcards in a path are
refused here, because no workflow of ours uses one.
"""

import os
import shutil
import sys
from pathlib import Path

FORBIDDEN = '":<>|*?\r\n\\/'


def main() -> None:
    name, absent = os.environ["NAME"], os.environ["ABSENT"]
    searched = [Path(line.strip()).absolute() for line in os.environ["FILES"].splitlines() if line.strip()]
    if any(character in str(path) for path in searched for character in "*?["):
        sys.exit("::error::the stand-in knows no wildcards")
    found = sorted({file for path in searched for file in _files(path)})
    if not found:
        said = "No files were found with the provided path. No artifacts will be uploaded."
        if absent == "error":
            sys.exit(f"::error::{said}")
        sys.stdout.write((f"::warning::{said}" if absent == "warn" else said) + "\n")
        return
    if not name or any(character in name for character in FORBIDDEN):
        sys.exit(f"::error::The artifact name is not valid: {name}")
    target = Path(os.environ["STUB_ARTIFACTS"]) / os.environ["GITHUB_RUN_ID"] / name
    if target.exists():
        if os.environ["OVERWRITE"] != "true":
            sys.exit(f"::error::an artifact with the name {name} already exists on the workflow run")
        shutil.rmtree(target)
    root = _root(searched, found)
    for file in found:
        copy = target / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def _files(path: Path) -> list[Path]:
    """Follow links, leave out what is broken or hidden; an empty folder has no file."""
    if not path.exists() or (path.name.startswith(".") and os.environ["HIDDEN"] != "true"):
        return []
    if not path.is_dir():
        return [path]
    return [file for child in sorted(path.iterdir()) for file in _files(child)]


def _root(searched: list[Path], found: list[Path]) -> Path:
    """Several paths: what all of them begin with, whether they exist or not. One file: its folder. One folder: that."""
    if len(searched) > 1:
        return Path(os.path.commonpath(searched))
    return found[0].parent if found == searched else searched[0]


main()
