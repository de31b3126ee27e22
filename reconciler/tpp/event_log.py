"""The platform's own log, as its Log call answers it or as a spreadsheet of it, read offline.

The members are those of the vendor's page "GET Log" (docs.venafi.com, Web SDK): `LogEvents` with `ServerTimestamp`,
which has no offset and is UTC, `Component` (the DN that the event is about), `Name`, `Text1` and `Text2`, which may be
null.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from reconciler.codec import Json, decode
from reconciler.model.evidence import LogEvent

COLUMNS: Mapping[str, str] = {
    "time": "ServerTimestamp",
    "object": "Component",
    "name": "Name",
    "text1": "Text1",
    "text2": "Text2",
}
"""What is needed of an event, and the column that has it by default. `by` names a column of its own for who did it."""
_LIST = "LogEvents"
_FRACTION = re.compile(r"(\.\d{6})\d+")
_DELIMITERS = ",;\t"


def read_log(data: bytes, columns: Mapping[str, str]) -> tuple[LogEvent, ...]:
    """Read a log in JSON or CSV, oldest first. Raises ValueError with every row that can't be read.

    `columns` says under which name each of COLUMNS, and perhaps `by`, is found.
    """
    rows = _json_rows(data) if data.lstrip()[:1] in (b"{", b"[") else _csv_rows(data)
    found: list[LogEvent] = []
    faults: list[str] = []
    for number, row in enumerate(rows, start=1):
        if absent := [name for name in columns.values() if name not in row]:
            faults.append(f"row {number} has no {', '.join(absent)}; it has {', '.join(list(row)[:20]) or 'nothing'}")
            break
        try:
            found.append(_event(row, columns, number))
        except ValueError as fault:
            faults.append(f"row {number}: {fault}")
    if faults:
        more = f" (and {len(faults) - 3:,} more rows)" if len(faults) > 3 else ""
        raise ValueError("; ".join(faults[:3]) + more)
    return tuple(sorted(found, key=lambda event: (event.at, event.row)))


def _event(row: Mapping[str, Json], columns: Mapping[str, str], number: int) -> LogEvent:
    def text(name: str) -> str:
        value = row[columns[name]] if name in columns else None
        return "" if value is None else str(value)

    return LogEvent(
        at=_time(text("time")),
        object=text("object"),
        name=text("name"),
        texts=tuple(each for each in (text("text1"), text("text2")) if each),
        by=text("by"),
        row=number,
    )


def _time(text: str) -> datetime:
    """Read a time; one without an offset is UTC. The platform writes seven digits of a second."""
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", text.strip()))
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no time such as 2026-11-28T22:00:05.1230000") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _json_rows(data: bytes) -> Iterable[Mapping[str, Json]]:
    document: object = decode(data, object)
    rows = document.get(_LIST) if isinstance(document, Mapping) else document
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ValueError(f"this is neither an answer of the Log call with {_LIST} nor a list of events")
    return rows


def _csv_rows(data: bytes) -> Iterable[Mapping[str, Json]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ValueError(f"this is no text in UTF-8: {fault.reason} at byte {fault.start}") from None
    head = text.partition("\n")[0]
    if not head.strip():
        raise ValueError("the file is empty")
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        given = reader.fieldnames or ()
        return [{name.strip(): row[name] for name in given} for row in reader]
    except csv.Error as fault:
        raise ValueError(f"line {reader.line_num}: this is no CSV: {fault}") from None
