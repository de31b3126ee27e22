"""How a text is to be set: the choices that a reader or a terminal makes, gathered in one value."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import IntEnum


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
