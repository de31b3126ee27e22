"""GitHub's own OpenAPI description: checks requests and answers, and fills in what an answer must have."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

FILE = Path(__file__).parent.parent / "data" / "github-openapi.json"
HOST = "http://127.0.0.1"
_BY_FORMAT = {"uri": "https://github.example/x", "date-time": "2026-11-23T12:00:00Z", "email": "a@b.example"}


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return loaded


@cache
def _api() -> OpenAPI:
    return OpenAPI.from_dict(document())


def faults_of_request(method: str, path: str, query: Mapping[str, str], body: bytes) -> str:
    """Say what GitHub would not understand of a request, nothing when it would."""
    try:
        _api().validate_request(_request(method, path, query, body))
    except OpenAPIError as error:
        return f"{method} {path}: {error} {_cause(error)}"
    return ""


def faults_of_answer(method: str, path: str, query: Mapping[str, str], body: bytes, status: int, data: bytes) -> str:
    """Say what GitHub would never answer like this. Statuses that the description leaves out are not checked."""
    if not _declares(method, path, query, body, status):
        return ""
    try:
        _api().validate_response(_request(method, path, query, body), MockResponse(data, status))
    except OpenAPIError as error:
        return f"{method} {path} answered {status}: {error} {_cause(error)}"
    return ""


def _declares(method: str, path: str, query: Mapping[str, str], body: bytes, status: int) -> bool:
    if status < 300:
        return True
    parts = path.strip("/").split("/")
    for pattern, operations in document()["paths"].items():
        names = pattern.strip("/").split("/")
        fits = len(names) == len(parts) and all(n == p or n.startswith("{") for n, p in zip(names, parts, strict=True))
        if fits and method.lower() in operations:
            return str(status) in operations[method.lower()]["responses"]
    return False


def _request(method: str, path: str, query: Mapping[str, str], body: bytes) -> MockRequest:
    return MockRequest(HOST, method, path, args=dict(query), data=body or None)


def _cause(error: BaseException) -> str:
    causes = getattr(error.__cause__, "schema_errors", ())
    return "; ".join(f"{'/'.join(map(str, cause.path))}: {cause.message[:200]}" for cause in causes)


def answer_of(kind: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object of one of GitHub's kinds: `said`, and something for every other member it must have."""
    filled: dict[str, Any] = _example({"$ref": f"#/components/schemas/{kind}"}, said)
    return filled


def _example(schema: Mapping[str, Any], said: object = None) -> Any:
    if "$ref" in schema:
        _, _, kind, name = schema["$ref"].split("/")
        schema = document()["components"][kind][name]
    for word in ("allOf", "anyOf", "oneOf"):
        if word in schema and "properties" not in schema:
            return _example(schema[word][0], said)
    if isinstance(said, Mapping):
        return _object(schema, said)
    if said is not None:
        return said
    return _plain(schema)


def _object(schema: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    names = [*schema.get("required", ()), *(name for name in said if name not in schema.get("required", ()))]
    return {
        name: said[name] if said.get(name, 0) is None else _example(properties.get(name, {}), said.get(name))
        for name in names
    }


def _plain(schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if schema.get("nullable") or (isinstance(kind, list) and "null" in kind):
        return None
    if "enum" in schema:
        return schema["enum"][0]
    match kind:
        case "object" | None:
            return _object(schema, {})
        case "array":
            return []
        case "integer" | "number":
            return 1
        case "boolean":
            return False
        case _:
            return _BY_FORMAT.get(schema.get("format", ""), "x")
