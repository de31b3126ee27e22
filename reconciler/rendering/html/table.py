"""Long tables: all rows as data for the script that filters and pages, the first ones as HTML for everybody else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.codec import compact
from reconciler.rendering.escape import url, visible

FIRST = 100
"""Rows that stand in the page itself; the script shows as many at a time."""

_SCRIPT_BREAKERS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}

Badge = tuple[str, str]
"""A word and its tone, which is a class of the style sheet."""
Ticket = tuple[str, str, str, str]
"""Name, DN, short GUID, and the address of the ticket's page (empty: none)."""
Move = tuple[str, str, str]
"""Status before, status after, and a warning (empty: none)."""
When = tuple[int | None, int | None, int | None, int | None, str]
"""Start, stop, old start, old stop (seconds since 1970), and the words when there is no start."""
Dated = tuple[int | None, *tuple[str, ...]]
"""When something ends (seconds since 1970), and lines about it."""
Text = str | tuple[str, str]
"""Text, or text and the address that it links to."""
Cell = Badge | Ticket | Move | When | Dated | tuple[Text, ...] | int | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, and the kind of its cells: badge, ticket, move, when, time, dated, text, lines, mono."""

    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """A long table. `facet` is the badge column that the buttons choose by; `sorts` name column and direction.

    `tones` say how often each word of the facet may be coloured; cells are neutral text (escape.visible).
    """

    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    facet: int = 0
    sorts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    hint: str = "Search"


def linked(text: str, address: str) -> Text:
    """Return foreign text for a line of a cell, as a link where its address is one of the web."""
    said, target = visible(text, 400), url(address)
    return (said, target) if target else said


def seconds(when: datetime | None) -> int | None:
    """Return an instant as whole seconds since 1970, for data blocks."""
    return None if when is None else int(when.timestamp())


def long_table(content: Table) -> Mapping[str, object]:
    """Return what the macro of rows.html draws a long table from."""
    block = {
        "kinds": [column.kind for column in content.columns],
        "labels": [column.label for column in content.columns],
        "rows": content.rows,
        "facet": content.facet,
        "sorts": dict(content.sorts),
    }
    return {
        "content": content,
        "counts": Counter(row[content.facet][0] for row in content.rows),  # type: ignore[index]
        "rows": content.rows[:FIRST],
        "data": _data(block),
    }


def _data(value: object) -> str:
    """Return values as JSON for a script element; nothing in it can end the element."""
    text = compact(value)
    for breaker, escape in _SCRIPT_BREAKERS.items():
        if breaker in text:
            text = text.replace(breaker, escape)
    return text
