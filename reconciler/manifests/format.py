"""Puts the keys of manifests in canonical order by moving lines, so that comments, quotes and spacing stay."""

from dataclasses import dataclass

from reconciler.errors import InvalidInput
from reconciler.manifests.edit import (
    BYTE_ORDER_MARK,
    Node,
    content_end,
    is_comment_deeper_than,
    lay_out,
    lines_of,
    value_of,
)
from reconciler.manifests.problems import Code
from reconciler.model.decision import Expectation, Parameters, Problem, Source
from reconciler.model.declared import keys

_TOP = ("version", "kind", "change", "timezone", "defaults", "tickets", "rules", "overrides")
_TICKET = ("guid", "status", "schedule", "explanation", "change", "expect", "valid_until", "parameters")
_RULE = ("name", "match", "status", "schedule", "explanation", "change", "at_most", "valid_until")
_OVERRIDE = ("rule", "tickets", "reason", "until")
_INNER = {
    "schedule": ("start", "stop"),
    "expect": keys(Expectation),
    "parameters": keys(Parameters),
    "match": ("object", "workflow", "reason", "created_before"),
}
_ENTRIES = {"defaults": _TICKET, "tickets": _TICKET, "rules": _RULE, "overrides": _OVERRIDE}


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The lines of one member of a block map: its comments above it, and itself."""

    comments: list[str]
    body: list[str]


def format_manifest(file: str, text: str) -> str:
    """Return the text of a valid manifest with all keys in canonical order and a line end at its end.

    Raises InvalidInput, naming `file`, when moving lines would change what the manifest says.
    """
    if text.startswith(BYTE_ORDER_MARK):
        return BYTE_ORDER_MARK + format_manifest(file, text[1:])
    formatted = _in_order(text)
    if formatted and not formatted.endswith("\n"):
        formatted += "\n"
    if formatted != text and not _say_the_same(file, formatted, text):
        message = "the keys of this file can't be put in order: an alias would stand before its anchor"
        hint = "write the values out, or move the keys by hand"
        raise InvalidInput((Problem(Code.EDIT, Source(file), message, hint),))
    return formatted


def _say_the_same(file: str, formatted: str, text: str) -> bool:
    before = value_of(file, text)
    try:
        return value_of(file, formatted) == before
    except InvalidInput:
        return False


def _in_order(text: str) -> str:
    root = lay_out(text)
    if root is None:
        return text
    ordered = [(node, order) for node, order in _maps(root) if _is_out_of_order(node, order)]
    for node, order in reversed(ordered):  # inner ones first; swapping members keeps the length of the whole
        if node.flow:
            text = _flow_in_order(text, node, order)
    lines = lines_of(text)
    for node, order in reversed(ordered):
        if not node.flow:
            _block_in_order(lines, node, order)
    return "".join(lines)


def _maps(root: Node) -> list[tuple[Node, tuple[str, ...]]]:
    """Return the maps whose order is defined, outer ones before those inside them."""
    found: list[tuple[Node, tuple[str, ...]]] = [(root, _TOP)]
    for name, order in _ENTRIES.items():
        value = root.member(name)
        for entry in (value.items or (value,)) if value is not None else ():
            found.append((entry, order))
            found += [(inner, _INNER[key.text]) for key, inner in entry.members if key.text in _INNER]
    return [(node, order) for node, order in found if node.members]


def _rank(key: Node, order: tuple[str, ...]) -> int:
    return order.index(key.text) if key.text in order else len(order)


def _is_out_of_order(node: Node, order: tuple[str, ...]) -> bool:
    ranks = [_rank(key, order) for key, _ in node.members]
    return ranks != sorted(ranks)


def _flow_in_order(text: str, node: Node, order: tuple[str, ...]) -> str:
    """Exchange the members of a map in brackets, leaving what is between them where it is."""
    spans = [(key.start, max(key.end, value.end)) for key, value in node.members]
    placed = sorted(range(len(spans)), key=lambda index: _rank(node.members[index][0], order))
    if "#" in text[node.start : node.end]:
        return text  # a comment between members may belong to either
    pieces, at = [], node.start
    for (start, end), index in zip(spans, placed, strict=True):
        pieces += [text[at:start], text[spans[index][0] : spans[index][1]]]
        at = end
    return text[: node.start] + "".join(pieces) + text[at:]


def _block_in_order(lines: list[str], node: Node, order: tuple[str, ...]) -> None:
    """Exchange the members of a block map, each with the comments right above it. Blank lines between them stay."""
    column, first_line = node.column, node.members[0][0].line
    if any(lines[key.line][:column].strip() for key, _ in node.members[1:]):
        return  # keys that share a line, or are marked with `?`
    last = content_end(lines, node)
    while last + 1 < len(lines) and column and is_comment_deeper_than(lines[last + 1], column - 1):
        last += 1
    lead, own = lines[first_line][:column], " " * column
    lines[first_line] = own + lines[first_line][column:]
    starts = [first_line, *(_comments_above(lines, key.line, column) for key, _ in node.members[1:])]
    chunks, gaps = [], []
    for index, (key, _) in enumerate(node.members):
        stop = starts[index + 1] if index + 1 < len(starts) else last + 1
        end = stop
        while end - 1 > key.line and not lines[end - 1].strip():
            end -= 1
        body = [*lines[key.line : end]]
        if not body[-1].endswith("\n"):
            body[-1] += "\n"
        chunks.append(_Chunk(lines[starts[index] : key.line], body))
        gaps.append(lines[end:stop])
    placed = sorted(range(len(chunks)), key=lambda index: _rank(node.members[index][0], order))
    result: list[str] = []
    for slot, index in enumerate(placed):
        result += _first(chunks[index], lead) if slot == 0 else [*chunks[index].comments, *chunks[index].body]
        result += gaps[slot]
    lines[first_line : last + 1] = result


def _first(chunk: _Chunk, lead: str) -> list[str]:
    """Return a chunk as the first of its map: behind the dash, if there is one, and its comments above that."""
    dash = len(lead) - len(lead.lstrip(" ")) if lead.strip() else len(lead)
    comments = [" " * dash + comment.lstrip(" ") for comment in chunk.comments]
    return [*comments, lead + chunk.body[0][len(lead) :], *chunk.body[1:]]


def _comments_above(lines: list[str], line: int, column: int) -> int:
    first = line
    while lines[first - 1].lstrip(" ").startswith("#") and not is_comment_deeper_than(lines[first - 1], column):
        first -= 1
    return first
