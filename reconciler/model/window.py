"""When a named window opens and closes."""

from datetime import datetime

from msgspec import Struct


class Occurrence(Struct, frozen=True):
    """One time that a window is open (UTC), with a remark where clocks are changed at its edges or inside it.

    `stop` None means that it has no end.
    """

    start: datetime
    stop: datetime | None
    remark: str = ""


class WindowPreview(Struct, frozen=True):
    """A named window with what comes next of it. `rule` and `timezone` are empty for a window that happens once."""

    name: str
    occurrences: tuple[Occurrence, ...]
    rule: str = ""
    timezone: str = ""
