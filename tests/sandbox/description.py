"""The API description: its operations, requests made from it, and whether an answer conforms to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import requests
import yaml
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.sandbox.seed import APPROVER, JOE
from tests.builders import OBJECT, WORKFLOW, guid

FILES = [Path(__file__).parent.parent / "data" / name for name in ("tpp-openapi.yaml", "tpp-certificates.yaml")]
ANY_TEXT = st.text(st.characters(), max_size=40)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
_KNOWN: Mapping[str, tuple[str, ...]] = {
    "GUID": (guid(1), "{" + guid(2).upper() + "}", guid(3), guid(99)),
    "ObjectDN": (OBJECT, WORKFLOW),
    "WorkflowDN": (WORKFLOW,),
    "ScheduledStart": ("2026-11-28T22:00:00.000000Z", "2026-11-28T22:00:00", "/Date(1795903200000)/"),
    "ScheduledStop": ("2026-11-29T02:00:00.000000Z",),
    "PrefixedName": (JOE.name, APPROVER.name),
    "PrefixedUniversal": (JOE.universal, APPROVER.universal),
    "Filter": ("j", "AD+CORP:*"),
    "client_id": ("reconciler",),
    "username": ("svc-approver",),
    "password": ("correct horse battery staple",),
    "scope": ("certificate:approve;configuration",),
}
"""Values that lead deeper into the server than any text would, by the name of the property."""


@dataclass(frozen=True)
class Operation:
    """One operation of the description."""

    name: str
    method: str
    path: str
    request: Mapping[str, Any] | None
    responses: Mapping[str, Any]
    secured: bool

    def __str__(self) -> str:
        return self.name


@cache
def document() -> dict[str, Any]:
    """The description of all calls, from its files."""
    tickets, certificates = (yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader) for file in FILES)
    both = {
        kind: tickets["components"].get(kind, {}) | certificates["components"].get(kind, {})
        for kind in ("schemas", "responses")
    }
    return {**tickets, "paths": tickets["paths"] | certificates["paths"], "components": both}


def operations() -> list[Operation]:
    return [
        Operation(
            name=said["operationId"],
            method=method.upper(),
            path=path,
            request=said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema"),
            responses={status: _followed(response) for status, response in said["responses"].items()},
            secured=said.get("security", document()["security"]) != [],
        )
        for path, methods in document()["paths"].items()
        for method, said in methods.items()
    ]


def _followed(response: Mapping[str, Any]) -> Mapping[str, Any]:
    name = response.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = document()["components"]["responses"][name] if name else response
    return found


def bodies(schema: Mapping[str, Any], name: str = "") -> st.SearchStrategy[Any]:  # noqa: C901 - one branch a kind
    """Values that the schema allows; the schemas of the description use no more than this."""
    if "$ref" in schema:
        return bodies(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]], name)
    if schema.get("nullable"):
        return st.none() | bodies({**schema, "nullable": False}, name)
    if "anyOf" in schema:
        return st.one_of([bodies(kind, name) for kind in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if isinstance(schema["type"], list):
        kinds = [bodies({**schema, "type": kind}, name) for kind in schema["type"] if kind != "null"]
        return st.one_of(kinds if "null" not in schema["type"] else [st.none(), *kinds])
    match schema["type"]:
        case "object":
            required = set(schema.get("required", ()))
            members = {key: bodies(value, key) for key, value in schema["properties"].items()}
            return st.fixed_dictionaries(
                {key: value for key, value in members.items() if key in required},
                optional={key: value for key, value in members.items() if key not in required},
            )
        case "array":
            return st.lists(bodies(schema["items"], name), max_size=3)
        case "string":
            return st.sampled_from(_KNOWN[name]) | ANY_TEXT if name in _KNOWN else ANY_TEXT
        case "integer":
            return st.integers(0, 12) | st.integers()
        case "boolean":
            return st.booleans()
        case other:
            raise AssertionError(f"no strategy for {other}")


def objection(operation: Operation, answer: requests.Response) -> str | None:
    """Say what of an answer does not conform to the description, None when everything does."""
    said = operation.responses.get(str(answer.status_code))
    if said is None:
        return f"{operation}: status {answer.status_code} is not described"
    if "content" not in said:
        return None
    if not answer.headers["Content-Type"].startswith("application/json"):
        return f"{operation}: content type {answer.headers['Content-Type']}"
    errors = _validator(json.dumps(said["content"]["application/json"]["schema"])).iter_errors(answer.json())
    return next((f"{operation}: {error.json_path}: {error.message}" for error in errors), None)


@cache
def _validator(schema: str) -> Draft202012Validator:
    components = {"schemas": document()["components"]["schemas"]}
    return Draft202012Validator(_translated({**json.loads(schema), "components": components}))


def _translated(schema: Any) -> Any:
    """Spell OpenAPI 3.0's nullable as JSON Schema does."""
    if isinstance(schema, list):
        return [_translated(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    said = {key: _translated(value) for key, value in schema.items() if key != "nullable"}
    return {**said, "type": [said["type"], "null"]} if schema.get("nullable") is True else said


def forbids(operation: str, body: Any) -> str | None:
    """Say what of a request's body the description forbids, None when it allows it or describes none."""
    (described,) = [each for each in operations() if each.name == operation]
    if described.request is None:
        return None
    errors = _validator(json.dumps(described.request)).iter_errors(body)
    return next((f"{error.json_path}: {error.message}" for error in errors), None)
