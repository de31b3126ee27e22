"""Stands in for actions/download-artifact v8.0.1 (3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c).

src/download-artifact.ts: one artifact by name fails when it is absent; a pattern that matches none is no failure; a
pattern that matches exactly one artifact unpacks it into the path itself, and several each into a folder of its own
unless they are merged. Only artifacts of this run are seen. Of minimatch only `*` is known here.
"""

import os
import re
import shutil
import sys
from pathlib import Path


def main() -> None:
    store = Path(os.environ["STUB_ARTIFACTS"]) / os.environ["GITHUB_RUN_ID"]
    name, pattern = os.environ["NAME"], os.environ["PATTERN"]
    target = Path(os.environ["TARGET"] or os.environ["GITHUB_WORKSPACE"]).absolute()
    names = sorted(path.name for path in store.iterdir()) if store.exists() else []
    if name:
        found = [each for each in names if each == name]
        if not found:
            sys.exit(f"::error::Unable to download artifact(s): Artifact '{name}' not found")
    elif pattern:
        if set(pattern) & set("?[]{}()!+@\\"):
            sys.exit("::error::the stand-in knows no other wildcard than *")
        wanted = re.compile(".*".join(map(re.escape, pattern.split("*"))))
        found = [each for each in names if wanted.fullmatch(each)]
    else:
        found = names
    together = bool(name) or os.environ["MERGE"] == "true" or len(found) == 1
    for each in found:
        shutil.copytree(store / each, target if together else target / each, dirs_exist_ok=True)
    sys.stdout.write(f"Total of {len(found)} artifact(s) downloaded\n")


main()
