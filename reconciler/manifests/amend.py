"""Gives entries of manifests another decision, as few bytes as possible; what results is read back.

`amend` writes status, schedule and what is expected, as a plan proposes them; `set_members` whole members, as `decide`
does.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo

from reconciler.manifests.edit import (
    BYTE_ORDER_MARK,
    Edit,
    EditedText,
    Node,
    applied,
    guid_of,
    impossible,
    lines_of,
    tickets_of,
    value_of,
)
from reconciler.manifests.problems import InvalidValue
from reconciler.manifests.reschedule import file_zone, new_time
from reconciler.manifests.times import instant
from reconciler.manifests.write import Member, block_value, flow_value
from reconciler.manifests.yaml import Value
from reconciler.model.plan import EntryEdit
from reconciler.model.status import State, Status
from reconciler.model.ticket import Guid

_CHANGED = ("status", "schedule", "expect", "decided")


def amend(file: str, text: str, changes: Mapping[Guid, EntryEdit]) -> tuple[Edit, ...]:
    """Return the edits that make entries say what they have to, in order of place; everything else stays.

    `text` is valid as a manifest. Raises InvalidInput, naming `file`, when it can't be edited safely.
    """
    mark = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
    body = text[mark:]
    zone, page = file_zone(body), EditedText(body, lines_of(body))
    entries = tickets_of(file, body).items
    chosen = {index: changes[guid] for index, entry in enumerate(entries) if (guid := guid_of(entry)) in changes}
    edits = [
        edit for index, change in chosen.items() for edit in _Entry(file, page, entries[index], zone).edits(change)
    ]
    _check(file, value_of(file, body), value_of(file, applied(body, edits)), chosen, zone)
    return tuple(Edit(edit.start + mark, edit.end + mark, edit.text) for edit in sorted(edits, key=lambda e: e.start))


class _Entry:
    """One entry of a text, and how its members are changed."""

    def __init__(self, file: str, page: EditedText, node: Node, zone: tzinfo | None) -> None:
        self._file, self._page, self._node, self._zone = file, page, node, zone

    def edits(self, change: EntryEdit) -> list[Edit]:
        """Return the edits for one entry."""
        found: list[Edit] = []
        if change.wanted is not None:
            found += self._state(self._node, change.wanted)
        if change.seen is not None:
            expect = self._node.member("expect")
            if expect is None:
                found.append(self._inserted(self._node, f"expect: {{{self._spelled(change.seen)}}}"))
            else:
                found += self._state(expect, change.seen)
        if change.undecided:
            found += self._dropped(self._node, "decided")
        return found

    def _state(self, owner: Node, state: State) -> list[Edit]:
        """Let a map say a state."""
        edits = [self._set(owner, "status", state.status)]
        if state.schedule is None:
            return edits + self._dropped(owner, "schedule")
        return [*edits, self._set(owner, "schedule", self._times(state))]

    def _spelled(self, state: State) -> str:
        times = f", schedule: {self._times(state)}" if state.schedule is not None else ""
        return f"status: {state.status}{times}"

    def _times(self, state: State) -> str:
        named = {"start": state.start, "stop": state.stop}
        spelled = [f"{name}: {new_time(at, UTC, self._zone)}" for name, at in named.items() if at is not None]
        return f"{{{', '.join(spelled)}}}"

    def _set(self, owner: Node, name: str, text: str) -> Edit:
        for key, value in owner.members:
            if key.text == name:
                if value.text is None and not value.flow:  # a block: its key stays on its line
                    return Edit(key.start, value.end, f"{name}: {text}")
                return Edit(value.start, value.end, text)
        return self._inserted(owner, f"{name}: {text}")

    def _dropped(self, owner: Node, name: str) -> list[Edit]:
        names = [key.text for key, _ in owner.members]
        if name not in names:
            return []
        index = names.index(name)
        key, value = owner.members[index]
        if index == 0:
            raise impossible(self._file, f"`{name}` is the first member of its entry")
        before = owner.members[index - 1][1]
        if owner.flow:
            return [Edit(before.end, value.end, "")]
        start, stop = self._page.starts[key.line], self._page.starts[self._page.content_end(value) + 1]
        return [Edit(start, stop, "")]

    def _inserted(self, owner: Node, text: str) -> Edit:
        """Put a member below the status of a map, or the GUID, or what comes last in it."""
        names = {key.text: value for key, value in owner.members}
        value = names.get("status") or names.get("guid") or owner.members[-1][1]
        return self._page.inserted(owner, value, text)


def _check(
    file: str, was: dict[str, Value], now: dict[str, Value], chosen: Mapping[int, EntryEdit], zone: tzinfo | None
) -> None:
    """Raise InvalidInput unless the new text says what the old one does, but for what was to change."""
    old, new, defaults = was.pop("tickets"), now.pop("tickets"), was.get("defaults")
    same = was == now and isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    if not same or not all(
        _is_amended(left, right, chosen[index], zone) if index in chosen else left == right
        for index, (left, right) in enumerate(zip(old, new, strict=True))  # type: ignore[arg-type]
    ):
        raise impossible(file, "an entry can't be changed without changing others: they share an anchor")
    scheduled = isinstance(defaults, dict) and "schedule" in defaults
    if scheduled and any(change.wanted and change.wanted.status == Status.APPROVED for change in chosen.values()):
        raise impossible(file, "the defaults of this file give a schedule, which `Approved` does not take")


def _is_amended(old: Value, new: Value, change: EntryEdit, zone: tzinfo | None) -> bool:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return False
    kept = [{key: value for key, value in each.items() if key not in _CHANGED} for each in (old, new)]
    expected = [each.get("expect") for each in (old, new)]
    names = [
        {key: value for key, value in each.items() if key not in ("status", "schedule")}
        if isinstance(each, dict)
        else {}
        for each in expected
    ]
    return (
        kept[0] == kept[1]
        and names[0] == names[1]
        and (change.wanted is None or _wants(new, change.wanted, zone))
        and (change.seen is None or (isinstance(expected[1], dict) and _wants(expected[1], change.seen, zone)))
        and ("decided" in new) == ("decided" in old and not change.undecided)
    )


def _wants(members: dict[str, Value], state: State, zone: tzinfo | None) -> bool:
    schedule = members.get("schedule")
    times: dict[str, Value] = schedule if isinstance(schedule, dict) else {}
    read: dict[str, datetime] = {}
    try:
        for name, text in times.items():
            read[name] = instant(str(text), zone)
    except InvalidValue:
        return False
    return members.get("status") == state.status and (read.get("start"), read.get("stop")) == (state.start, state.stop)


def set_members(file: str, text: str, guid: Guid, members: Mapping[str, Member | None]) -> str:
    """Return the text of a manifest in which the entry of a ticket has these members; None takes one away.

    `text` is valid as a manifest. Raises InvalidInput, naming `file`, when it can't be edited safely.
    """
    if text.startswith(BYTE_ORDER_MARK):
        return BYTE_ORDER_MARK + set_members(file, text[1:], guid, members)
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
    _check_members(file, text, edited, index, members)
    return edited


def _edits(text: str, entry: Node, name: str, value: Member | None) -> Iterator[Edit]:
    """Yield the edit of one member of an entry in lines of its own."""
    page = EditedText(text, lines_of(text))
    key, old = next(((key, old) for key, old in entry.members if key.text == name), (None, None))
    if key is not None and old is not None:
        end = page.starts[page.content_end(old) + 1]
        if value is None:
            after = next((other for other, _ in entry.members if other.start > key.start), None)
            first = key.line == entry.line
            yield Edit(key.start, after.start, "") if first and after else Edit(page.starts[key.line], end, "")
        elif old.text is None or old.line != old.last:  # a map, a list or a text of several lines
            yield Edit(key.start, end, f"{name}: {block_value(value)}" + page.newline)
        else:
            yield Edit(old.start, old.end, block_value(value))
    elif value is not None and (above := entry.member("status") or entry.member("guid")):
        yield page.inserted(entry, above, f"{name}: {block_value(value)}")


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


def _check_members(file: str, before: str, after: str, index: int, members: Mapping[str, Member | None]) -> None:
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
