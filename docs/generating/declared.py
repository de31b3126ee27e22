"""Writes what the model declares of its members into the JSON Schemas; every other byte of them stays as it is."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import NoneType
from typing import Any, get_args

from msgspec import NODEFAULT, Struct, structs

from reconciler.manifests import schema as schemas
from reconciler.model.decision import Attestation, Expectation, Parameters
from reconciler.model.declared import Declared, Form, declared
from reconciler.model.status import State

WRITTEN: Mapping[str, Mapping[str, type[Struct]]] = {
    "decisions": {"expect": Expectation, "decided": Attestation, "parameters": Parameters},
    "plan": {"expectation": Expectation, "attestation": Attestation, "parameters": Parameters},
    "ledger": {"attestation": Attestation, "parameters": Parameters},
}
"""The definitions of each schema whose members are declared."""

_BEFORE_KEY = re.compile(r"[\s,{]*")
_BEFORE_VALUE = re.compile(r"[\s:]*")
_read = json.JSONDecoder().raw_decode


def with_declared(name: str, text: str) -> str:
    """Return the text of a schema with the members that are declared of its definitions."""
    properties = _in_manifests if name == "decisions" else _in_plans
    for definition, kind in WRITTEN[name].items():
        text = _put(text, ("$defs", definition, "properties"), properties(kind))
        if name != "decisions" or _required(kind):
            text = _put(text, ("$defs", definition, "required"), _required(kind))
    return text


def _in_manifests(kind: type[Struct]) -> dict[str, Any]:
    """Return the schemas of the keys that a manifest has for a type."""
    return {key: value for name, each in declared(kind).items() for key, value in _written(kind, name, each)}


def _written(kind: type[Struct], name: str, each: Declared) -> Iterator[tuple[str, dict[str, Any]]]:
    match each.form:
        case Form.MEMBERS:
            inner = _type(kind, name)
            title = re.sub(r"(?<=[a-z])[A-Z]", lambda match: f" {match[0].lower()}", inner.__name__)
            closed = {"type": "object", "minProperties": 1, "additionalProperties": False}
            yield name, {"title": title, "description": each.meaning, **closed, "properties": _in_manifests(inner)}
        case Form.STATE:
            yield "status", {"$ref": "#/$defs/status", "description": each.meaning}
            yield "schedule", {"$ref": "#/$defs/times"}
        case Form.TIME:
            local = "Without an offset it is local to the file's `timezone`."
            yield name, {"$ref": "#/$defs/time", "description": f"{each.meaning} {local}"}
        case form:
            yield name, {"$ref": f"#/$defs/{form.value}", "description": each.meaning}


def _in_plans(kind: type[Struct]) -> dict[str, Any]:
    """Return the schemas of the members that a plan or a line of the ledger has for a type."""
    return {name: _kept(_type(kind, name), each.meaning) for name, each in declared(kind).items()}


def _kept(value: Any, meaning: str) -> dict[str, Any]:  # noqa: ANN401 - a type, also one such as tuple[str, ...]
    if value is str:
        return {"type": "string", "description": meaning}
    if value == tuple[str, ...]:
        return {"type": "array", "items": {"type": "string"}, "description": meaning}
    if value is datetime:
        said = f"{meaning.removesuffix('.')} (ISO 8601, UTC, ending in Z)."
        return {"type": "string", "format": "date-time", "description": said}
    if value is State:
        return {"$ref": "#/$defs/state", "description": meaning}
    if isinstance(value, type) and issubclass(value, Struct):
        members = {"properties": _in_plans(value), "required": _required(value), "additionalProperties": False}
        return {"type": "object", "description": meaning, **members}
    raise TypeError(f"no schema says yet what a member of type {value} is: say so here")


def _type(kind: type[Struct], name: str) -> Any:  # noqa: ANN401
    """Return the type of a member, without None."""
    annotated = next(field.type for field in structs.fields(kind) if field.name == name)
    plain = get_args(annotated)[0]
    options = [option for option in get_args(plain) if option is not NoneType]
    return options[0] if NoneType in get_args(plain) and len(options) == 1 else plain


def _required(kind: type[Struct]) -> list[str]:
    fields = structs.fields(kind)
    return [each.name for each in fields if each.default is NODEFAULT and each.default_factory is NODEFAULT]


def _put(text: str, path: tuple[str, ...], value: object) -> str:
    """Put a value into a JSON text where another one stands, on one line if that one does."""
    start, end = _span(text, path)
    if "\n" not in text[start:end]:
        return text[:start] + json.dumps(value, ensure_ascii=False) + text[end:]
    lines = json.dumps(value, indent=2, ensure_ascii=False).splitlines()
    return text[:start] + ("\n" + "  " * len(path)).join(lines) + text[end:]


def _span(text: str, path: tuple[str, ...]) -> tuple[int, int]:
    """Return where the value at a path begins and ends. Raises ValueError when there is none."""
    at = 0
    for wanted in path:
        key, at = _key(text, at)
        while key != wanted:
            _, at = _read(text, at)
            key, at = _key(text, at)
    return at, _read(text, at)[1]


def _key(text: str, at: int) -> tuple[str, int]:
    """Return the next key, and where its value begins."""
    key, at = _read(text, _BEFORE_KEY.match(text, at).end())
    return key, _BEFORE_VALUE.match(text, at).end()


def main() -> None:
    """Write the schemas of this checkout."""
    for name in WRITTEN:
        path = schemas.folder() / f"{name}.schema.json"
        path.write_text(with_declared(name, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
