"""jsonschema-rs, which says whether a value is valid, and jsonschema, which says what is wrong with it, agree."""

import copy
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.manifests.load import check
from reconciler.manifests.schema import load, schema_problems, ticket_validator, validator
from reconciler.manifests.schema_words import described
from reconciler.manifests.yaml import SourceMap, read_file
from tests.builders import NOW
from tests.manifests.corpus import (
    EXAMPLES,
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


@cache
def others(kind: str) -> Draft202012Validator:
    """The validator that others wrote, in Python."""
    return Draft202012Validator(load(kind))


@cache
def known_keys(kind: str) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(keys_of(load(kind))))


@cache
def trees(kind: str) -> st.SearchStrategy[Any]:
    keys = known_keys(kind)
    return st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3))


FILES = (*good_files(), *example_manifests(), *example_configurations())
SEEDS = {
    kind: [read_file(str(path)).value for path in FILES if schema_for(path) == kind]
    for kind in ("decisions", "rules", "config")
}
SEEDS = {kind: [seed for seed in seeds if isinstance(seed, dict)] for kind, seeds in SEEDS.items()}


@st.composite
def almost_right(draw: st.DrawFn, kind: str) -> Any:
    """A well-formed value of a kind, with a few places changed, added or removed."""
    value = copy.deepcopy(draw(st.sampled_from(SEEDS[kind])))
    for _ in range(draw(st.integers(0, 3))):
        spot = value
        while isinstance(spot, dict | list) and spot:
            key = draw(st.sampled_from(sorted(spot) if isinstance(spot, dict) else range(len(spot))))
            if isinstance(spot[key], dict | list) and spot[key] and draw(st.integers(0, 3)):
                spot = spot[key]
                continue
            action = draw(st.sampled_from(("replace", "remove", "add")))
            if action == "replace":
                spot[key] = draw(trees(kind))
            elif action == "remove":
                del spot[key]
            elif isinstance(spot, dict):
                spot[draw(known_keys(kind))] = draw(trees(kind))
            else:
                spot.append(draw(trees(kind)))
            break
    return value


@pytest.mark.parametrize("kind", ["decisions", "rules", "config"])
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_value_is_valid_exactly_when_nothing_is_said_about_it(kind: str, data: st.DataObject) -> None:
    value = data.draw(almost_right(kind))
    words = described(load(kind), value, SourceMap("x"), lambda path: path)
    assert validator(kind)(value) == (not words) or "nan" in repr(value)
    # by itself, jsonschema takes `$` for the place before a line feed at the end, too, as Python does
    assert bool(words) == (not others(kind).is_valid(value)) or r"\n" in json.dumps(value)


def test_what_only_one_of_them_refuses_is_refused_with_a_place() -> None:
    value = {"version": 1, "requests": {"connect_timeout": float("nan")}}
    (problem,) = schema_problems("config", value, SourceMap("x"))
    assert (problem.code, problem.message) == ("schema/value", "this can't be used as a value here")


@settings(max_examples=120, deadline=None)
@given(value=almost_right("decisions"))
def test_tickets_one_by_one_and_the_whole_file_agree(value: Any) -> None:
    tickets, defaults = value.get("tickets"), value.get("defaults")
    if not isinstance(tickets, list) or not tickets or not validator("decisions")({**value, "tickets": [FINE]}):
        return
    assert validator("decisions")(value) == all(map(ticket_validator(defaults), tickets))


FINE = {"guid": GUID, "status": "Pending"}


def test_files_of_every_kind_are_accepted_and_refused_alike() -> None:
    for path in (path for path in (*bad_files(), *good_files()) if path.is_file()):
        document, kind = read_file(str(path)), schema_for(path)
        if not document.problems and validator(kind)(document.value):
            assert others(kind).is_valid(document.value), name(path)


@settings(max_examples=80, deadline=None)
@given(value=almost_right("decisions"))
def test_the_loader_accepts_what_jsonschema_accepts_or_tells_why_not(
    value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "value.yaml"
    path.write_text(json.dumps(value), encoding="utf-8")
    _, problems = check([str(path)], windows=WINDOWS, now=NOW)
    document = read_file(str(path))
    if not document.problems and not others("decisions").is_valid(document.value):
        assert problems
    if not problems:
        assert others("decisions").is_valid(document.value)


@pytest.mark.parametrize(
    "folder", [EXAMPLES / "tickets", EXAMPLES / "campaigns", VALID / "decisions" / "overrides.yaml"]
)
def test_good_files_are_checked_without_importing_jsonschema(folder: Path) -> None:
    assert _modules_after_loading(folder) & {"jsonschema", "requests", "rich", "ruamel"} == set()


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
