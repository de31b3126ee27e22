"""Strict reading of JSON values: every fault is a ValueError that names its place as a JSON pointer (RFC 6901)."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from reconciler.model.guid import Guid, parse_guid
from reconciler.model.instant import parse_instant

T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)
Decode = Callable[[object, str], T]
"""Reads one JSON value; the second argument is its place."""

_JSON_NAMES = {dict: "an object", list: "an array", str: "text", bool: "a boolean", int: "a number", float: "a number"}


def fault(place: str, message: str) -> ValueError:
    """Return the error for one place; the whole document is shown as "/"."""
    return ValueError(f"{place or '/'}: {message}")


def expected(what: str, value: object, place: str) -> ValueError:
    """Return the error for a value of the wrong type."""
    return fault(place, f"{what} is needed, this is {_JSON_NAMES.get(type(value), 'null')}")


class Fields:
    """The members of one JSON object, taken by name; a member that nobody takes is refused by `done`."""

    __slots__ = ("_left", "place")

    def __init__(self, value: object, place: str) -> None:
        """Raises ValueError when the value is not an object."""
        if not isinstance(value, dict):
            raise expected("an object", value, place)
        self._left = dict(value)
        self.place = place

    def take(self, name: str, decode: Decode[T]) -> T:
        """Read a member that must be there."""
        if name not in self._left:
            raise fault(self.place, f'the member "{name}" is missing')
        return decode(self._left.pop(name), f"{self.place}/{name}")

    def maybe(self, name: str, decode: Decode[T], default: T) -> T:
        """Read a member that is left out when it has its default value."""
        if name not in self._left:
            return default
        return decode(self._left.pop(name), f"{self.place}/{name}")

    def optional(self, name: str, decode: Decode[T]) -> T | None:
        """Read a member that is left out when there is nothing to say."""
        if name not in self._left:
            return None
        return decode(self._left.pop(name), f"{self.place}/{name}")

    def done(self) -> None:
        """Refuse every member that was not taken."""
        if self._left:
            names = ", ".join(f'"{name}"' for name in sorted(self._left))
            raise fault(self.place, f"unknown member {names}")


def text(value: object, place: str) -> str:
    """Read text."""
    if not isinstance(value, str):
        raise expected("text", value, place)
    return value


def whole(value: object, place: str) -> int:
    """Read a whole number that is not negative."""
    number = integer(value, place)
    if number < 0:
        raise fault(place, f"a number from 0 on is needed, this is {number}")
    return number


def integer(value: object, place: str) -> int:
    """Read a whole number of any sign."""
    if type(value) is not int:
        raise expected("a whole number", value, place)
    return value


def boolean(value: object, place: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise expected("a boolean", value, place)
    return value


def instant(value: object, place: str) -> datetime:
    """Read an instant: ISO 8601 text with an offset."""
    written = text(value, place)
    try:
        return parse_instant(written)
    except (ValueError, OverflowError):
        raise fault(place, f"{written!r} is not a time with an offset") from None


def guid(value: object, place: str) -> Guid:
    """Read a GUID in its one canonical spelling."""
    written = text(value, place)
    try:
        parsed = parse_guid(written)
    except ValueError:
        parsed = None
    if parsed != written:
        raise fault(place, f"{written!r} is not a GUID in lower case without braces")
    return parsed


def word(kind: type[Word]) -> Decode[Word]:
    """Return a reader for one of a closed set of words."""

    def decode(value: object, place: str) -> Word:
        written = text(value, place)
        try:
            return kind(written)
        except ValueError:
            known = ", ".join(member.value for member in kind)
            raise fault(place, f"{written!r} is none of {known}") from None

    return decode


def nullable(decode: Decode[T]) -> Decode[T | None]:
    """Return a reader that also takes null."""
    return lambda value, place: None if value is None else decode(value, place)


def sequence(decode: Decode[T]) -> Decode[tuple[T, ...]]:
    """Return a reader for an array whose items are all of one kind."""

    def decode_all(value: object, place: str) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise expected("an array", value, place)
        return tuple(decode(item, f"{place}/{index}") for index, item in enumerate(value))

    return decode_all


texts = sequence(text)


def version(value: object, place: str, *, supported: int, kind: str) -> None:
    """Refuse a document of a format version that this release does not read."""
    if type(value) is not int or value != supported:
        raise fault(place, f"{kind} version {value!r} is not supported, this release reads version {supported}")
