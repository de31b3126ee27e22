"""Strict YAML: text, whole and decimal numbers, true, false, null, lists and maps, and nothing that surprises.

Built from the events of libyaml (of PyYAML's own parser where libyaml is missing), because the loaders of PyYAML
turn times into datetimes, `no` into False and 22:30:00 into 81000, let the last of two equal keys win, and keep no
lines. Plain scalars mean what they mean in YAML 1.2, so that editors and other validators see the same values.
"""

import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml

from reconciler.manifests.problems import Code, Path
from reconciler.manifests.syntax import conflict_problem, syntax_problem
from reconciler.manifests.text import Unreadable, read_text
from reconciler.model.decision import Problem, Source
from reconciler.model.value import quote

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

DEEPEST = 20
"""Levels of nesting. No format of ours needs more than eight."""

FREE_ALIASED = 1_000
"""Values that aliases may stand for in any file; beyond that, as many as the text before has characters."""

ALIAS: type[object] = yaml.events.AliasEvent
DOCUMENT_START: type[object] = yaml.events.DocumentStartEvent
LIST_END: type[object] = yaml.events.SequenceEndEvent
LIST_START: type[object] = yaml.events.SequenceStartEvent
MAP_END: type[object] = yaml.events.MappingEndEvent
MAP_START: type[object] = yaml.events.MappingStartEvent
SCALAR: type[object] = yaml.events.ScalarEvent
STREAM_END: type[object] = yaml.events.StreamEndEvent

_TICKETS = "tickets"
_LINE_SHIFT = 32
_MAY_BE_TYPED = frozenset(["", *"+-.0123456789nNtTfF~"])
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_OTHER_BASE = re.compile(r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_LONGEST_WHOLE = 18
_HALF = re.compile("[\ud800-\udfff]")
_PLAIN_WORD = re.compile(r"[^\s,\[\]{}&*!][^\s,\[\]{}]*")
_NUMBER = re.compile("|".join(kind.pattern for kind in (_WHOLE, _DECIMAL, _OTHER_BASE)))


class Mark(Protocol):
    """A position in the text; all three count from 0."""

    index: int
    line: int
    column: int


class YamlEvent(Protocol):
    """An event. Which of the attributes it has depends on its class in yaml.events; `start_mark` is always there."""

    start_mark: Mark
    end_mark: Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    flow_style: bool | None


def parser_of(data: bytes) -> Callable[[], YamlEvent]:
    """Return the function that gives the next event of a text: libyaml's, or PyYAML's own where that is missing."""
    loader: Callable[[bytes], Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parse: Callable[[], YamlEvent] = loader(data).get_event
    if loader is not yaml.SafeLoader:
        return parse

    def checked() -> YamlEvent:
        event = parse()
        if event.__class__ is SCALAR and _HALF.search(event.value):
            mark: Any = event.start_mark
            reason = "found invalid Unicode character escape code"
            raise yaml.MarkedYAMLError("while parsing a quoted scalar", mark, reason, mark)  # as libyaml does
        return event

    return checked


def scalar(text: str) -> Value:
    """Return what a plain scalar means in YAML 1.2. Numbers too long for any use become decimal."""
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text) is None:
        return text
    if _WHOLE.fullmatch(text):
        return int(text) if len(text) <= _LONGEST_WHOLE else float(text)
    if _DECIMAL.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if _OTHER_BASE.fullmatch(text) and len(text) <= _LONGEST_WHOLE:
        digits = text.replace("_", "").lower()
        return int(digits, 0 if digits.lstrip("+-")[:2] in ("0b", "0o", "0x") else 10)
    return text


class SourceMap:
    """Where each key and value of a document stands, looked up by path.

    `marks` has the position of each key and value in the order in which the value holds them, which takes a few bytes
    for each. Paths are found by counting, and only when somebody has to be told.
    """

    def __init__(
        self,
        file: str,
        value: Value = None,
        marks: Sequence[int] = (),
        entries: Sequence[int] = (),
        data: bytes = b"",
    ) -> None:
        """Take over the marks of a value; `entries` says where in them the tickets begin, `data` is the text."""
        self._file = file
        self._value = value
        self._marks = marks
        self._entries = entries
        self._data = data
        self._members: dict[Path, dict[str | int, tuple[int, Value]]] = {}
        self._lines: list[str] | None = None

    def __contains__(self, path: Path) -> bool:
        """Whether a value stands at this path."""
        return self._find(path) is not None

    def value(self, path: Path) -> Source:
        """Return the place of a value, or of the nearest value around it that is written in the file."""
        while (found := self._find(path)) is None and path:
            path = path[:-1]
        return Source(self._file) if found is None else self._source(found[0])

    def key(self, path: Path) -> Source:
        """Return the place of the key that a path ends with, or of the nearest value around it."""
        found = self._find(path)
        if found is None or not path or isinstance(path[-1], int):
            return self.value(path)
        return self._source(found[0] - 1)

    def entry(self, index: int) -> Source:
        """Return the place of one of the tickets."""
        return self._source(self._entries[index])

    def line(self, path: Path) -> str:
        """Return the rest of the line on which a value begins, from there on."""
        source = self.value(path)
        if not source.line:
            return ""
        if self._lines is None:
            self._lines = self._data.decode("utf-8", "replace").split("\n")
        return self._lines[source.line - 1][max(source.column - 1, 0) :].rstrip("\r")

    def written(self, path: Path) -> str:
        """Return a plain value without blanks in it, such as a number, as the text spells it."""
        found = _PLAIN_WORD.match(self.line(path))
        return found[0] if found else ""

    def _source(self, at: int) -> Source:
        mark = self._marks[at]
        return Source(self._file, (mark >> _LINE_SHIFT) + 1, (mark & (1 << _LINE_SHIFT) - 1) + 1)

    def _find(self, path: Path) -> tuple[int, Value] | None:
        """Return where in the marks a value stands, and the value."""
        if not path:
            return (0, self._value) if self._marks else None
        if path not in self._members:
            outer = self._find(path[:-1])
            if outer is None:
                return None
            if path[:-1] not in self._members:
                self._members[path[:-1]] = self._count(path[:-1], *outer)
        return self._members[path[:-1]].get(path[-1])

    def _count(self, path: Path, at: int, value: Value) -> dict[str | int, tuple[int, Value]]:
        if path == (_TICKETS,) and isinstance(value, list):
            return {index: (start, item) for index, (start, item) in enumerate(zip(self._entries, value, strict=False))}
        found: dict[str | int, tuple[int, Value]] = {}
        at += 1
        for name, inner in value.items() if isinstance(value, dict) else ():
            found[name] = (at + 1, inner)
            at += 1 + _size(inner)
        for index, inner in enumerate(value) if isinstance(value, list) else ():
            found[index] = (at, inner)
            at += _size(inner)
        return found


def _size(value: Value) -> int:
    """Return how many marks a value has: its own, and those of all keys and values in it."""
    if isinstance(value, dict):
        return 1 + sum(1 + _size(inner) for inner in value.values())
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says, with the places of everything in it and every fault of the text.

    `whole` is False when reading had to stop: `value` then has the members of the file and the tickets before that
    place. `empty` means that there is nothing in the text.
    """

    value: Value
    places: SourceMap
    problems: list[Problem]
    whole: bool = True
    empty: bool = False


def read_document(file: str, data: bytes) -> Document:
    """Read a text (UTF-8) once. Never raises for anything in it."""
    conflict = conflict_problem(file, data)
    if conflict is not None:
        return Document(None, SourceMap(file), [conflict], whole=False)
    reader = _Reader(file, data)
    whole, empty = True, False
    try:
        empty = not reader.read() or reader.value is None
    except yaml.YAMLError as error:
        whole = False
        reader.problems.append(syntax_problem(file, error, data, quoting=isinstance(reader.value, dict)))
    except Unreadable as stop:
        whole = False
        reader.problems.append(stop.problem)
    places = SourceMap(file, reader.value, reader.marks, reader.entries, data)
    return Document(reader.value, places, reader.problems, whole, empty)


def read_file(file: str, root: str | None = None) -> Document:
    """Read a file once. One that is empty, or no text, has that among its problems."""
    try:
        document = read_document(file, read_text(file, root))
    except Unreadable as error:
        return Document(None, SourceMap(file), [error.problem], whole=False)
    if document.empty:
        hint = "fill the file, or remove it"
        problem = Problem(Code.FILE_EMPTY, Source(file), "there is nothing in this file", hint)
        return Document(None, document.places, [problem], whole=False, empty=True)
    return document


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Value
    marks: "array[int]"
    height: int


@dataclass(slots=True)
class _Reader:
    """Reads one document value by value. What it can go on after is gathered in `problems`.

    Raises yaml.YAMLError at a syntax error, and Unreadable when going on would be dangerous.
    """

    file: str
    data: bytes
    value: Value = None
    problems: list[Problem] = field(default_factory=list)
    marks: "array[int]" = field(default_factory=lambda: array("Q"))
    entries: "array[int]" = field(default_factory=lambda: array("L"))
    _next: Callable[[], YamlEvent] = field(init=False)
    _anchors: dict[str, _Anchored] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    _aliased: int = 0

    def read(self) -> bool:
        """Read the only document of the text, if it is a map. Return False when there is none."""
        self._next = parser_of(self.data)
        self._next()
        if self._next().__class__ is not DOCUMENT_START:
            return False
        event = self._next()
        if event.__class__ is MAP_START:  # an anchor here is of no use: nothing comes after the map
            self._mark(event)
            self._refuse_tag(event)
            self.value = members = dict[str, Value]()
            self._members(members, 1, top=True)
        else:
            self._mark(event)
            self.value = _hollow(event)
            return True
        self._next()
        event = self._next()
        if event.__class__ is not STREAM_END:
            hint = "keep one document per file"
            self._fault(Code.YAML_DOCUMENTS, event, "a second YAML document starts here", hint)
        return True

    def _mark(self, event: YamlEvent) -> None:
        mark = event.start_mark
        self.marks.append(mark.line << _LINE_SHIFT | mark.column)

    def _source(self, event: YamlEvent) -> Source:
        return Source(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _fault(self, code: Code, event: YamlEvent, message: str, hint: str) -> None:
        self.problems.append(Problem(code, self._source(event), message, hint))

    def _value(self, event: YamlEvent, depth: int) -> Value:
        """Build the value that starts with `event`, reading on to its end."""
        kind = event.__class__
        if kind is ALIAS:
            return self._alias(event, depth)
        if depth > DEEPEST:
            hint = "no manifest needs that many levels: look for a missing bracket or wrong indentation"
            message = f"nested deeper than {DEEPEST} levels"
            raise Unreadable(Problem(Code.YAML_DEPTH, self._source(event), message, hint))
        first = len(self.marks)
        self._mark(event)
        self._refuse_tag(event)
        value: Value
        if kind is SCALAR:
            value = event.value if event.style or event.tag else scalar(event.value)
        elif kind is MAP_START:
            self._members(value := {}, depth + 1)
        else:
            self._items(value := [], depth + 1)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, self.marks[first:], _height(value))
        return value

    def _refuse_tag(self, event: YamlEvent) -> None:
        if event.tag:
            hint = "remove the tag; put a value that looks like a number or like true into quotes"
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._fault(Code.YAML_TAG, event, f"tag {quote(tag)} is not allowed", hint)

    def _members(self, members: dict[str, Value], depth: int, *, top: bool = False) -> None:
        """Read the members of a map to its end. Scalars are built here, for it is here where time goes."""
        read, mark, texts = self._next, self.marks.append, self._texts
        while (key := read()).__class__ is not MAP_END:
            first = len(self.marks)
            at = key.start_mark
            mark(at.line << _LINE_SHIFT | at.column)
            name = key.value if key.__class__ is SCALAR and not key.anchor else self._key(key, depth)
            event = read()
            value: Value
            if event.__class__ is SCALAR and not event.anchor and not event.tag:
                at = event.start_mark
                mark(at.line << _LINE_SHIFT | at.column)
                value = event.value
                if not event.style and value[:1] in _MAY_BE_TYPED:
                    value = scalar(value)
            elif top and name == _TICKETS and event.__class__ is LIST_START and not event.tag and name not in members:
                self._mark(event)
                members[name] = value = []
                self._tickets(value)
                continue
            else:
                value = self._value(event, depth)
            if name is None or name in members or (name == "<<" and not key.style):
                del self.marks[first:]
                self._refuse_key(key, name)
            else:
                members[texts.setdefault(name, name)] = value

    def _tickets(self, items: list[Value]) -> None:
        """Read the tickets to their end, each as it comes, so that those before a syntax error are known."""
        while (event := self._next()).__class__ is not LIST_END:
            first = len(self.marks)
            items.append(self._value(event, 2))
            self.entries.append(first)

    def _items(self, items: list[Value], depth: int) -> None:
        while (event := self._next()).__class__ is not LIST_END:
            items.append(self._value(event, depth))

    def _key(self, event: YamlEvent, depth: int) -> str | None:
        """Read a key that is not a bare scalar; None when it is no text. Its mark stands already."""
        first = len(self.marks)
        self._value(event, depth)
        del self.marks[first:]
        if event.__class__ is SCALAR:
            return event.value
        self._fault(Code.YAML_KEY, event, "a key must be text", "write `key: value`; `?`, `*`, `{` or `[` start no key")
        return None

    def _refuse_key(self, key: YamlEvent, name: str | None) -> None:
        if name is None:
            return
        if name == "<<" and not key.style:
            hint = "use `defaults`, or write the keys out"
            self._fault(Code.YAML_MERGE, key, "merge keys (`<<`) are not allowed: not every reader knows them", hint)
        else:
            self._fault(
                Code.YAML_DUPLICATE_KEY, key, f"key {quote(name)} stands twice in this map", "remove one of them"
            )

    def _alias(self, event: YamlEvent, depth: int) -> Value:
        anchored = self._anchors.get(event.anchor or "")
        if anchored is None:
            message = f"alias {quote(f'*{event.anchor}')} has no anchor before it"
            self._mark(event)
            self._fault(
                Code.YAML_ALIAS, event, message, f"put {quote(f'&{event.anchor}')} before the value that it stands for"
            )
            return None
        self._aliased += len(anchored.marks)
        if self._aliased > FREE_ALIASED + event.start_mark.index or depth + anchored.height > DEEPEST:
            message = f"alias {quote(f'*{event.anchor}')} makes the aliases of this file stand for too much"
            hint = "write the values out, or use `defaults`"
            raise Unreadable(Problem(Code.YAML_ALIAS, self._source(event), message, hint))
        self.marks.extend(anchored.marks)
        return anchored.value


def _hollow(event: YamlEvent) -> Value:
    """Return an empty value of the kind of a document that is no map: what is in it is nobody's business."""
    if event.__class__ is LIST_START:
        return []
    plain = event.__class__ is SCALAR and not event.style and not event.tag
    value = scalar(event.value) if plain else ""
    return value if value is None or isinstance(value, bool) else 0 if isinstance(value, int | float) else ""


def _height(value: Value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_height, inner), default=0)
