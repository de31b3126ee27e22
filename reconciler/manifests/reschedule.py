"""Gives entries of manifests new times, as few bytes as possible: what is there already keeps its spelling."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from reconciler.manifests.edit import (
    BYTE_ORDER_MARK,
    Edit,
    EditedText,
    Node,
    applied,
    guid_of,
    impossible,
    lay_out,
    lines_of,
    tickets_of,
    value_of,
)
from reconciler.manifests.problems import InvalidValue
from reconciler.manifests.times import format_time, instant, zone_of
from reconciler.manifests.yaml import Value
from reconciler.model.ticket import Guid

_SECONDS = re.compile(r".{16}:")
_ESCAPES = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


@dataclass(frozen=True, slots=True)
class NewTimes:
    """A window for one ticket (UTC). `zone` is used to spell it where the entry itself shows no other way."""

    start: datetime
    stop: datetime
    zone: tzinfo = UTC


def file_zone(text: str) -> tzinfo | None:
    """Return the zone that a valid manifest names for its times, None when it names none."""
    root = lay_out(text.removeprefix(BYTE_ORDER_MARK))
    named = root.member("timezone") if root else None
    return zone_of(named.text) if named is not None and named.text else None


def reschedule(file: str, text: str, times: Mapping[Guid, NewTimes]) -> tuple[Edit, ...]:
    """Return the edits that give tickets of a manifest new times, in order of place.

    A name of a window, and times that come from the defaults, become times of the entry; everything else stays.
    `text` is valid as a manifest. Raises InvalidInput, naming `file`, when it can't be edited safely.
    """
    mark = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
    body = text[mark:]
    zone = file_zone(body)
    entries = tickets_of(file, body).items
    chosen = {index: times[guid] for index, entry in enumerate(entries) if (guid := guid_of(entry)) in times}
    page = EditedText(body, lines_of(body))
    edits = [edit for index, new in chosen.items() for edit in _edits(page, entries[index], new, zone)]
    _check(file, body, applied(body, edits), chosen, zone)
    return tuple(Edit(edit.start + mark, edit.end + mark, edit.text) for edit in edits)


def _edits(page: EditedText, entry: Node, new: NewTimes, zone: tzinfo | None) -> list[Edit]:
    schedule = entry.member("schedule")
    if schedule is None:
        return [_inserted(page, entry, _flow(new, zone))]
    start, stop = schedule.member("start"), schedule.member("stop")
    if start is None or stop is None or start.text is None or stop.text is None:
        return [Edit(schedule.start, schedule.end, _flow(new, zone))]
    return [_respelled(page.text, start, new.start, zone), _respelled(page.text, stop, new.stop, zone)]


def _respelled(text: str, node: Node, moment: datetime, zone: tzinfo | None) -> Edit:
    """Spell a time as the one that it replaces: quoted or not, local, in UTC or with an offset."""
    old = node.text or ""
    quote = text[node.start] if text[node.start] in "\"'" else ""
    written = datetime.fromisoformat(old)
    exact = "seconds" if _SECONDS.match(old) or moment.second else "minutes"
    precision = "microseconds" if moment.microsecond else exact
    if old.endswith("Z"):
        spelled = moment.astimezone(UTC).replace(tzinfo=None).isoformat(old[10], precision) + "Z"
    else:
        local = moment.astimezone(zone or written.tzinfo)
        bare = local.replace(tzinfo=None)
        as_it_was = written.tzinfo is None and _is_read_back(bare, moment, zone)
        spelled = (bare if as_it_was else local).isoformat(old[10], precision)
    return Edit(node.start, node.end, quote + spelled + quote)


def _flow(new: NewTimes, zone: tzinfo | None) -> str:
    start, stop = (new_time(moment, new.zone, zone) for moment in (new.start, new.stop))
    return f"{{start: {start}, stop: {stop}}}"


def new_time(moment: datetime, own: tzinfo, zone: tzinfo | None) -> str:
    """Spell a time for a place that had none: local where the file names a zone, else with its offset."""
    if zone is not None:
        bare = moment.astimezone(zone).replace(tzinfo=None)
        if _is_read_back(bare, moment, zone):
            return format_time(bare)
        return format_time(moment.astimezone(zone))
    return format_time(moment.astimezone(own)).replace("+00:00", "Z")


def _is_read_back(bare: datetime, moment: datetime, zone: tzinfo | None) -> bool:
    """Whether a local time means this instant: near a change of clocks only an offset does."""
    try:
        return instant(bare.isoformat(), zone) == moment
    except InvalidValue:
        return False


def _inserted(page: EditedText, entry: Node, flow: str) -> Edit:
    """Put a schedule below the status of an entry, or below its GUID when the status comes from the defaults."""
    value = entry.member("status") or entry.member("guid")
    assert value is not None, "a ticket has a GUID"  # noqa: S101 - the file is valid
    return page.inserted(entry, value, f"schedule: {flow}")


def _check(file: str, before: str, after: str, chosen: Mapping[int, NewTimes], zone: tzinfo | None) -> None:
    """Raise InvalidInput unless the new text says what the old one does, but for the times."""
    was, now = value_of(file, before), value_of(file, after)
    old, new = was.pop("tickets"), now.pop("tickets")
    same = was == now and isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    if not same or not all(
        _is_moved(left, right, chosen[index], zone) if index in chosen else left == right
        for index, (left, right) in enumerate(zip(old, new, strict=True))  # type: ignore[arg-type]
    ):
        raise impossible(file, "an entry can't get other times without changing others: they share an anchor")


def _is_moved(old: Value, new: Value, times: NewTimes, zone: tzinfo | None) -> bool:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return False
    schedule = new.get("schedule")
    if not isinstance(schedule, dict) or schedule.keys() != {"start", "stop"}:
        return False
    read = (instant(str(schedule["start"]), zone), instant(str(schedule["stop"]), zone))
    return read == (times.start, times.stop) and {**old, "schedule": schedule} == new


def patch_of(path: str, text: str, edits: Iterable[Edit]) -> str:
    """Return the edits of one file as a unified diff that `git apply` and `patch -p1` take; "" if nothing changes.

    `path` is below the folder that the diff will be applied in.
    """
    lines = list(difflib.unified_diff(lines_of(text), lines_of(applied(text, edits))))[2:]
    if not lines:
        return ""
    before, after = (_quoted(f"{side}/{path}") for side in "ab")
    tab = "\t" if " " in path else ""
    head = f"diff --git {before} {after}\n--- {before}{tab}\n+++ {after}{tab}\n"
    return head + "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _quoted(path: str) -> str:
    """Spell a path as git does: in quotes when a character in it would end or change the line."""
    if not any(char in _ESCAPES or not char.isprintable() for char in path):
        return path
    return '"' + "".join(_ESCAPES.get(char) or _octal(char) for char in path) + '"'


def _octal(char: str) -> str:
    return char if char.isprintable() else "".join(f"\\{byte:03o}" for byte in char.encode())
