"""Long tables: all rows as data for the script that filters and pages, the first ones as HTML for everybody else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from reconciler.rendering.escape import html
from reconciler.rendering.html.page import data, moment

FIRST = 100
"""Rows that stand in the page itself; the script shows as many at a time."""

_NOTHING = "Nothing matches. Clear the search or choose fewer words."

Badge = tuple[str, str]
"""A word and its tone, which is a class of the style sheet."""
Ticket = tuple[str, str, str, str]
"""Name, DN, short GUID, and the address of the ticket's page (empty: none)."""
Move = tuple[str, str, str]
"""Status before, status after, and a warning (empty: none)."""
When = tuple[int | None, int | None, int | None, int | None, str]
"""Start, stop, old start, old stop (seconds since 1970), and the words when there is no start."""
Cell = Badge | Ticket | Move | When | tuple[str, ...] | int | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, and the kind of its cells: badge, ticket, move, when, time, text, lines or mono."""

    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """A long table. `facet` is the badge column that the buttons choose by; `sorts` name column and direction.

    `tones` say how often each word of the facet may be coloured; cells are neutral text (page.plain).
    """

    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    facet: int = 0
    sorts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    hint: str = "Search"


def seconds(when: datetime | None) -> int | None:
    """Return an instant as whole seconds since 1970, for data blocks."""
    return None if when is None else int(when.timestamp())


def table(content: Table) -> str:
    """Return controls, table and data of a long table."""
    counts = Counter(row[content.facet][0] for row in content.rows)  # type: ignore[index]
    chips = "".join(
        f'<li><button type="button" aria-pressed="false" data-word="{html(str(word))}">{html(str(word))}'
        f"<span>{number:,}</span></button></li>"
        for word, number in counts.items()
    )
    heads = "".join(f'<th scope="col">{html(column.label)}</th>' for column in content.columns)
    block = {
        "kinds": [column.kind for column in content.columns],
        "labels": [column.label for column in content.columns],
        "rows": content.rows,
        "facet": content.facet,
        "sorts": dict(content.sorts),
    }
    return (
        f"{_controls(content)}"
        f'<ul class="chips" aria-label="Show only">{chips}</ul>\n'
        f'<table class="rows"><caption>{html(content.caption)}</caption><thead><tr>{heads}</tr></thead><tbody>\n'
        + "".join(_row(row, content.columns) for row in content.rows[:FIRST])
        + f'</tbody></table>\n<p class="none" id="none" hidden>{_NOTHING}</p>\n'
        + _pager(len(content.rows))
        + data(block, "rows-data")
    )


def _controls(content: Table) -> str:
    options = "".join(f'<option value="{html(name)}">{html(name)}</option>' for name in content.sorts)
    order = (
        f'<label>Order <select id="sort"><option value="">as listed</option>{options}</select></label>'
        if options
        else ""
    )
    return (
        '<div class="controls" role="search">'
        f'<input type="search" id="search" aria-label="{html(content.hint)}" placeholder="{html(content.hint)}  ( / )">'
        f"{order}</div>\n"
    )


def _pager(rows: int) -> str:
    first = min(rows, FIRST)
    noscript = (
        f"<noscript><p>The first {first:,} of {rows:,} rows. The others need scripts.</p></noscript>"
        if rows > FIRST
        else ""
    )
    return (
        f'{noscript}<div class="pager"><button id="back" type="button" disabled>Previous</button>'
        f'<button id="next" type="button"{" disabled" if rows <= FIRST else ""}>Next</button>'
        f'<span id="said" role="status">1 to {first:,} of {rows:,}</span></div>\n'
    )


def _row(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    cells = "".join(
        f'<td class="c-{column.kind}" data-label="{html(column.label)}">{_cell(cell, column.kind)}</td>'
        for cell, column in zip(row, columns, strict=True)
    )
    return f"<tr>{cells}</tr>\n"


def _cell(cell: Cell, kind: str) -> str:
    match kind, cell:
        case "badge", (str(word), str(tone)):
            return f'<span class="badge {html(tone)}">{html(word)}</span>'
        case "ticket", (str(name), str(dn), str(guid), str(href)):
            title = (
                f'<a class="name" href="{html(href)}">{html(name)}</a>'
                if href
                else f'<span class="name">{html(name)}</span>'
            )
            return f'{title}<span class="under mono">{html(dn)}</span><span class="under mono">{html(guid)}</span>'
        case "move", (str(before), str(after), str(final)):
            moved = (
                html(after)
                if before == after
                else f'{html(before)}<span class="arrow">→</span><strong>{html(after)}</strong>'
            )
            return moved + (f'<span class="final">{html(final)}</span>' if final else "")
        case "when", (start, stop, old_start, old_stop, str(text)):
            old = f'<span class="under was">{_span(old_start, old_stop)}</span>' if old_start is not None else ""
            return old + (_span(start, stop) if start is not None else html(text))
        case "time", int(when):
            return moment(datetime.fromtimestamp(when, UTC))
        case "lines", (str(first), *rest):
            return html(first) + "".join(f'<span class="under">{html(str(line))}</span>' for line in rest if line)
        case "mono", str(text):
            return f"<code>{html(text)}</code>"
        case _:
            return html(str(cell)) if cell is not None else ""


def _span(start: object, stop: object) -> str:
    if not isinstance(start, int):
        return ""
    begins = datetime.fromtimestamp(start, UTC)
    if not isinstance(stop, int):
        return f"from {moment(begins)}, no end"
    return f"{moment(begins, bare=True)} to {moment(datetime.fromtimestamp(stop, UTC))}"
