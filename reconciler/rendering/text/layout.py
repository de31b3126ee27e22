"""How a text is set for its reader: detail, zone and width; columns, wrapping and colour, aware of wide characters."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import IntEnum, StrEnum

_MAYBE_WIDE = re.compile(r"[^\x20-\u02ff\u2010-\u2027\u2190-\u21ff\u2500-\u257f]")
"""Characters outside the scripts and signs that are always one column wide."""


class Detail(IntEnum):
    """How much is said: only totals and what needs attention, everything that matters, or everything."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


@dataclass(frozen=True, slots=True)
class View:
    """A terminal, as far as text depends on it.

    `width` is in columns, `zone` the reader's zone (None: UTC only), `links` the URL that source paths are
    appended to when the terminal knows hyperlinks (OSC 8), None when it does not. `expires_at` is the end of the plan
    that is shown.
    """

    width: int = 80
    colour: bool = False
    zone: tzinfo | None = None
    detail: Detail = Detail.NORMAL
    links: str | None = None
    expires_at: datetime | None = None


PLAIN = View()
"""Eighty columns, no colour, UTC."""


class Ink(StrEnum):
    """What a colour means; the values are ANSI select-graphic-rendition codes."""

    PLAIN = ""
    STRONG = "1"
    DIM = "2"
    GOOD = "32"
    TIME = "36"
    CARE = "33"
    BAD = "31;1"
    TAKE_BACK = "35"


def painted(text: str, ink: Ink, colour: bool) -> str:
    """Return the text in a colour when colours are wanted."""
    return f"\x1b[{ink.value}m{text}\x1b[0m" if colour and ink and text else text


def linked(text: str, url: str) -> str:
    """Return the text as a terminal hyperlink (OSC 8). Both must be neutral already."""
    return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"


def columns(text: str) -> int:
    """Count the terminal columns of a neutral text: East Asian wide characters take two, combining ones none."""
    if text.isascii() or not _MAYBE_WIDE.search(text):
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, width: int) -> str:
    """Keep the end of a neutral text that is too wide, with an ellipsis for what is gone: the end tells DNs apart."""
    if columns(text) <= width:
        return text
    kept = ""
    room = width - 1
    for character in reversed(text):
        room -= _columns(character)
        if room < 0:
            break
        kept = character + kept
    return "…" + kept


def fitted(text: str, width: int) -> tuple[str, int]:
    """Return what `fit` returns, and the columns that it takes."""
    taken = columns(text)
    if taken <= width:
        return text, taken
    text = fit(text, width)
    return text, columns(text)


def fit_start(text: str, width: int) -> str:
    """Keep the start of a neutral text that is too wide, with an ellipsis for what is gone."""
    if columns(text) <= width:
        return text
    return fit(text[::-1], width)[::-1]


def padded(text: str, width: int) -> str:
    """Fill a text with blanks up to a number of columns."""
    return text + " " * (width - columns(text))


def wrapped(text: str, width: int) -> list[str]:
    """Break a neutral text into lines of at most `width` columns, at blanks where there are any."""
    if columns(text) <= width:
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if columns(candidate) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        *full, line = _chunks(word, width)
        lines.extend(full)
    return [*lines, line]


def _chunks(word: str, width: int) -> Iterator[str]:
    chunk = ""
    room = width
    for character in word:
        room -= _columns(character)
        if room < 0 and chunk:
            yield chunk
            chunk, room = "", width - _columns(character)
        chunk += character
    yield chunk


def field(name: str, value: str, *, width: int, indent: int = 4, label: int = 9) -> list[str]:
    """Set `name  value` with the value wrapped under itself."""
    start = f"{' ' * indent}{name:<{label}} "
    if len(value) <= width - len(start) and value.isascii():
        return [start + value]
    first, *rest = wrapped(value, max(width - len(start), 10))
    return [start + first, *(" " * len(start) + line for line in rest)]


def table(rows: Sequence[Sequence[str]], *, width: int, indent: int = 2, gap: int = 2) -> list[str]:
    """Align neutral cells in columns; the last column wraps, the others are cut to a third of the width."""
    if not rows:
        return []
    rows = [[*(fit_start(cell, width // 3) for cell in row[:-1]), row[-1]] for row in rows]
    widths = [max(columns(row[number]) for row in rows) for number in range(len(rows[0]) - 1)]
    left = indent + sum(widths) + gap * len(widths)
    lines: list[str] = []
    for row in rows:
        cells = (" " * gap).join(padded(cell, size) for cell, size in zip(row, widths, strict=False))
        first, *rest = wrapped(row[-1], max(width - left, 10))
        lines.append((" " * indent + cells + " " * gap + first).rstrip())
        lines.extend(" " * left + line for line in rest)
    return lines


def joined(lines: Iterable[str]) -> str:
    """Join lines with a line end after each."""
    return "".join(f"{line}\n" for line in lines)
