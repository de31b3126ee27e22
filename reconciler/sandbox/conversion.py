"""Plain values of a file to structs, with every fault of the file and its place at once.

msgspec converts and checks each value; it stops at the first fault of a whole, so wholes are walked through here. What
a type can't say is in the class variable `checks` of a struct: functions by field that raise ValueError(message, hint).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any, get_args, get_origin

import msgspec

from reconciler.codec import Json
from reconciler.errors import InvalidInput
from reconciler.model.decision import Problem, Source

_WORDS: Mapping[Any, str] = {
    str: "text",
    bool: "true or false",
    timedelta: "a number of seconds, 0 or more",
    bytes: "base64",
    int: "a whole number",
    datetime: "a time such as 2026-11-28T22:00:00Z",
}


class Conversion:
    """Collects the problems of one file while its values are converted; a faulty value is left out."""

    def __init__(self, path: str, code: str) -> None:
        """Name the file and the code of its problems."""
        self._path = path
        self._code = code
        self.problems: list[Problem] = []

    def fault(self, place: str, message: str, hint: str = "") -> None:
        """Note a problem at a place such as `tickets[2].guid`."""
        self.problems.append(Problem(self._code, Source(self._path), f"{place}: {message}", hint))

    def check(self) -> None:
        """Raise InvalidInput with all problems, if there are any."""
        if self.problems:
            raise InvalidInput(tuple(self.problems))

    def read(self, value: Json, kind: object, place: str) -> object:
        """Return a value of the type `kind`, which may be a struct, a list or a mapping; None where it is faulty."""
        if kind is Any:
            return value
        if type(None) in get_args(kind):
            return None if value is None else self.read(value, get_args(kind)[0], place)
        if get_origin(kind) is tuple:
            return self._items(value, get_args(kind)[0], place)
        if get_origin(kind) is dict:
            return self._mapping(value, get_args(kind)[1], place)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self._struct(value, kind, place)
        return self._plain(value, kind, place)

    def members(self, value: Json, place: str, known: Mapping[str, str]) -> Mapping[str, Json]:
        """Return the known members of a mapping; `known` says what the required ones must be, "" for others."""
        if not isinstance(value, Mapping):
            self.fault(place or "the file", "must be a mapping")
            return {}
        for name in value:
            if name not in known:
                self.fault(_within(place, name), "is not known", f"known are: {', '.join(known)}")
        for name, words in known.items():
            if words and value.get(name) is None:
                self.fault(_within(place, name), f"is required and must be {words}")
        return {name: item for name, item in value.items() if name in known}

    def _struct(self, value: Json, kind: type[msgspec.Struct], place: str) -> object:
        before = len(self.problems)
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        given = self.members(
            value, place, {name: _words(field.type) if field.required else "" for name, field in fields.items()}
        )
        read = {
            field.name: self.read(given[name], field.type, _within(place, name))
            for name, field in fields.items()
            if name in given and (given[name] is not None or field.type is Any)
        }
        for name, check in getattr(kind, "checks", {}).items():
            try:
                if read.get(name) is not None:
                    check(read[name])
            except ValueError as error:
                message, hint = (*error.args, "")[:2]
                self.fault(_within(place, name), message, hint)
        return kind(**read) if len(self.problems) == before else None

    def _items(self, value: Json, kind: object, place: str) -> object:
        if not isinstance(value, list | tuple):
            self.fault(place, "must be a list")
            return ()
        return tuple(self.read(item, kind, f"{place}[{number}]") for number, item in enumerate(value))

    def _mapping(self, value: Json, kind: object, place: str) -> object:
        if not isinstance(value, Mapping):
            self.fault(place, "must be a mapping")
            return {}
        return {str(name): self.read(item, kind, _within(place, name)) for name, item in value.items()}

    def _plain(self, value: Json, kind: object, place: str) -> object:
        bare, _ = _taken_apart(kind)
        if bare is timedelta and isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return timedelta(seconds=value)
        try:
            found = msgspec.convert(value, kind)
        except msgspec.ValidationError:
            if isinstance(bare, type) and issubclass(bare, Enum):
                self.fault(
                    place, f"{value!r} is not known", f"known are: {', '.join(str(word.value) for word in bare)}"
                )
            else:
                self.fault(place, f"must be {_words(kind)}")
            return None
        return found


def _taken_apart(kind: object) -> tuple[object, msgspec.Meta]:
    bare, *notes = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    return bare, next((note for note in notes if isinstance(note, msgspec.Meta)), msgspec.Meta())


def _words(kind: object) -> str:
    bare, meta = _taken_apart(kind)
    return meta.description or _WORDS[bare]


def _within(place: str, name: object) -> str:
    return f"{place}.{name}" if place else str(name)
