"""Strict YAML: text, whole and decimal numbers, true, false, null, lists and maps, and nothing that surprises.

Built from the events of libyaml (of PyYAML's own parser where libyaml is missing), because the loaders of PyYAML
turn times into datetimes, `no` into False and 22:30:00 into 81000, let the last of two equal keys win, and keep no
lines. Plain scalars mean what they mean in YAML 1.2, so that editors and other validators see the same values.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler.manifests.codes import Code
from reconciler.manifests.event import (
    ALIAS,
    DOCUMENT_START,
    LIST_END,
    LIST_START,
    MAP_END,
    MAP_START,
    SCALAR,
    STREAM_END,
    Event,
    parser_of,
    source,
)
from reconciler.manifests.fault import shown
from reconciler.model.decision import Problem

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

DEEPEST = 20
"""Levels of nesting. No format of ours needs more than eight."""

FREE_ALIASED = 1_000
"""Values that aliases may stand for in any file; beyond that, as many as the text before has characters."""

MAY_BE_TYPED = frozenset(["", *"+-.0123456789nNtTfF~"])
"""How plain scalars begin that may be something else than text."""
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_OTHER_BASE = re.compile(r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_LONGEST_WHOLE = 18
_NUMBER = re.compile("|".join(kind.pattern for kind in (_WHOLE, _DECIMAL, _OTHER_BASE)))


class Unparsable(Exception):
    """The text can't be read further; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        """Carry the problem to whoever gathers them."""
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Value
    events: tuple[Event, ...]
    height: int


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


class StrictReader:
    """Reads one document value by value. What it can go on after is gathered in `problems`.

    `log` holds the events of what was read since somebody last cleared it, with aliases replaced by what they stand
    for, so that places can be worked out afterwards. Every method raises yaml.YAMLError at a syntax error, and
    Unparsable when going on would be dangerous.
    """

    def __init__(self, file: str, data: bytes) -> None:
        """Start reading `data` (UTF-8), which came from `file`. Nothing is parsed before the first call."""
        self.file = file
        self.problems: list[Problem] = []
        self.log: list[Event] = []
        self._data = data
        self._parse: Callable[[], Event]
        self._anchors: dict[str, _Anchored] = {}
        self._aliased = 0

    def next(self) -> Event:
        """Return the next event and log it."""
        event = self._parse()
        self.log.append(event)
        return event

    def begin(self) -> Event | None:
        """Return the first event of the only document, None when the text has none. Comes before everything else."""
        self._parse = parser_of(self._data)
        self.next()
        if self.next().__class__ is not DOCUMENT_START:
            return None
        self.log.clear()
        return self.next()

    def members(self) -> Iterator[tuple[str, Event]]:
        """Give key and first event of the value of each member of the map that was just begun.

        Whoever iterates reads that value to its end before asking for the next member.
        """
        names = set()
        while (key := self.next()).__class__ is not MAP_END:
            name = key.value if key.__class__ is SCALAR and not key.anchor else self._key(key, 0)
            event = self.next()
            if name is None or name in names or (name == "<<" and not key.style):
                self.value(event, 1)
                self._refuse_key(key, name)
            else:
                names.add(name)
                yield name, event

    def end(self) -> None:
        """Make sure that nothing follows the document."""
        self.next()
        event = self.next()
        if event.__class__ is not STREAM_END:
            self.fault(Code.YAML_DOCUMENTS, event, "a second YAML document starts here", "keep one document per file")

    def fault(self, code: Code, event: Event, message: str, hint: str) -> None:
        """Note a fault that reading can go on after."""
        self.problems.append(Problem(code, source(self.file, event), message, hint))

    def value(self, event: Event, depth: int = 0) -> Value:
        """Build the value that starts with `event`, which is the last one logged, reading on to its end."""
        kind = event.__class__
        if kind is ALIAS:
            return self._alias(event, depth)
        if depth > DEEPEST:
            hint = "no manifest needs that many levels: look for a missing bracket or wrong indentation"
            raise Unparsable(
                Problem(Code.YAML_DEPTH, source(self.file, event), f"nested deeper than {DEEPEST} levels", hint)
            )
        first = len(self.log) - 1
        if event.tag:
            hint = "remove the tag; put a value that looks like a number or like true into quotes"
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.fault(Code.YAML_TAG, event, f"tag {shown(tag)} is not allowed", hint)
        value: Value
        if kind is SCALAR:
            value = event.value if event.style or event.tag else scalar(event.value)
        elif kind is MAP_START:
            value = self._mapping(depth + 1)
        else:
            value = self._sequence(depth + 1)
        if event.anchor:
            events = tuple(self.log[first:])
            self._anchors[event.anchor] = _Anchored(value, events, _height(events))
        return value

    def _mapping(self, depth: int) -> Value:
        """Build a map. Scalars are built here and not in `value`, for it is here where time goes."""
        result: dict[str, Value] = {}
        parse, log = self._parse, self.log.append
        while (key := parse()).__class__ is not MAP_END:
            log(key)
            name = key.value if key.__class__ is SCALAR and not key.anchor else self._key(key, depth)
            event = parse()
            log(event)
            value: Value
            if event.__class__ is SCALAR and not event.anchor and not event.tag:
                value = event.value
                if not event.style and value[:1] in MAY_BE_TYPED:
                    value = scalar(value)
            else:
                value = self.value(event, depth)
            if name in result or (name == "<<" and not key.style):
                self._refuse_key(key, name)
            elif name is not None:
                result[name] = value
        log(key)
        return result

    def _sequence(self, depth: int) -> Value:
        result: list[Value] = []
        while (event := self.next()).__class__ is not LIST_END:
            result.append(self.value(event, depth))
        return result

    def _key(self, event: Event, depth: int) -> str | None:
        """Read a key that is not a bare scalar; None when it is no text."""
        self.value(event, depth)
        if event.__class__ is SCALAR:
            return event.value
        self.fault(Code.YAML_KEY, event, "a key must be text", "write `key: value`; `?`, `*`, `{` or `[` start no key")
        return None

    def _refuse_key(self, key: Event, name: str | None) -> None:
        if name is None:
            return
        if name == "<<" and not key.style:
            hint = "use `defaults`, or write the keys out"
            self.fault(Code.YAML_MERGE, key, "merge keys (`<<`) are not allowed: not every reader knows them", hint)
        else:
            hint = "remove one of them"
            self.fault(Code.YAML_DUPLICATE_KEY, key, f"key {shown(name)} stands twice in this map", hint)

    def _alias(self, event: Event, depth: int) -> Value:
        anchored = self._anchors.get(event.anchor or "")
        if anchored is None:
            message = f"alias {shown(f'*{event.anchor}')} has no anchor before it"
            self.fault(Code.YAML_ALIAS, event, message, f"put `&{event.anchor}` before the value that it stands for")
            return None
        self._aliased += len(anchored.events)
        if self._aliased > FREE_ALIASED + event.start_mark.index or depth + anchored.height > DEEPEST:
            message = f"alias {shown(f'*{event.anchor}')} makes the aliases of this file stand for too much"
            raise Unparsable(
                Problem(Code.YAML_ALIAS, source(self.file, event), message, "write the values out, or use `defaults`")
            )
        self.log.pop()
        self.log.extend(anchored.events)
        return anchored.value


def _height(events: tuple[Event, ...]) -> int:
    deepest = level = 0
    for event in events:
        if event.__class__ in (MAP_START, LIST_START):
            level += 1
            deepest = max(deepest, level)
        elif event.__class__ in (MAP_END, LIST_END):
            level -= 1
    return deepest
