"""Sets members of one entry of a manifest and leaves every other byte as it was; what results is read back."""

from collections.abc import Iterator, Mapping

from reconciler.manifests.edit import Node, content_end, guid_of, impossible, lines_of, tickets_of, value_of
from reconciler.manifests.reschedule import Edit, applied
from reconciler.manifests.write import Member, block_value, flow_value
from reconciler.model.ticket import Guid

_BYTE_ORDER_MARK = "\ufeff"


def set_members(file: str, text: str, guid: Guid, members: Mapping[str, Member | None]) -> str:
    """Return the text of a manifest in which the entry of a ticket has these members; None takes one away.

    `text` is valid as a manifest. Raises InvalidInput, naming `file`, when it can't be edited safely.
    """
    if text.startswith(_BYTE_ORDER_MARK):
        return _BYTE_ORDER_MARK + set_members(file, text[1:], guid, members)
    index, entry = next(
        ((number, item) for number, item in enumerate(tickets_of(file, text).items) if guid_of(item) == guid),
        (0, None),
    )
    if entry is None:
        raise impossible(file, "the entry of the ticket is not written out in this file")
    edited = text
    for name, value in members.items():
        item = tickets_of(file, edited).items[index]
        edited = applied(edited, _flow_edits(item, name, value) if item.flow else _edits(edited, item, name, value))
    _check(file, text, edited, index, members)
    return edited


def _edits(text: str, entry: Node, name: str, value: Member | None) -> Iterator[Edit]:
    """Yield the edit of one member of an entry in lines of its own."""
    lines = lines_of(text)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    key, old = next(((key, old) for key, old in entry.members if key.text == name), (None, None))
    if key is not None and old is not None:
        end = starts[content_end(lines, old) + 1]
        if value is None:
            after = _next_key(entry, key)
            first = key.line == entry.line
            yield Edit(key.start, after.start, "") if first and after else Edit(starts[key.line], end, "")
        elif old.text is None or old.line != old.last:  # a map, a list or a text of several lines
            yield Edit(key.start, end, f"{name}: {block_value(value)}" + _newline(lines))
        else:
            yield Edit(old.start, old.end, block_value(value))
    elif value is not None:
        above = entry.member("status") or entry.member("guid")
        if above is None:
            return
        below = content_end(lines, above) + 1
        line = f"{' ' * entry.column}{name}: {block_value(value)}"
        whole = lines[below - 1].endswith("\n")
        yield Edit(starts[below], starts[below], line + _newline(lines) if whole else _newline(lines) + line)


def _next_key(entry: Node, key: Node) -> Node | None:
    return next((other for other, _ in entry.members if other.start > key.start), None)


def _newline(lines: list[str]) -> str:
    return "\r\n" if lines[0].endswith("\r\n") else "\n"


def _flow_edits(entry: Node, name: str, value: Member | None) -> Iterator[Edit]:
    """Yield the edit of one member of an entry in brackets."""
    pairs = list(entry.members)
    number = next((each for each, (key, _) in enumerate(pairs) if key.text == name), None)
    if number is not None:
        key, old = pairs[number]
        if value is not None:
            yield Edit(old.start, old.end, flow_value(value))
        elif number:
            yield Edit(pairs[number - 1][1].end, old.end, "")
        elif len(pairs) > 1:
            yield Edit(key.start, pairs[1][0].start, "")
    elif value is not None:
        end = pairs[-1][1].end
        quoted = all(key.end - key.start > len(key.text or "") for key, _ in pairs)
        yield Edit(end, end, f', "{name}": {flow_value(value)}' if quoted else f", {name}: {flow_value(value)}")


def _check(file: str, before: str, after: str, index: int, members: Mapping[str, Member | None]) -> None:
    """Raise InvalidInput unless the new text says what the old one does, but for these members of one entry."""
    was, now = value_of(file, before), value_of(file, after)
    old, new = was.pop("tickets"), now.pop("tickets")
    wanted = {name: value for name, value in members.items() if value is not None}
    same = was == now and isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    if not same or not isinstance(old, list) or not isinstance(new, list):
        raise impossible(file, "the entry can't be changed without changing others")
    kept = {name: value for name, value in dict(old[index]).items() if name not in members}  # type: ignore[arg-type]
    if [*new[:index], *new[index + 1 :]] != [*old[:index], *old[index + 1 :]] or new[index] != {**kept, **wanted}:
        raise impossible(file, "the entry can't be changed without changing others: they share an anchor or an alias")
