"""What this room uses of the events of PyYAML's parsers, which its own types split over seven classes."""

from collections.abc import Callable
from typing import Protocol

import yaml

from reconciler.model.decision import Source

ALIAS: type[object] = yaml.events.AliasEvent
DOCUMENT_START: type[object] = yaml.events.DocumentStartEvent
LIST_END: type[object] = yaml.events.SequenceEndEvent
LIST_START: type[object] = yaml.events.SequenceStartEvent
MAP_END: type[object] = yaml.events.MappingEndEvent
MAP_START: type[object] = yaml.events.MappingStartEvent
SCALAR: type[object] = yaml.events.ScalarEvent
STREAM_END: type[object] = yaml.events.StreamEndEvent


class Mark(Protocol):
    """A position in the text; all three count from 0."""

    index: int
    line: int
    column: int


class Event(Protocol):
    """An event. Which of the attributes it has depends on its class in yaml.events; `start_mark` is always there."""

    start_mark: Mark
    end_mark: Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    flow_style: bool | None


def parser_of(data: bytes) -> Callable[[], Event]:
    """Return the function that gives the next event of a text: libyaml's, or PyYAML's own where that is missing."""
    loader: Callable[[bytes], _Parser] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return loader(data).get_event


class _Parser(Protocol):
    def get_event(self) -> Event: ...


def source(file: str, event: Event) -> Source:
    """Return where an event starts."""
    return Source(file, event.start_mark.line + 1, event.start_mark.column + 1)
