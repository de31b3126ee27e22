"""What this room uses of the events of PyYAML's parsers, which its own types split over seven classes."""

from typing import Protocol

import yaml.events

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


def source(file: str, event: Event) -> Source:
    """Return where an event starts."""
    return Source(file, event.start_mark.line + 1, event.start_mark.column + 1)
