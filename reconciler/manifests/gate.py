"""Compiles a JSON Schema to a function that says yes or no, and nothing else, quickly.

The gate stands before jsonschema, which is slow and slow to import: what the gate accepts is accepted, what it
refuses is shown to jsonschema, whose answer counts and whose errors become messages. So a gate may refuse too
much (it costs time) but never accept too much; tests compare both on every file and on generated values. What
stands in an `if` has to be exact, so only `required`, and `const` and `enum` of texts, belong there.
"""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.manifests.branching import Branch, Gate, anything, merged, together

_Maker = Callable[[Any, Mapping[str, Any], Mapping[str, Any]], Gate | Branch]

_TYPES: dict[str, type] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
_ANNOTATIONS = frozenset(
    {"$schema", "$id", "$defs", "$comment", "title", "description", "default", "examples", "errorMessage"}
    | {"then", "else", "deprecated", "format"}
)


_OF_TEXTS = frozenset({"type", "pattern", "minLength", "maxLength"})
_OF_MAPS = frozenset({"type", "properties", "additionalProperties", "required", "minProperties"})


def compile_gate(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Gate:
    """Compile `schema`, whose references point into `root`. Raises KeyError for a keyword that no gate knows."""
    return together(merged(_checks(schema, root)))


def _checks(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[Gate | Branch]:
    """Return what a schema asks for in one row: what it refers to and what it gathers in `allOf` included."""
    keywords = schema.keys() - _ANNOTATIONS
    if schema.get("type") == "string" and keywords <= _OF_TEXTS:
        return [_text(schema)]
    checks: list[Gate | Branch] = []
    if schema.get("type") == "object" and schema.get("additionalProperties") is False:
        checks.append(_map(schema, root))
        keywords -= _OF_MAPS
    for name, value in schema.items():
        if name == "$ref":
            checks += _checks(definition(value, root), root)
        elif name == "allOf":
            checks += (check for part in value for check in _checks(part, root))
        elif name in keywords:
            checks.append(_MAKERS[name](value, schema, root))
    return checks


def ecma_pattern(pattern: str) -> re.Pattern[str]:
    r"""Compile a pattern as JSON Schema means it: `$` is the end of the text, not a line feed before it."""
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def definition(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a `#/$defs/name` reference points to. Raises KeyError when there is no such definition."""
    found: Mapping[str, Any] = root["$defs"][reference.removeprefix("#/$defs/")]
    return found


def _text(schema: Mapping[str, Any]) -> Gate:
    """Compile a schema of texts to one check instead of four, for most of what is checked is text."""
    least, most = schema.get("minLength", 0), schema.get("maxLength", sys.maxsize)
    if "pattern" not in schema:
        return lambda value: type(value) is str and least <= len(value) <= most
    search = ecma_pattern(schema["pattern"]).search
    return lambda value: type(value) is str and least <= len(value) <= most and search(value) is not None


def _map(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Gate:
    """Compile a schema of maps with known members alone to one check instead of four: every entry is such a map."""
    known = _known({name: compile_gate(member, root) for name, member in schema.get("properties", {}).items()})
    needed, least = tuple(schema.get("required", ())), schema.get("minProperties", 0)

    def fits(value: Any) -> bool:  # noqa: ANN401
        if type(value) is not dict or len(value) < least:
            return False
        for name in needed:
            if name not in value:
                return False
        return known(value)

    return fits


def _type(wanted: str | list[str], *_: object) -> Gate:
    if wanted == "number":
        return lambda value: type(value) is int or type(value) is float
    kinds = {_TYPES[name] for name in ([wanted] if isinstance(wanted, str) else wanted)}
    if len(kinds) == 1:
        (only,) = kinds
        return lambda value: type(value) is only
    return lambda value: type(value) in kinds


def _const(wanted: object, *_: object) -> Gate:
    kind = type(wanted)
    return lambda value: type(value) is kind and value == wanted


def _enum(wanted: list[str], *_: object) -> Gate:
    words = frozenset(wanted)
    return lambda value: type(value) is str and value in words


def _pattern(pattern: str, *_: object) -> Gate:
    search = ecma_pattern(pattern).search
    return lambda value: type(value) is not str or search(value) is not None


def _properties(members: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any]) -> Gate:
    gates = {name: compile_gate(member, root) for name, member in members.items()}
    return _known(gates) if schema.get("additionalProperties") is False else _stated(gates)


def _stated(gates: Mapping[str, Gate]) -> Gate:
    pairs = tuple(gates.items())

    def stated(value: Any) -> bool:  # noqa: ANN401
        if type(value) is dict:
            for name, gate in pairs:
                if name in value and not gate(value[name]):
                    return False
        return True

    return stated


def _known(gates: Mapping[str, Gate]) -> Gate:
    find = gates.get

    def known(value: Any) -> bool:  # noqa: ANN401
        if type(value) is dict:
            for name, member in value.items():
                gate = find(name)
                if gate is None or not gate(member):
                    return False
        return True

    return known


def _additional(rest: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Gate:  # noqa: ANN401
    stated = frozenset(schema.get("properties", ()))
    if rest is False and stated:
        return anything  # `_known` has said so already
    gate = compile_gate(rest, root)
    return lambda value: type(value) is not dict or all(gate(value[name]) for name in value if name not in stated)


def _required(wanted: list[str], *_: object) -> Gate:
    if len(wanted) == 1:
        (only,) = wanted
        return lambda value: type(value) is not dict or only in value
    needed = frozenset(wanted)
    return lambda value: type(value) is not dict or value.keys() >= needed


def _items(item: Mapping[str, Any], _: object, root: Mapping[str, Any]) -> Gate:
    gate = compile_gate(item, root)
    return lambda value: type(value) is not list or all(map(gate, value))


def _names(schema: Mapping[str, Any], _: object, root: Mapping[str, Any]) -> Gate:
    gate = compile_gate(schema, root)
    return lambda value: type(value) is not dict or all(map(gate, value))


def _unique(_: object, *__: object) -> Gate:
    return lambda value: (
        type(value) is not list or (all(type(item) is str for item in value) and len(set(value)) == len(value))
    )


def _if(condition: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any]) -> Gate | Branch:
    then = compile_gate(schema.get("then", {}), root)
    other = compile_gate(schema.get("else", {}), root)
    name, words = _word_test(condition)
    if name:
        return Branch(name, words, then, other)
    test = compile_gate(condition, root)
    return lambda value: then(value) if test(value) else other(value)


def _word_test(condition: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return member and words of a condition that asks for one of these words there: the usual, in one check."""
    names, members = condition.get("required", ()), condition.get("properties", {})
    if condition.keys() == {"required", "properties"} and len(names) == 1 and members.keys() == set(names):
        member = members[names[0]]
        if member.keys() == {"enum"}:
            return names[0], tuple(member["enum"])
        if member.keys() == {"const"}:
            return names[0], (member["const"],)
    return "", ()


def _not(schema: Mapping[str, Any], *_: object) -> Gate:
    if schema:
        raise KeyError("not")  # a gate inside `not` would have to be exact, which gates are not
    return lambda _: False


def _sized(kinds: tuple[type, ...], fits: Callable[[int, int], bool]) -> _Maker:
    def make(limit: int, *_: object) -> Gate:
        return lambda value: type(value) not in kinds or fits(len(value), limit)

    return make


def _bounded(fits: Callable[[float, float], bool]) -> _Maker:
    def make(limit: float, *_: object) -> Gate:
        return lambda value: type(value) not in (int, float) or fits(value, limit)

    return make


def _at_least(value: float, limit: float) -> bool:
    return value >= limit


def _at_most(value: float, limit: float) -> bool:
    return value <= limit


_MAKERS: dict[str, _Maker] = {
    "type": _type,
    "const": _const,
    "enum": _enum,
    "pattern": _pattern,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "required": _required,
    "items": _items,
    "uniqueItems": _unique,
    "if": _if,
    "not": _not,
    "minLength": _sized((str,), _at_least),
    "maxLength": _sized((str,), _at_most),
    "minItems": _sized((list,), _at_least),
    "maxItems": _sized((list,), _at_most),
    "minProperties": _sized((dict,), _at_least),
    "maxProperties": _sized((dict,), _at_most),
    "minimum": _bounded(_at_least),
    "maximum": _bounded(_at_most),
    "exclusiveMinimum": _bounded(lambda value, limit: value > limit),
}
