"""Spells entries as YAML text that reads back as the same values, whatever is in them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.manifests.strict_yaml import scalar
from reconciler.model.decision import Expectation
from reconciler.model.guid import Guid
from reconciler.model.status import Status

_PLAIN = re.compile(r"[\w\\./(][\w\\./()*+@=, -]*", re.ASCII)
_LONGEST_COMMENT = 160


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A ticket to write into a manifest. `comments` are shown above it, one line each; they may be hostile text."""

    guid: Guid
    expect: Expectation = Expectation()
    status: Status = Status.PENDING
    explanation: str | None = None
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Style:
    """How the entries of a file are indented: column of the dash, column of the keys, end of line."""

    dash: int = 2
    keys: int = 4
    newline: str = "\n"


def block_entry(entry: NewEntry, style: Style = Style()) -> str:
    """Return an entry as an item of a block list, ending with a line end."""
    inner = " " * style.keys
    lines = [f"{' ' * style.dash}# {comment_text(comment)}".rstrip() for comment in entry.comments]
    lines.append(f"{' ' * style.dash}-{' ' * (style.keys - style.dash - 1)}guid: {entry.guid}")
    lines.append(f"{inner}status: {entry.status}")
    if entry.explanation is not None:
        lines.append(f"{inner}explanation: {text_value(entry.explanation)}")
    expected = _expected(entry.expect)
    if expected:
        lines.append(f"{inner}expect:")
        lines += [f"{inner}  {name}: {text_value(value)}" for name, value in expected.items()]
    return "".join(line + style.newline for line in lines)


def flow_entry(entry: NewEntry) -> str:
    """Return an entry as an item of a list in brackets, in JSON's spelling. Comments have no place there."""
    values = {"guid": entry.guid, "status": entry.status, "explanation": entry.explanation}
    members = [f'"{name}": {_quoted(value)}' for name, value in values.items() if value is not None]
    if expected := _expected(entry.expect):
        inner = ", ".join(f'"{name}": {_quoted(value)}' for name, value in expected.items())
        members.append(f'"expect": {{{inner}}}')
    return f"{{{', '.join(members)}}}"


def new_manifest(entries: Iterable[NewEntry], *, change: str | None = None, comments: Iterable[str] = ()) -> str:
    """Return a whole manifest of these entries."""
    head = "".join(f"# {comment_text(comment)}\n" for comment in comments) + "version: 1\n"
    named = f"change: {text_value(change)}\n" if change else ""
    return f"{head}{named}tickets:\n" + "\n".join(block_entry(entry) for entry in entries)


def text_value(text: str) -> str:
    """Spell a text as a YAML scalar: plain where that is safe, else in quotes, with escapes where it needs them."""
    if _PLAIN.fullmatch(text) and text == text.strip() and isinstance(scalar(text), str):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return _quoted(text)


def _quoted(text: str) -> str:
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:  # half of a pair, which no UTF-8 text can hold
        return "\ufffd"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def comment_text(text: str) -> str:
    """Return a text as it may stand in a comment: one line, nothing invisible, not too long."""
    seen = "".join(char if char.isprintable() else f"<U+{ord(char):04X}>" for char in text[:_LONGEST_COMMENT])
    return seen + ("…" if len(text) > _LONGEST_COMMENT else "")


def _expected(expect: Expectation) -> dict[str, str]:
    stated = {"object": expect.object, "workflow": expect.workflow}
    return {name: value for name, value in stated.items() if value is not None}
