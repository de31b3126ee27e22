"""Where each value of a YAML text stands, worked out from its events only when somebody has to be told."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reconciler.manifests.event import LIST_END, LIST_START, MAP_END, MAP_START, SCALAR, Event, source
from reconciler.model.decision import Source

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Places of values and of keys inside one file, by the path from the root of what was located."""

    file: str
    values: dict[Path, Source] = field(default_factory=dict)
    keys: dict[Path, Source] = field(default_factory=dict)

    def add(self, other: "Places") -> None:
        """Take over the places of another part of the same file."""
        self.values.update(other.values)
        self.keys.update(other.keys)

    def value(self, path: Path) -> Source:
        """Return the place of a value, or of the nearest value around it that is written in the file."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Source(self.file))

    def key(self, path: Path) -> Source:
        """Return the place of the key that a path ends with, or of the nearest value around it."""
        return self.keys.get(path) or self.value(path)


def locate(file: str, events: Sequence[Event], at: Path = ()) -> Places:
    """Return the places of the one value that `events` spell (aliases already replaced), which stands at path `at`.

    Events that end too early, because the text can't be read further, give the places up to there.
    """
    places = Places(file)
    stream = iter(events)
    with contextlib.suppress(StopIteration):
        _locate(next(stream), stream, at, places)
    return places


def _locate(event: Event, stream: Iterator[Event], at: Path, places: Places) -> None:
    places.values.setdefault(at, source(places.file, event))
    kind = event.__class__
    if kind is MAP_START:
        _locate_members(stream, at, places)
    elif kind is LIST_START:
        index = 0
        while (item := next(stream)).__class__ is not LIST_END:
            _locate(item, stream, (*at, index), places)
            index += 1


def _locate_members(stream: Iterator[Event], at: Path, places: Places) -> None:
    nowhere = Places(places.file)
    while (key := next(stream)).__class__ is not MAP_END:
        if key.__class__ is SCALAR and (*at, key.value) not in places.keys:
            places.keys[(*at, key.value)] = source(places.file, key)
            _locate(next(stream), stream, (*at, key.value), places)
        else:  # a repeated key, or none that could be one: the reader has left its value out
            if key.__class__ is not SCALAR:
                _locate(key, stream, at, nowhere)
            _locate(next(stream), stream, at, nowhere)
