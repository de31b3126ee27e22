"""A page for each JSON Schema: every key, what it may hold, its default and its meaning."""

from collections.abc import Iterator
from typing import Any

from docs.generating.text import cell, table
from reconciler.manifests import schema as schemas

_HEAD = ("Key", "Holds", "Default", "Meaning")
_SAME_AGAIN = "environments.*"


def page(name: str, title: str, introduction: str) -> str:
    """Return the page of one schema."""
    schema = schemas.load(name)
    printed = f"It is generated from the schema that `reconciler schema {name}` prints."
    head = f"# {title}\n\n{schema['description']}\n\n{introduction}\n\nA key in **bold** has to be there. {printed}\n"
    return "\n".join([head, *_parts(schema)])


def _parts(schema: dict[str, Any]) -> Iterator[str]:
    variants = [_resolved(schema, variant) for variant in schema.get("oneOf", [])]
    for variant in variants:
        yield f"## {variant.get('title') or variant['description'].split('.')[0].split(':')[0]}\n"
        yield cell(variant["description"]) + "\n"
        yield _table(schema, variant)
    if not variants:
        yield _table(schema, schema)


def _table(schema: dict[str, Any], node: dict[str, Any]) -> str:
    return table(_HEAD, [_row(path, wanted, found) for path, wanted, found in _keys(schema, node, "")])


def _row(path: str, required: bool, node: dict[str, Any]) -> tuple[str, ...]:
    key = f"**`{path}`**" if required else f"`{path}`"
    default = f"`{_spelled(node['default'])}`" if "default" in node else ""
    return key, cell(_holds(node)), default, cell(node.get("description", node.get("title", "")))


def _keys(schema: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    for name, value in node.get("properties", {}).items():
        found = _resolved(schema, value)
        yield path + name, name in node.get("required", []), found
        yield from _below(schema, found, path + name)
    if isinstance(node.get("additionalProperties"), dict):
        found = _resolved(schema, node["additionalProperties"])
        yield f"{path}*", False, found
        if f"{path}*" != _SAME_AGAIN:
            yield from _below(schema, found, f"{path}*")


def _below(schema: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    for variant in (node, *(_resolved(schema, each) for each in node.get("oneOf", node.get("anyOf", [])))):
        yield from _keys(schema, variant, f"{path}.")
        if "items" in variant:
            yield from _below(schema, _resolved(schema, variant["items"]), f"{path}[]")


def _resolved(schema: dict[str, Any], node: Any) -> dict[str, Any]:  # noqa: ANN401 - a schema is any JSON
    if not isinstance(node, dict):
        return {}
    if "$ref" not in node:
        return node
    target: Any = schema
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolved(schema, target), **{key: value for key, value in node.items() if key != "$ref"}}


def _holds(node: dict[str, Any]) -> str:
    if "const" in node:
        return f"`{_spelled(node['const'])}`"
    if "enum" in node:
        return ", ".join(f"`{_spelled(value)}`" for value in node["enum"])
    words = {"string": "text", "object": "keys", "array": "list", "integer": "whole number", "null": "nothing"}
    kinds = node.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(words.get(kind, kind) for kind in kinds) or "one of several forms"


def _spelled(value: Any) -> str:  # noqa: ANN401 - any JSON
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return f"[{', '.join(_spelled(item) for item in value)}]"
        case dict():
            return f"{{{', '.join(f'{key}: {_spelled(item)}' for key, item in value.items())}}}"
        case None:
            return "null"
        case _:
            return str(value)
