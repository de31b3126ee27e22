"""A validator that others wrote, given our schemas, agrees with us on every file of examples and tests."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.manifests.corpus import EXAMPLES, INVALID, VALID, example_configurations, example_manifests, problems_of
from tests.without_grammars import CHECK_JSONSCHEMA

SCHEMAS = EXAMPLES.parent / "schemas"


def schema_for(path: Path) -> str:
    if path.parent.name.startswith("config") or path.name == "reconciler.yaml":
        return "config"
    return "rules" if "kind: rules" in path.read_text(encoding="utf-8", errors="replace") else "decisions"


def cases() -> list[Path]:
    """All files that are YAML in the eyes of every reader, so that the schema alone decides."""
    folders = (INVALID / "schema", INVALID / "meaning", INVALID / "config", INVALID / "config-meaning")
    good = (VALID / "decisions", VALID / "config")
    files = (path for folder in (*folders, *good) for path in sorted(folder.glob("*.yaml")))
    return [*example_configurations(), *example_manifests(), *files]


def refused_by_third_party(schema: str, paths: Iterable[Path]) -> set[Path]:
    """The files that check-jsonschema refuses, read as YAML in its own way."""
    command = [*CHECK_JSONSCHEMA, "-o", "json", "--schemafile", SCHEMAS / f"{schema}.schema.json"]
    done = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    return {Path(fault["filename"]) for fault in (*report.get("errors", ()), *report.get("parse_errors", ()))}


def refused_by_our_schema(path: Path, *, config: bool) -> bool:
    """Whether we find a fault in a file that is one of form, not of meaning."""
    codes = {problem.code for problem in problems_of(str(path), config=config)}
    in_url = path.stem == "server-with-password"  # a secret inside a text is beyond a schema
    return any(code.startswith(("schema/", "config/secret")) for code in codes) and not in_url


@pytest.mark.parametrize("schema", ["decisions", "rules", "config"])
def test_a_third_party_refuses_the_same_files_by_the_same_schema(schema: str) -> None:
    paths = [path for path in cases() if schema_for(path) == schema]
    refused = refused_by_third_party(schema, paths)
    assert refused == {path for path in paths if refused_by_our_schema(path, config=schema == "config")}
    by_form = {path for path in paths if path.parent.name in ("schema", "config") and INVALID in path.parents}
    assert refused == by_form


def test_the_schemas_are_schemas() -> None:
    done = subprocess.run(
        [*CHECK_JSONSCHEMA, "--check-metaschema", *SCHEMAS.glob("*.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
