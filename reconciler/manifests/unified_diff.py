"""Edits of a text as a unified diff that `git apply` and `patch -p1` take, byte for byte."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from reconciler.manifests.layout import lines_of
from reconciler.manifests.reschedule import Edit, applied

_CONTEXT = 3
_ESCAPES = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


@dataclass(frozen=True, slots=True)
class _Change:
    """Lines `first` to (not including) `last` of the old text, and what takes their place."""

    first: int
    last: int
    lines: tuple[str, ...]


def unified_diff(path: str, text: str, edits: Iterable[Edit]) -> str:
    """Return the diff of one file, its path below the folder that the diff will be applied in; "" without edits."""
    old = lines_of(text)
    hunks = list(_hunks(_changes(old, sorted(edits, key=lambda edit: edit.start))))
    if not hunks:
        return ""
    before, after = (_quoted(f"{side}/{path}") for side in "ab")
    tab = "\t" if " " in path else ""
    head = f"diff --git {before} {after}\n--- {before}{tab}\n+++ {after}{tab}\n"
    shift = 0
    pieces = [head]
    for hunk in hunks:
        pieces.append(_spelled(old, hunk, shift))
        shift += sum(len(change.lines) - (change.last - change.first) for change in hunk)
    return "".join(pieces)


def _changes(old: Sequence[str], edits: Sequence[Edit]) -> list[_Change]:
    """Return what the edits change. Edits of one line, and of lines that follow each other, are one change."""
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    placed: list[tuple[int, int, Edit]] = []
    number = 0
    for edit in edits:
        while number + 1 < len(old) and starts[number + 1] <= edit.start:
            number += 1
        last = number
        while last + 1 < len(old) and starts[last + 1] < edit.end:
            last += 1
        placed.append((number, last, edit))
    changes: list[_Change] = []
    for first, group in groupby(placed, key=lambda found: found[0]):
        members = list(group)
        last = max(end for _, end, _ in members)
        moved = [Edit(e.start - starts[first], e.end - starts[first], e.text) for _, _, e in members]
        change = _trimmed(old, first, last + 1, lines_of(applied("".join(old[first : last + 1]), moved)))
        if changes and changes[-1].last == change.first:
            before = changes.pop()
            change = _Change(before.first, change.last, before.lines + change.lines)
        changes.append(change)
    return changes


def _trimmed(old: Sequence[str], first: int, last: int, new: Sequence[str]) -> _Change:
    """Leave out of a change the lines at its ends that stay."""
    begin, end = 0, len(new)
    while first < last and begin < end and old[first] == new[begin]:
        first, begin = first + 1, begin + 1
    while first < last and begin < end and old[last - 1] == new[end - 1]:
        last, end = last - 1, end - 1
    return _Change(first, last, tuple(new[begin:end]))


def _hunks(changes: Iterable[_Change]) -> Iterator[list[_Change]]:
    """Put changes together whose lines around them touch."""
    hunk: list[_Change] = []
    for change in changes:
        if hunk and change.first - hunk[-1].last > 2 * _CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


def _spelled(old: Sequence[str], hunk: Sequence[_Change], shift: int) -> str:
    first = max(hunk[0].first - _CONTEXT, 0)
    last = min(hunk[-1].last + _CONTEXT, len(old))
    lines: list[str] = []
    at = first
    for change in hunk:
        lines += [f" {line}" for line in old[at : change.first]]
        lines += [f"-{line}" for line in old[change.first : change.last]]
        lines += [f"+{line}" for line in change.lines]
        at = change.last
    lines += [f" {line}" for line in old[at:last]]
    size = last - first
    grown = size + sum(len(change.lines) - (change.last - change.first) for change in hunk)
    head = f"@@ -{first + 1},{size} +{first + 1 + shift},{grown} @@\n"
    marked = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return head + "".join(marked)


def _quoted(path: str) -> str:
    """Spell a path as git does: in quotes when a character in it would end or change the line."""
    if not any(char in _ESCAPES or not char.isprintable() for char in path):
        return path
    return '"' + "".join(_ESCAPES.get(char) or _octal(char) for char in path) + '"'


def _octal(char: str) -> str:
    return char if char.isprintable() else "".join(f"\\{byte:03o}" for byte in char.encode())
