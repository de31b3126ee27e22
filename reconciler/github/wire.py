"""What GitHub sends as JSON: members by their path, whatever is missing or of another type."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

Wire = Mapping[str, object]
"""One JSON object as GitHub sent it. It never leaves this package."""


def is_object(value: object) -> TypeGuard[Wire]:
    """Whether a decoded JSON value is an object."""
    return isinstance(value, Mapping)


def objects(value: object) -> tuple[Wire, ...]:
    """Return the objects of a JSON list; anything else in it, or no list at all, is left out."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    return tuple(item for item in value if is_object(item))


def member(value: object, *path: str) -> object:
    """Follow member names into nested objects; None as soon as one is missing."""
    for name in path:
        value = value.get(name) if is_object(value) else None
    return value


def text(value: object, *path: str) -> str:
    """Return the text at a path, empty when there is none."""
    found = member(value, *path)
    return found if isinstance(found, str) else ""


def number(value: object, *path: str) -> int | None:
    """Return the whole number at a path, None when there is none."""
    found = member(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
