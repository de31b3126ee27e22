"""The terminal that output goes to: its width, its colours, its reader's time zone."""

import os
import shutil
import sys
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from reconciler.rendering.text.layout import Detail, View

_NARROWEST = 60
_WITHOUT_TERMINAL = 100


def view_of(stream: TextIO | None = None, detail: Detail = Detail.NORMAL) -> View:
    """Return how to set text for a stream (standard output when none is named).

    Colour and hyperlinks only on a terminal, and no colour when NO_COLOR is set to anything (no-color.org).
    """
    stream = stream or sys.stdout
    on_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size((_WITHOUT_TERMINAL, 24)).columns if on_terminal else _WITHOUT_TERMINAL
    colour = on_terminal and not os.environ.get("NO_COLOR")
    links = Path.cwd().as_uri() if colour else None
    return View(width=max(width, _NARROWEST), colour=colour, zone=local_zone(), detail=detail, links=links)


_configured: list[str] = []
"""The zone that the configuration of this command names."""


def use_zone(name: str | None) -> None:
    """Have times read in the zone of the configuration, where it names one."""
    _configured[:] = [name] if name else []


def local_zone() -> tzinfo | None:
    """Return the reader's time zone: that of the configuration, else as the machine has it; None when that is UTC."""
    name = next(iter(_configured), os.environ.get("TZ", "").removeprefix(":") or _zone_of_machine())
    if name:
        try:
            return None if name in ("UTC", "Etc/UTC") else ZoneInfo(name)
        except (OSError, ValueError):
            pass
    here = datetime.now().astimezone()
    return here.tzinfo if here.utcoffset() else None


def _zone_of_machine() -> str:
    target = os.path.realpath("/etc/localtime")
    _, found, name = target.partition("zoneinfo/")
    return name if found else ""


def is_interactive() -> bool:
    """Return whether a person can be asked: both ends are a terminal, and this is no CI job."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not os.environ.get("CI")
