"""How a YAML text is laid out: every value with its span of text, so that lines can be moved, not written anew."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler.manifests.yaml import (
    ALIAS,
    DOCUMENT_START,
    LIST_END,
    MAP_END,
    MAP_START,
    SCALAR,
    YamlEvent,
    parser_of,
)

_LINES = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Node:
    """A value in the text. Lines and columns count from 0, offsets count characters; `last` is its last line.

    `text` is that of a scalar. `flow` says that a list or map is written with brackets.
    """

    start: int
    end: int
    line: int
    column: int
    last: int
    text: str | None = None
    flow: bool = False
    members: tuple[tuple["Node", "Node"], ...] = ()
    items: tuple["Node", ...] = ()

    def member(self, name: str) -> "Node | None":
        """Return the value of a member of a map."""
        return next((value for key, value in self.members if key.text == name), None)


@dataclass(frozen=True, slots=True)
class Region:
    """The lines of one item of a block list, with its comments: `first` to `last`; its dash stands at `dash`."""

    first: int
    last: int
    dash: int


def lay_out(text: str) -> Node | None:
    """Return the root of a text that has been checked to be one YAML document, None when there is nothing in it."""
    parse = parser_of(text.encode("utf-8"))
    parse()
    if parse().__class__ is not DOCUMENT_START:
        return None
    return _node(parse(), parse)


def _node(event: YamlEvent, parse: Callable[[], YamlEvent]) -> Node:
    start, kind = event.start_mark, event.__class__
    if kind is SCALAR or kind is ALIAS:
        text = event.value if kind is SCALAR else None
        return Node(start.index, event.end_mark.index, start.line, start.column, _last_line(event), text)
    members: list[tuple[Node, Node]] = []
    items: list[Node] = []
    while (inner := parse()).__class__ not in (MAP_END, LIST_END):
        if kind is MAP_START:
            key = _node(inner, parse)
            members.append((key, _node(parse(), parse)))
        else:
            items.append(_node(inner, parse))
    inside = [*(node for pair in members for node in pair), *items]
    flow = bool(event.flow_style)
    # a block ends with what is in it: the parser sees its end only at the token behind it
    last = inner.end_mark.line if flow else max((node.last for node in inside), default=start.line)
    end = inner.end_mark.index if flow else max((node.end for node in inside), default=start.index)
    return Node(start.index, end, start.line, start.column, last, None, flow, tuple(members), tuple(items))


def _last_line(event: YamlEvent) -> int:
    """Return the last line of a scalar. A block of text (| or >) ends at the start of the line behind it."""
    end = event.end_mark
    return end.line - 1 if end.column == 0 and end.line > event.start_mark.line else end.line


def lines_of(text: str) -> list[str]:
    """Return the lines of a text with their ends. Only line feeds end lines: others are refused in manifests."""
    return _LINES.findall(text)


def regions_of(lines: Sequence[str], owner: Node) -> list[Region]:
    """Return the lines of each item of a block list."""
    regions: list[Region] = []
    taken = -1
    for item in owner.items:
        since = taken + 1 if regions else owner.line
        dash_line = next(number for number in range(since, item.line + 1) if _has_content(lines[number]))
        dash = len(lines[dash_line]) - len(lines[dash_line].lstrip(" "))
        first = dash_line
        while first - 1 > taken and lines[first - 1].lstrip().startswith("#"):
            first -= 1
        last = content_end(lines, item)
        while last + 1 < len(lines) and is_comment_deeper_than(lines[last + 1], dash):
            last += 1
        regions.append(Region(first, last, dash))
        taken = last
    return regions


def content_end(lines: Sequence[str], node: Node) -> int:
    """Return the last line of a value that is not blank."""
    last = min(node.last, len(lines) - 1)
    while last > node.line and not lines[last].strip():
        last -= 1
    return last


def is_comment_deeper_than(line: str, column: int) -> bool:
    """Whether a line holds nothing but a comment that is indented further than a column."""
    stripped = line.lstrip(" ")
    return stripped.startswith("#") and len(line) - len(stripped) > column


def _has_content(line: str) -> bool:
    stripped = line.strip()
    return bool(stripped) and not stripped.startswith("#")
