"""Where entries stand in the text of a manifest, and how they are added, taken out or changed: every other byte stays.

Lines are moved and never written anew, and what results is read back: when it does not say exactly what it should,
for example because an anchor was taken away from its aliases, the edit is refused.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from reconciler.errors import InvalidInput
from reconciler.manifests.decode import normal_guid
from reconciler.manifests.problems import Code
from reconciler.manifests.write import NewEntry, Style, block_entry, flow_entry
from reconciler.manifests.yaml import (
    ALIAS,
    DEEPEST,
    DOCUMENT_START,
    LIST_END,
    MAP_END,
    MAP_START,
    SCALAR,
    Value,
    YamlEvent,
    parser_of,
    read_document,
)
from reconciler.model.decision import Problem, Source
from reconciler.model.ticket import Guid
from reconciler.model.value import replace

BYTE_ORDER_MARK = "\ufeff"
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


def lay_out(text: str, levels: int = DEEPEST) -> Node | None:
    """Return the root of a text that has been checked to be one YAML document, None when there is nothing in it.

    What stands deeper than so many levels is left out: of a large file it takes more memory than all it says.
    """
    parse = parser_of(text.encode("utf-8"))
    parse()
    if parse().__class__ is not DOCUMENT_START:
        return None
    return _node(parse(), parse, levels)


def _node(event: YamlEvent, parse: Callable[[], YamlEvent], levels: int) -> Node:
    start, kind = event.start_mark, event.__class__
    if kind is SCALAR or kind is ALIAS:
        text = event.value if kind is SCALAR else None
        return Node(start.index, event.end_mark.index, start.line, start.column, _last_line(event), text)
    members: list[tuple[Node, Node]] = []
    items: list[Node] = []
    while (inner := parse()).__class__ not in (MAP_END, LIST_END):
        if kind is MAP_START:
            key = _node(inner, parse, levels - 1)
            members.append((key, _node(parse(), parse, levels - 1)))
        else:
            items.append(_node(inner, parse, levels - 1))
    inside = [*(node for pair in members for node in pair), *items]
    flow = bool(event.flow_style)
    # a block ends with what is in it: the parser sees its end only at the token behind it
    last = inner.end_mark.line if flow else max((node.last for node in inside), default=start.line)
    end = inner.end_mark.index if flow else max((node.end for node in inside), default=start.index)
    if levels < 1:
        members, items = [], []
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


@dataclass(frozen=True, slots=True)
class Edit:
    """Text that takes the place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class EditedText:
    """A text, its lines, and where each begins."""

    text: str
    lines: list[str]
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        """Find where each line begins."""
        object.__setattr__(self, "starts", list(accumulate(map(len, self.lines), initial=0)))

    @property
    def newline(self) -> str:
        """How its lines end."""
        return "\r\n" if self.lines[0].endswith("\r\n") else "\n"

    def content_end(self, value: Node) -> int:
        """Return the last line of a value that is not blank."""
        return content_end(self.lines, value)

    def inserted(self, owner: Node, value: Node, text: str) -> Edit:
        """Put a member of a map below the value of another one."""
        if owner.flow:
            return Edit(value.end, value.end, f", {text}")
        below = self.content_end(value) + 1
        offset = self.starts[below]
        line = f"{' ' * owner.column}{text}"
        if not self.lines[below - 1].endswith("\n"):
            return Edit(offset, offset, self.newline + line)
        return Edit(offset, offset, line + self.newline)


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits made that do not overlap."""
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@dataclass(frozen=True, slots=True)
class RemovedEntry:
    """An entry that was taken out, with its comments, as it stood."""

    guid: Guid
    text: str


@dataclass(frozen=True, slots=True)
class Removed:
    """What is left of a file (None when no ticket is), and what was taken out of it, in order."""

    text: str | None
    removed: tuple[RemovedEntry, ...]


def append_entries(file: str, text: str, entries: Sequence[NewEntry]) -> str:
    """Return the text of a manifest with entries added below its last ticket.

    `text` is valid as a manifest. Raises InvalidInput, naming `file`, when it can't be edited safely.
    """
    if text.startswith(BYTE_ORDER_MARK):
        return BYTE_ORDER_MARK + append_entries(file, text[1:], entries)
    edited = _appended(text, tickets_of(file, text, levels=2), entries)
    if edited == text:
        return text
    before_tickets = value_of(file, text)
    now = value_of(file, edited)
    added = _tickets_in(now)[len(_tickets_in(before_tickets)) :]
    expected = {**before_tickets, "tickets": [*_tickets_in(before_tickets), *added]}
    if now != expected or [_guid_in(each) for each in added] != [entry.guid for entry in entries]:
        raise impossible(file, "entries can't be added to this file without changing others")
    return edited


def remove_entries(file: str, text: str, guids: Collection[Guid]) -> Removed:
    """Take the tickets with these GUIDs out of the text of a manifest, comments above them included.

    `text` is valid as a manifest. Raises InvalidInput, naming `file`, when it can't be edited safely.
    """
    if text.startswith(BYTE_ORDER_MARK):
        removal = remove_entries(file, text[1:], guids)
        return replace(removal, text=None if removal.text is None else BYTE_ORDER_MARK + removal.text)
    tickets = tickets_of(file, text)
    chosen = [index for index, item in enumerate(tickets.items) if guid_of(item) in guids]
    value = value_of(file, text)
    kept = [each for index, each in enumerate(_tickets_in(value)) if index not in set(chosen)]
    if tickets.flow:
        removed = [text[tickets.items[index].start : tickets.items[index].end] for index in chosen]
        edited = _without_flow(text, tickets, chosen)
    else:
        removed, edited = _without_block(text, tickets, chosen)
    taken = tuple(
        RemovedEntry(guid_of(tickets.items[index]), each) for index, each in zip(chosen, removed, strict=True)
    )
    if not kept:
        return Removed(None, taken)
    if value_of(file, edited) != {**value, "tickets": kept}:
        raise impossible(file, "an entry can't be taken out: others use an anchor in it")
    return Removed(edited, taken)


def _appended(text: str, tickets: Node, entries: Sequence[NewEntry]) -> str:
    if not entries:
        return text
    if not tickets.flow:
        return _appended_to_block(text, tickets, entries)
    if tickets.items:
        return _appended_to_flow(text, tickets, entries)
    before, rest = text[: tickets.start].rstrip(" "), text[tickets.end :]
    line, _, after = rest.partition("\n")
    return before + line + "\n" + "".join(block_entry(entry) for entry in entries) + after


def _appended_to_block(text: str, tickets: Node, entries: Sequence[NewEntry]) -> str:
    lines = lines_of(text)
    regions = regions_of(lines, tickets)
    last, item = regions[-1], tickets.items[-1]
    newline = "\r\n" if lines[0].endswith("\r\n") else "\n"
    keys = item.column if item.column > last.dash + 1 else last.dash + 2
    style = Style(last.dash, keys, newline)
    spaced = len(regions) > 1 and not lines[last.first - 1].strip()
    if not lines[last.last].endswith("\n"):
        lines[last.last] += newline
    added = "".join((newline if spaced else "") + block_entry(entry, style) for entry in entries)
    return "".join([*lines[: last.last + 1], added, *lines[last.last + 1 :]])


def _appended_to_flow(text: str, tickets: Node, entries: Sequence[NewEntry]) -> str:
    item = tickets.items[-1]
    separator = ", " if item.line == tickets.line else ",\n" + " " * item.column
    return text[: item.end] + "".join(separator + flow_entry(entry) for entry in entries) + text[item.end :]


def _without_flow(text: str, tickets: Node, chosen: Sequence[int]) -> str:
    spans = [(item.start, item.end) for item in tickets.items]
    for index in reversed(chosen):
        start, end = spans[index]
        if index + 1 < len(spans):
            end = spans[index + 1][0]
        elif index:
            start = spans[index - 1][1]
        text = text[:start] + text[end:]
        del spans[index]
    return text


def _without_block(text: str, tickets: Node, chosen: Sequence[int]) -> tuple[list[str], str]:
    lines = lines_of(text)
    regions = regions_of(lines, tickets)
    drop: set[int] = set()
    for index in chosen:
        drop.update(range(regions[index].first, regions[index].last + 1))
    for index, region in enumerate(regions):
        nothing_before = all(earlier in chosen for earlier in range(index)) and index > 0
        if index in chosen or nothing_before:  # the blank lines that set the entry apart go with it
            start = regions[index - 1].last + 1 if index else region.first
            drop.update(number for number in range(start, region.first) if not lines[number].strip())
    removed = ["".join(lines[regions[index].first : regions[index].last + 1]) for index in chosen]
    return removed, "".join(line for number, line in enumerate(lines) if number not in drop)


def tickets_of(file: str, text: str, levels: int = DEEPEST) -> Node:
    """Return where the tickets of a manifest stand. Raises InvalidInput, naming `file`, when it lists none."""
    root = lay_out(text, levels)
    tickets = root.member("tickets") if root else None
    if tickets is None or (not tickets.items and not tickets.flow):
        raise impossible(file, "there is no list of tickets in this file")
    return tickets


def value_of(file: str, text: str) -> dict[str, Value]:
    """Return what a text says. Raises InvalidInput, naming `file`, when that is no longer a manifest."""
    document = read_document(file, text.encode("utf-8"))
    if not document.whole:
        raise impossible(file, "the text would no longer be YAML")
    if not isinstance(document.value, dict) or document.problems:
        raise impossible(file, "the text would no longer be a manifest")
    return document.value


def _tickets_in(value: dict[str, Value]) -> list[Value]:
    tickets = value.get("tickets")
    return tickets if isinstance(tickets, list) else []


def _guid_in(ticket: Value) -> Guid:
    guid = ticket.get("guid") if isinstance(ticket, dict) else None
    return normal_guid(guid) if isinstance(guid, str) else Guid("")


def guid_of(item: Node) -> Guid:
    """Return the GUID of an entry, empty when it has none that can be read."""
    guid = item.member("guid")
    return normal_guid(guid.text) if guid is not None and guid.text is not None else Guid("")


def impossible(file: str, message: str) -> InvalidInput:
    """Return the refusal of an edit."""
    return InvalidInput((Problem(Code.EDIT, Source(file), message, "edit the file by hand"),))
