"""The JSON Schemas of the formats: where they are, and whether a value is valid by them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path as File
from typing import Any

import jsonschema_rs

from reconciler.codec import decode
from reconciler.manifests.problems import Code, Path
from reconciler.manifests.yaml import SourceMap, Value
from reconciler.model.decision import Problem

Validator = Callable[[object], bool]
"""Whether a value is valid."""

_PACKAGE = File(__file__).parent.parent
_SUFFIX = ".schema.json"


def folder() -> File:
    """Return the folder of the schemas: inside the installed package, else at the top of the checkout."""
    installed = _PACKAGE / "schemas"
    return installed if installed.is_dir() else _PACKAGE.parent / "schemas"


def names() -> tuple[str, ...]:
    """Return the names of all schemas in alphabetical order."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in folder().glob("*" + _SUFFIX)))


def text(name: str) -> str:
    """Return one schema as it stands in its file. Raises KeyError for a name that `names` does not give."""
    if name not in names():
        raise KeyError(name)
    return (folder() / (name + _SUFFIX)).read_text(encoding="utf-8")


@cache
def load(name: str) -> dict[str, Any]:
    """Return one schema as a value. Raises KeyError for a name that `names` does not give."""
    schema: dict[str, Any] = decode(text(name).encode(), dict)
    return schema


@cache
def validator(schema: str, *definitions: str) -> Validator:
    """Return the validator of a schema, or of some of its definitions together."""
    root = load(schema)
    if not definitions:
        return _compiled(root)
    return _compiled({"allOf": [{"$ref": f"#/$defs/{name}"} for name in definitions], "$defs": root["$defs"]})


@cache
def member_validator(schema: str, name: str) -> Validator:
    """Return the validator of one member of a schema's root."""
    root = load(schema)
    return _compiled({"allOf": [root["properties"][name]], "$defs": root["$defs"]})


def ticket_validator(defaults: Value) -> Validator:
    """Return the validator for the tickets of a file with these defaults, as the schema's own conditions choose it."""
    given = defaults if isinstance(defaults, dict) else {}
    needs = [name for name in ("status", "schedule") if name not in given]
    return validator("decisions", "ticket", *(f"states_{name}" for name in needs))


def _compiled(schema: dict[str, Any]) -> Validator:
    is_valid = jsonschema_rs.Draft202012Validator(schema).is_valid

    def valid(value: object) -> bool:
        try:
            return is_valid(value)
        except (ValueError, SystemError):  # half of a surrogate pair, which is no text, or a number without bounds
            return False

    return valid


def newer_version(value: Value, places: SourceMap, read: int = 1) -> Problem | None:
    """Say of a file that it is of a later version of its format: what else is wrong with it may follow from that."""
    version = value.get("version") if isinstance(value, dict) else None
    if type(version) is not int or version <= read:
        return None
    message = f"written by a newer release: this is version {version}, this release reads version {read}"
    hint = f"upgrade to a release that reads it, or write the file in version {read}"
    return Problem(Code.SCHEMA_VERSION, places.value(("version",)), message, hint)


def schema_problems(
    schema: str, value: Value, places: SourceMap, moved: Callable[[Path], Path] = lambda path: path
) -> list[Problem]:
    """Return everything that is wrong with a value that is not valid, in words and with places.

    `moved` turns paths in the value into paths in the file, where they differ.
    """
    # jsonschema takes longer to import than a whole validation: only what is not valid needs its words
    from reconciler.manifests.schema_words import described

    problems = described(load(schema), value, places, moved)
    if not problems:
        message, hint = "this can't be used as a value here", "write another value"
        for error in jsonschema_rs.Draft202012Validator(load(schema)).iter_errors(value):
            problems.append(Problem(Code.SCHEMA_VALUE, places.value(moved(tuple(error.instance_path))), message, hint))
    return problems
