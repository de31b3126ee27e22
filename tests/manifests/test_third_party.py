"""A validator that others wrote, given our schemas, agrees with us on every file of examples and tests."""

import json
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from tests.manifests.corpus import EXAMPLES, INVALID, VALID, name, problems_of

SCHEMAS = EXAMPLES.parent / "schemas"


def schema_for(path: Path) -> str:
    if path.parent.name.startswith("config") or path.name == "reconciler.yaml":
        return "config"
    return "rules" if "kind: rules" in path.read_text(encoding="utf-8", errors="replace") else "decisions"


def cases() -> list[Path]:
    """All files that are YAML in the eyes of every reader, so that the schema alone decides."""
    folders = (INVALID / "schema", INVALID / "meaning", INVALID / "config", INVALID / "config-meaning")
    good = (VALID / "decisions", VALID / "config", EXAMPLES / "tickets", EXAMPLES / "campaigns")
    return [
        EXAMPLES / "reconciler.yaml",
        *(path for folder in (*folders, *good) for path in sorted(folder.glob("*.yaml"))),
    ]


@cache
def refused_by_third_party() -> frozenset[Path]:
    """The files that check-jsonschema refuses, each with the schema of its kind."""
    refused: set[Path] = set()
    for schema in ("decisions", "rules", "config"):
        refused |= refused_with(schema, [path for path in cases() if schema_for(path) == schema])
    return frozenset(refused)


def refused_with(schema: str, paths: Iterable[Path]) -> set[Path]:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "-o",
        "json",
        "--schemafile",
        SCHEMAS / f"{schema}.schema.json",
    ]
    done = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    return {Path(fault["filename"]) for fault in (*report.get("errors", ()), *report.get("parse_errors", ()))}


@pytest.mark.parametrize("path", cases(), ids=name)
def test_a_third_party_refuses_the_same_files_by_the_same_schema(path: Path) -> None:
    problems = problems_of(str(path), config=schema_for(path) == "config")
    ours = {problem.code for problem in problems if problem.code.startswith(("schema/", "config/secret"))}
    in_url = path.stem == "server-with-password"
    assert (path in refused_by_third_party()) == bool(ours and not in_url)


@pytest.mark.parametrize("folder", ["schema", "config"])
def test_faults_that_a_schema_can_say_are_said_by_the_schema(folder: str) -> None:
    assert set((INVALID / folder).glob("*.yaml")) <= refused_by_third_party()


@pytest.mark.parametrize("folder", ["meaning", "config-meaning"])
def test_faults_that_no_schema_can_say_are_found_all_the_same(folder: str) -> None:
    paths = set((INVALID / folder).glob("*.yaml"))
    assert not paths & refused_by_third_party()


def test_the_schemas_are_schemas() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--check-metaschema", *SCHEMAS.glob("*.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
