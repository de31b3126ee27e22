"""Spells entries as YAML text that reads back as the same values, whatever is in them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.manifests.yaml import scalar
from reconciler.model.decision import Expectation, ExpectedCertificate
from reconciler.model.declared import Form, stated
from reconciler.model.status import State, Status, format_instant
from reconciler.model.ticket import Guid

_PLAIN = re.compile(r"[\w\\./(][\w\\./()*+@=, -]*", re.ASCII)
_LONGEST_COMMENT = 160
_TIME = re.compile(r"[0-9T:.+-]+Z?")


Member = str | Mapping[str, str]
"""What a member of an entry says: a text, or a map of texts such as the times of a schedule."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A ticket to write into a manifest. `comments` are shown above it, one line each; they may be hostile text.

    `schedule` is the name of a window or a map of times; `change` is named where the file belongs to another one.
    """

    guid: Guid
    expect: Expectation = Expectation()
    status: str = Status.PENDING
    explanation: str | None = None
    comments: tuple[str, ...] = ()
    schedule: Member | None = None
    change: str | None = None


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
    for name, value in (("schedule", entry.schedule), ("explanation", entry.explanation), ("change", entry.change)):
        if value is not None:
            lines.append(f"{inner}{name}: {block_value(value)}")
    expected = _expected(entry.expect)
    if expected:
        lines.append(f"{inner}expect:")
        lines += [f"{inner}  {name}: {block_value(value)}" for name, value in expected.items()]
        if pinned := _pinned(entry.expect):
            lines.append(f"{inner}  certificate:")
            lines += [f"{inner}    {name}: {text_value(value)}" for name, value in pinned.items()]
    return "".join(line + style.newline for line in lines)


def flow_entry(entry: NewEntry) -> str:
    """Return an entry as an item of a list in brackets, in JSON's spelling. Comments have no place there."""
    values: dict[str, Member | None] = {
        "guid": entry.guid,
        "status": entry.status,
        "schedule": entry.schedule,
        "explanation": entry.explanation,
        "change": entry.change,
    }
    members = [f'"{name}": {flow_value(value)}' for name, value in values.items() if value is not None]
    if expected := _expected(entry.expect):
        inner = _flow(expected)
        if pinned := _pinned(entry.expect):
            inner += f', "certificate": {{{_flow(pinned)}}}'
        members.append(f'"expect": {{{inner}}}')
    return f"{{{', '.join(members)}}}"


def new_manifest(entries: Iterable[NewEntry], *, change: str | None = None, comments: Iterable[str] = ()) -> str:
    """Return a whole manifest of these entries."""
    head = "".join(f"# {comment_text(comment)}\n" for comment in comments) + "version: 1\n"
    named = f"change: {text_value(change)}\n" if change else ""
    return f"{head}{named}tickets:\n" + "\n".join(block_entry(entry) for entry in entries)


def block_value(value: Member) -> str:
    """Spell what a member says, in an entry with lines of its own."""
    if isinstance(value, str):
        return text_value(value)
    return "{" + ", ".join(f"{name}: {_in_braces(text)}" for name, text in value.items()) + "}"


def flow_value(value: Member) -> str:
    """Spell what a member says in JSON's way."""
    if isinstance(value, str):
        return _quoted(value)
    return "{" + ", ".join(f'"{name}": {_quoted(text)}' for name, text in value.items()) + "}"


def _in_braces(text: str) -> str:
    return text if _TIME.fullmatch(text) else _quoted(text)


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


def _expected(expect: Expectation) -> dict[str, Member]:
    members: dict[str, Member | None] = {}
    for name, each, value in stated(expect):
        if each.form is Form.STATE:
            members |= {"status": value.status, "schedule": times_of(value)}
        elif each.form is not Form.MEMBERS:
            members[name] = value
    return {name: value for name, value in members.items() if value is not None}


def times_of(state: State) -> dict[str, str] | None:
    """Return the times of a state as a manifest spells them; None when it has none."""
    if state.schedule is None:
        return None
    times = {"start": state.start, "stop": state.stop}
    return {name: format_instant(moment) for name, moment in times.items() if moment is not None}


def _pinned(expect: Expectation) -> dict[str, str]:
    return {name: value for name, _, value in stated(expect.certificate or ExpectedCertificate())}


def _flow(members: Mapping[str, Member]) -> str:
    return ", ".join(f'"{name}": {flow_value(value)}' for name, value in members.items())


PLACES = ("year", "month", "day", "folder", "object")
_HOLE = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 60


def check_pattern(pattern: str) -> None:
    """Raise ValueError when a pattern has a hole that nothing fills, leaves its folder, or names no YAML file."""
    unknown = [name for name in _HOLE.findall(pattern) if name not in PLACES]
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is unknown; the pattern may hold {', '.join(f'{{{p}}}' for p in PLACES)}")
    if not pattern.endswith((".yaml", ".yml")):
        raise ValueError("the pattern must end in .yaml")
    if ".." in pattern.replace("\\", "/").split("/"):
        raise ValueError("the pattern must not leave its folder with ..")


def file_for(pattern: str, object_dn: str, created: datetime) -> str:
    r"""Return the path for a ticket. `{folder}` is the policy folder above the object, `{object}` its own name.

    Names from the server become safe parts of a path: `\VED\Policy\Web Tier\www` gives folder `web-tier`.
    """
    parts = [part for part in object_dn.split("\\") if part]
    filled = {
        "year": f"{created:%Y}",
        "month": f"{created:%m}",
        "day": f"{created:%d}",
        "folder": _safe(parts[-2] if len(parts) > 1 else ""),
        "object": _safe(parts[-1] if parts else ""),
    }
    return _HOLE.sub(lambda hole: filled[hole.group(1)], pattern)


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name.casefold()).strip("-.")[:_LONGEST_NAME] or "tickets"
