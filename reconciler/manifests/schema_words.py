"""What jsonschema finds wrong with a value, in words that people understand."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from reconciler.manifests.problems import Code, Path, did_you_mean
from reconciler.manifests.yaml import SourceMap
from reconciler.model.decision import Problem
from reconciler.model.value import quote

_KINDS = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SECRETS = ("token", "password", "secret", "passphrase", "api_key", "apikey", "private_key", "credential")


def described(
    schema: Mapping[str, Any], value: object, places: SourceMap, moved: Callable[[Path], Path]
) -> list[Problem]:
    """Return everything that is wrong with `value` by `schema`, each once, with its place."""
    problems: dict[Problem, None] = {}
    for error in _Validator(schema).iter_errors(value):
        problems.update(dict.fromkeys(_problems(error, moved(tuple(error.absolute_path)), places)))
    return list(problems)


def _pattern(_: object, pattern: str, value: object, __: object) -> Iterator[ValidationError]:
    """Find a pattern as JSON Schema means it: `$` is the end of the text, not a line feed before it."""
    exact = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(value, str) and not re.search(exact, value):
        yield ValidationError("does not match")


_Validator: Any = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def _problems(error: ValidationError, path: Path, places: SourceMap) -> Iterator[Problem]:
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    value: Any = error.instance
    match error.validator:
        case "additionalProperties":
            known = schema.get("properties", {})
            yield from (_unknown_key(key, known, (*path, key), places) for key in value if key not in known)
        case "required":
            wanted: Any = error.validator_value
            yield from (_missing(key, path, places) for key in wanted if key not in value)
        case "not":
            message, hint = _split(schema)
            yield Problem(Code.SCHEMA_SCHEDULE, places.key(path), message, hint)
        case "type":
            yield Problem(Code.SCHEMA_TYPE, places.value(path), *_wrong_type(error, _named(path), places.written(path)))
        case "pattern" if "propertyNames" in error.absolute_schema_path:
            message, hint = _wrong_value(error, schema, "name", value)
            yield Problem(Code.SCHEMA_VALUE, places.key((*path, value)), message, hint)
        case _:
            yield Problem(
                Code.SCHEMA_VALUE,
                places.value(path),
                *_wrong_value(error, schema, _named(path), _as_written(value, path, places)),
            )


def _as_written(value: object, path: Path, places: SourceMap) -> object:
    """Return a value as its reader has it before the eyes: `0x10` and not 16, `true` and not True."""
    return value if value is None or isinstance(value, str) else places.written(path) or value


def _named(path: Path) -> str:
    if not path:
        return "the file"
    if isinstance(path[-1], int):
        owner = next((part for part in reversed(path) if isinstance(part, str)), "")
        return f"an item of `{owner}`" if owner else "an item"
    return quote(path[-1])


def _missing(key: str, path: Path, places: SourceMap) -> Problem:
    owner = f" in {_named(path)}" if path and isinstance(path[-1], str) else ""
    hint = _MISSING_HINTS.get(key, f"add `{key}: …`")
    return Problem(Code.SCHEMA_MISSING, places.value(path), f"`{key}` is missing{owner}", hint)


_MISSING_HINTS = {
    "kind": "put `kind: rules` below the version",
    "version": "put `version: 1` at the top of the file",
    "tickets": "list at least one ticket under `tickets:`, or remove the file",
    "status": "add `status: Approved`, `Approved After`, `Approved Between`, `Rejected` or `Pending`",
    "guid": "add the ticket's GUID, for example `guid: 6ede0e12-f7c0-4068-9977-001076205c84`",
    "schedule": "add `schedule: {start: 2036-11-29T22:00:00Z}`, with `stop` for `Approved Between`, or a window",
    "stop": "add `stop`, or use `Approved After`, which has no end",
    "at_most": "say how many tickets the rule may select, for example `at_most: 20`",
}


def _unknown_key(key: str, known: Mapping[str, Any], path: Path, places: SourceMap) -> Problem:
    misspelt = difflib.get_close_matches(key.casefold(), known, n=1, cutoff=0.85)
    if not misspelt and any(word in key.casefold() for word in _SECRETS):
        message = f"{quote(key)} looks like a secret, which must never stand in a file under version control"
        hint = "remove it, change the secret, and give the new one in the environment (TPP_TOKEN, TPP_PASSWORD, …)"
        return Problem(Code.CONFIG_SECRET, places.key(path), message, hint)
    return Problem(
        Code.SCHEMA_UNKNOWN, places.key(path), f"key {quote(key)} is not known here", did_you_mean(key, known)
    )


def _wrong_type(error: ValidationError, name: str, written: str) -> tuple[str, str]:
    wanted: Any = error.validator_value
    kinds = " or ".join(_KINDS[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted))
    value = error.instance
    if value is None:
        return f"{name} is empty", f"give it {kinds}, or remove it"
    if isinstance(value, dict | list):
        given = "a map" if isinstance(value, dict) else "a list"
        if isinstance(value, dict) and list(value.values()) == [None] and _GUID.fullmatch(next(iter(value))):
            return (
                f"{name} must be {kinds}, not {given}: braces make it one",
                "put it into quotes, or leave out the braces",
            )
        return f"{name} must be {kinds}, not {given}", "check dashes and indentation"
    given = "text" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "a number"
    unquoted = "string" in wanted and not isinstance(value, str)
    hint = "put it into quotes" if unquoted else f"write {kinds}"
    shown = f" ({quote(value if isinstance(value, str) else written or value)})" if error.absolute_path else ""
    return f"{name} must be {kinds}, not {given}{shown}", hint


def _wrong_value(error: ValidationError, schema: Mapping[str, Any], name: str, written: object) -> tuple[str, str]:
    value: Any = error.instance
    limit: Any = error.validator_value
    match error.validator:
        case "enum" | "const":
            return _wrong_word(value, limit if isinstance(limit, list) else [limit], name, written)
        case "minItems" | "minProperties" | "minLength":
            return f"{name} is empty", "fill it, or remove it"
        case "maxLength":
            return f"{name} has {len(value)} characters, more than {limit}", "shorten it"
        case "uniqueItems":
            return f"{name} names something twice", "remove one of them"
        case "minimum" | "exclusiveMinimum":
            bound = "at least" if error.validator == "minimum" else "more than"
            return f"{name} must be {bound} {limit}, not {quote(written)}", "raise it"
        case "maximum":
            return f"{name} must be at most {limit}, not {quote(written)}", "lower it"
        case _:
            message, hint = _split(schema)
            return f"{name} {quote(written)} {message}", hint


def _wrong_word(value: object, allowed: list[Any], name: str, written: object) -> tuple[str, str]:
    if value is None:
        return f"{name} is empty", "give it a value"
    if isinstance(value, str) and value in map(str, allowed):
        return f"{name} must be the number {allowed[0]}, not text", "remove the quotes"
    words = [str(word) for word in allowed]
    hint = f"the only value is {quote(allowed[0])}" if len(words) == 1 else did_you_mean(str(value), words)
    kind = "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else quote(written)
    return f"{name} can't be {kind}", hint


def _split(schema: Mapping[str, Any]) -> tuple[str, str]:
    """Return fault and remedy, which the schemas keep in one sentence because editors show only one."""
    message, _, hint = str(schema.get("errorMessage", "is not allowed: correct it")).partition(": ")
    return message, hint
