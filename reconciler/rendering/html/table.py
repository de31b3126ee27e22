"""Long tables: all rows as data for the script that filters, sorts and groups, the first as HTML for everybody else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.codec import compact
from reconciler.model.receipt import Outcome
from reconciler.model.status import State
from reconciler.model.verdict import Group, Verdict
from reconciler.rendering.escape import url, visible

FIRST = 100
"""Rows that stand in the page itself; the script shows as many at a time."""

TONES: dict[Verdict, str] = {
    Verdict.APPROVE: "good",
    Verdict.REJECT: "bad",
    Verdict.SCHEDULE: "time",
    Verdict.RESCHEDULE: "care",
    Verdict.REOPEN: "back",
}
_OUTCOMES = {
    Outcome.APPLIED: "good",
    Outcome.AWAITING_OTHERS: "time",
    Outcome.STALE: "care",
    Outcome.NOT_ATTEMPTED: "calm",
}
_SCRIPT_BREAKERS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}

Badge = tuple[str, str]
"""A word and its tone, which is a class of the style sheet."""
Ticket = tuple[str, str, str, str]
"""Name, DN, short GUID, and the address of the ticket's page (empty: none)."""
Window = tuple[int | None, int | None]
"""Start and stop (seconds since 1970); no start when there is no window."""
Move = tuple[str, str, str, str, Window, Window]
"""Status before, status after, when if not in a window, a warning, the window, and the earlier window."""
Dated = tuple[int | None, str, *tuple[str, ...]]
"""When something ends (seconds since 1970), the tone of the first line, and lines about it."""
Text = str | tuple[str, str]
"""Text, or text and the address that it links to."""
Cell = Badge | Ticket | Move | Dated | tuple[Text, ...] | int | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, and the kind of its cells: badge, ticket, move, time, dated, lines."""

    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """A long table.

    `facet` is the badge column that the chips choose by. `groups` are what rows can be grouped and filtered by, with
    one value for each row; by the one that is `by` they are grouped at first, and have to be listed so; those in
    `menus` have a menu. `now` is the time that ends of certificates are held against. `whole` shows every line of a
    cell, otherwise two. Cells are neutral text (escape.visible).
    """

    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    facet: int = 0
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    menus: tuple[str, ...] = ()
    by: str = ""
    now: datetime | None = None
    whole: bool = False
    hint: str = "Search"


def tone(verdict: Verdict) -> str:
    """The class of the style sheet for a verdict."""
    return TONES.get(verdict, "alert" if verdict.group is Group.ATTENTION else "calm")


def tone_of(outcome: Outcome) -> str:
    """The class of the style sheet for an outcome."""
    return _OUTCOMES.get(outcome, "bad")


def status_of(state: State | None) -> str:
    """Return the status of a ticket for a cell, also when it is not known."""
    return visible(state.status, 60) if state else "?"


def linked(text: str, address: str) -> Text:
    """Return foreign text for a line of a cell, as a link where its address is one of the web."""
    shown, target = visible(text, 400), url(address)
    return (shown, target) if target else shown


def seconds(when: datetime | None) -> int | None:
    """Return an instant as whole seconds since 1970, for data blocks."""
    return None if when is None else int(when.timestamp())


def long_table(content: Table) -> Mapping[str, object]:
    """Return what the macro of rows.html draws a long table from."""
    label = content.columns[content.facet].label
    words = [str(row[content.facet][0]) for row in content.rows]  # type: ignore[index]
    groups = {label: words, **content.groups}
    block = {
        "kinds": [column.kind for column in content.columns],
        "labels": [column.label for column in content.columns],
        "rows": content.rows,
        "facet": content.facet,
        "groups": {name: _coded(values) for name, values in groups.items()},
        "now": seconds(content.now),
        "preset": content.by,
    }
    heads = groups.get(content.by, ())
    return {
        "content": content,
        "label": label,
        "counts": Counter(words),
        "groups": [name for name, values in groups.items() if name == content.by or len(set(values)) > 1],
        "menus": [name for name in content.menus if len(set(groups[name])) > 1],
        "dated": any(column.kind == "dated" for column in content.columns),
        "rows": content.rows[:FIRST],
        "heads": heads[:FIRST],
        "sizes": Counter(heads),
        "data": _data(block),
    }


def _coded(values: Sequence[str]) -> Mapping[str, Sequence[object]]:
    """Return the different values, and for each row which of them it has."""
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return {"values": list(places), "of": [places[value] for value in values]}


def _data(value: object) -> str:
    """Return values as JSON for a script element; nothing in it can end the element."""
    text = compact(value)
    for breaker, escape in _SCRIPT_BREAKERS.items():
        if breaker in text:
            text = text.replace(breaker, escape)
    return text
