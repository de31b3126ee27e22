"""Reading the body of a request: its members, with the type that the API description gives them."""

import json
from collections.abc import Mapping

from reconciler.model.canonical import Json
from reconciler.sandbox.identities import Directory


class Malformed(Exception):
    """The body is no JSON object, or a property is missing or has the wrong type."""


def parse(data: bytes) -> Mapping[str, Json]:
    """Return the members of a JSON object. Raises Malformed for anything else."""
    try:
        value: Json = json.loads(data)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None
    if not isinstance(value, Mapping):
        raise Malformed("the body is not a JSON object")
    return value


def text(body: Mapping[str, Json], name: str) -> str:
    """Return a required text. Raises Malformed."""
    value = body.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} is required and must be text")
    return value


def optional(body: Mapping[str, Json], name: str) -> str | None:
    """Return a text that may be absent or null. Raises Malformed."""
    return None if body.get(name) is None else text(body, name)


def whole_number(body: Mapping[str, Json], name: str, default: int) -> int:
    """Return a whole number that may be absent or null. Raises Malformed."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise Malformed(f"{name} must be a whole number")
    return int(value)


def identities(directory: Directory, value: Json) -> tuple[str, ...] | None:
    """Return the prefixed universals of a list of Identity values, None when one is unknown. Raises Malformed."""
    if not isinstance(value, list):
        raise Malformed("Approvers is required and must be a list of identities")
    found: list[str] = []
    for item in value:
        if not isinstance(item, Mapping):
            raise Malformed("an approver must be an identity")
        identity = directory.resolve(item)
        if identity is None:
            return None
        found.append(identity.universal)
    return tuple(found)
