"""The gate accepts nothing that jsonschema refuses, and lets well-formed files through by itself."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.manifests.document import read_document
from reconciler.manifests.gate import compile_gate
from reconciler.manifests.header import gate, schema_of, ticket_gate
from reconciler.manifests.load import check
from reconciler.manifests.place import Places
from reconciler.manifests.schema_faults import schema_problems
from tests.builders import NOW
from tests.manifests.corpus import (
    EXAMPLES,
    INVALID,
    VALID,
    WINDOWS,
    bad_files,
    example_configurations,
    example_manifests,
    good_files,
    name,
)
from tests.manifests.test_third_party import schema_for

GUID = "6ede0e12-f7c0-4068-9977-001076205c84"
WORDS = [
    "Approved",
    "Approved After",
    "Approved Between",
    "Pending",
    "Rejected",
    "approved",
    "sat-night",
    "2036-11-29T22:00:00Z",
    "2036-11-29T22:00:00Z\n",
    "2036-11-30 02:00",
    "2036-13-01T00:00:00Z",
    GUID,
    "{" + GUID + "}",
    GUID + "\n",
    r"\VED\Policy\Web",
    "CHG0041234",
    "",
    "FREQ=DAILY",
    "22:00",
    "4h",
    "Europe/Berlin",
    "freeze",
    "https://tpp.example.com",
    "a\x00b",
    "\x85",
    "x" * 4001,
]
LEAVES = st.one_of(
    st.sampled_from(WORDS),
    st.none(),
    st.booleans(),
    st.integers(-2, 200_000),
    st.sampled_from([0.5, 1.0, 5.0, float("inf"), float("nan"), 1e300]),
    st.text(max_size=5),
)


def keys_of(schema: Any) -> set[str]:
    """Every key that a schema names anywhere."""
    if isinstance(schema, dict):
        own = set(schema.get("properties", ())) if isinstance(schema.get("properties"), dict) else set()
        return own.union(*(keys_of(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(keys_of(value) for value in schema))
    return set()


FILES = (*good_files(), *example_manifests(), *example_configurations())
SEEDS = {
    kind: [read_document(str(path))[0] for path in FILES if schema_for(path) == kind]
    for kind in ("decisions", "rules", "config")
}
SEEDS = {kind: [seed for seed in seeds if isinstance(seed, dict)] for kind, seeds in SEEDS.items()}


@st.composite
def almost_right(draw: st.DrawFn, kind: str) -> Any:
    """A well-formed value of a kind, with a few places changed, added or removed."""
    value = copy.deepcopy(draw(st.sampled_from(SEEDS[kind])))
    names = st.sampled_from(sorted(keys_of(schema_of(kind))))
    trees = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3))
    for _ in range(draw(st.integers(0, 3))):
        spot = value
        while isinstance(spot, dict | list) and spot:
            key = draw(st.sampled_from(sorted(spot) if isinstance(spot, dict) else range(len(spot))))
            if isinstance(spot[key], dict | list) and spot[key] and draw(st.integers(0, 3)):
                spot = spot[key]
                continue
            action = draw(st.sampled_from(("replace", "remove", "add")))
            if action == "replace":
                spot[key] = draw(trees)
            elif action == "remove":
                del spot[key]
            elif isinstance(spot, dict):
                spot[draw(names)] = draw(trees)
            else:
                spot.append(draw(trees))
            break
    return value


@pytest.mark.parametrize("kind", ["decisions", "rules", "config"])
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_the_gate_accepts_only_what_jsonschema_accepts(kind: str, data: st.DataObject) -> None:
    value = data.draw(almost_right(kind))
    refused = bool(schema_problems(schema_of(kind), value, Places("x")))
    if gate(kind)(value):
        assert not refused
    # without our checks jsonschema takes `$` for the place before a line feed at the end, too, as Python does
    assert refused == (not Draft202012Validator(schema_of(kind)).is_valid(value)) or r"\n" in json.dumps(value)


@settings(max_examples=120, deadline=None)
@given(value=almost_right("decisions"))
def test_tickets_one_by_one_and_the_whole_file_agree(value: Any) -> None:
    tickets, defaults = value.get("tickets"), value.get("defaults")
    if not isinstance(tickets, list) or not tickets or gate("decisions")({**value, "tickets": [FINE]}) is False:
        return
    assert gate("decisions")(value) == all(map(ticket_gate(defaults), tickets))


FINE = {"guid": GUID, "status": "Pending"}


def test_files_of_every_kind_are_let_through_and_refused_alike() -> None:
    paths = [path for path in (*bad_files(), *good_files()) if path.is_file()]
    for path in paths:
        value, _, problems = read_document(str(path))
        kind = schema_for(path)
        if not problems and gate(kind)(value):
            assert Draft202012Validator(schema_of(kind)).is_valid(value), name(path)


@settings(max_examples=80, deadline=None)
@given(value=almost_right("decisions"))
def test_what_the_plain_path_accepts_the_whole_loader_accepts_or_tells_in_words(
    value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "value.yaml"
    path.write_text(json.dumps(value), encoding="utf-8")
    _, problems = check([str(path)], windows=WINDOWS, now=NOW)
    read, _, faults = read_document(str(path))
    if not faults and not Draft202012Validator(schema_of("decisions")).is_valid(read):
        assert problems
    if not problems:
        assert Draft202012Validator(schema_of("decisions")).is_valid(read)


def test_whole_decimals_are_numbers_that_only_jsonschema_takes() -> None:
    schema = {"type": "integer", "minimum": 1}
    assert compile_gate(schema, schema)(5)
    assert not compile_gate(schema, schema)(5.0)
    assert Draft202012Validator(schema).is_valid(5.0)


def test_a_keyword_that_no_gate_knows_is_refused_when_the_gate_is_made() -> None:
    with pytest.raises(KeyError, match="dependentRequired"):
        compile_gate({"dependentRequired": {"a": ["b"]}}, {})


@pytest.mark.parametrize(
    "folder", [EXAMPLES / "tickets", EXAMPLES / "campaigns", VALID / "decisions" / "overrides.yaml"]
)
def test_good_files_are_checked_without_importing_jsonschema(folder: Path) -> None:
    assert _modules_after_loading(folder) & {"jsonschema", "requests", "rich", "ruamel"} == set()


def test_bad_files_import_jsonschema_but_not_its_slow_checkers() -> None:
    modules = _modules_after_loading(INVALID / "schema" / "status-missing.yaml")
    assert ("jsonschema" in modules, "lark" in modules) == (True, False)


def _modules_after_loading(path: Path) -> set[str]:
    code = (
        "import sys; from datetime import UTC, datetime; from reconciler.manifests.load import check\n"
        "from reconciler.manifests.config import load_settings\n"
        f"windows = load_settings({str(EXAMPLES / 'reconciler.yaml')!r}, None, {{}}).windows\n"
        f"check([{str(path)!r}], windows=windows, now=datetime.now(UTC))\n"
        "print(' '.join({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=EXAMPLES.parent)
    return set(done.stdout.split())
