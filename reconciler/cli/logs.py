"""Logging to standard error, as text or as one JSON object a line, with the ids of run and operation."""

import logging
import sys
from datetime import UTC, datetime

from reconciler.codec import json_line

_FIELDS = ("run", "operation", "ticket", "call", "status", "seconds")


class JsonLines(logging.Formatter):
    """One JSON object a line. Extra fields of a record that are named in `_FIELDS` become members."""

    def format(self, record: logging.LogRecord) -> str:
        """Spell one record."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({name: getattr(record, name) for name in _FIELDS if hasattr(record, name)})
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json_line(line)


class PlainLines(logging.Formatter):
    """One neutral line a record: control characters of a message can't reach the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Spell one record."""
        text = f"{record.levelname.lower()}: {record.getMessage()}"
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class _OfRun(logging.Filter):
    """Gives every record the id of the run."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self._run = run

    def filter(self, record: logging.LogRecord) -> bool:
        record.run = self._run
        return True


def name_run(run: str) -> None:
    """Give all further records the id of this run, so that log lines and ledger lines can be brought together."""
    for handler in logging.getLogger("reconciler").handlers:
        handler.addFilter(_OfRun(run))


def start_logging(level: str, style: str) -> None:
    """Send the reconciler's records of at least `level` (such as debug) to standard error in `style` (text or json)."""
    logging.raiseExceptions = False  # a closed standard error is no reason for a traceback
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else PlainLines())
    logger = logging.getLogger("reconciler")
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
