"""The schemas themselves: found everywhere, described everywhere, in step with the code."""

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from docs.generating.declared import WRITTEN, with_declared
from reconciler.manifests.problems import Code
from reconciler.manifests.schema import load, names, text
from reconciler.model.settings import AuthMethod
from reconciler.model.status import Status
from reconciler.model.verdict import Reason

OURS = ("config", "decisions", "rules")


def properties(schema: Any, root: dict[str, Any], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property that a schema defines, with what an editor knows of it, references followed once."""
    if isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from properties(part, root, f"{at}/{index}")
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "properties" and schema.get("type") == "object":
                for name, stated in value.items():
                    words = stated.get("$ref", "#").split("/")[1:]
                    meant = functools.reduce(lambda part, word: part[word], words, root) if words else {}
                    yield f"{at}/{name}", {**meant, **stated}
            yield from properties(value, root, f"{at}/{key}")


@pytest.mark.parametrize("name", OURS)
def test_an_editor_can_explain_every_key(name: str) -> None:
    schema = load(name)
    found = dict(properties(schema, schema))
    assert len(found) > 10
    assert [path for path, stated in found.items() if not stated.get("description")] == []


@pytest.mark.parametrize("name", OURS)
def test_objects_are_closed(name: str) -> None:
    def open_objects(part: Any) -> Iterator[str]:
        if isinstance(part, list):
            for item in part:
                yield from open_objects(item)
        if isinstance(part, dict):
            if part.get("type") == "object" and "additionalProperties" not in part:
                yield str(part.get("title"))
            for item in part.values():
                yield from open_objects(item)

    assert list(open_objects(load(name))) == []


@pytest.mark.parametrize("name", OURS)
def test_a_schema_says_what_it_is(name: str) -> None:
    schema = load(name)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:tpp-reconciler:schemas:{name}:1"
    assert schema["title"]
    assert schema["description"]


def test_schemas_and_code_know_the_same_words() -> None:
    decisions, rules, config = load("decisions")["$defs"], load("rules")["$defs"], load("config")["$defs"]
    assert decisions["status"]["enum"] == list(Status)
    assert rules["rule"]["properties"]["status"]["enum"] == list(Status)
    assert config["auth"]["properties"]["method"]["enum"] == list(AuthMethod)
    refusals = {reason.value.partition("/")[2] for reason in Reason if reason.value.startswith("refused/")}
    assert set(decisions["override"]["properties"]["rule"]["enum"]) < refusals


def test_what_the_schemas_share_is_the_same_in_each() -> None:
    schemas = {name: load(name)["$defs"] for name in OURS}
    for shared in ("time", "line", "schedule", "schedule_fits_status", "explanation", "valid_until", "change"):
        assert len({str(defs[shared]) for name, defs in schemas.items() if shared in defs}) == 1, shared


@pytest.mark.parametrize("name", WRITTEN)
def test_a_schema_has_the_members_that_the_model_declares(name: str) -> None:
    assert text(name) == with_declared(name, text(name)), "run `make schemas`"


def test_members_are_written_where_a_schema_has_others_and_nothing_else_changes() -> None:
    told_otherwise = text("ledger").replace("Who decided, for", "For")
    with_another = text("ledger").replace('"user_data": {', '"unknown": {"type": "string"},\n        "user_data": {')
    for changed in (told_otherwise, with_another):
        assert changed != text("ledger")
        assert with_declared("ledger", changed) == text("ledger")


def test_a_schema_is_printed_as_it_stands() -> None:
    assert set(OURS) <= set(names())
    assert text("config").startswith('{\n  "$schema"')
    with pytest.raises(KeyError):
        text("../pyproject")


def test_codes_have_a_layer_and_a_fault() -> None:
    assert [code for code in Code if code.value.count("/") != 1] == []
