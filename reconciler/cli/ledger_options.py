"""Which ledger a command reads, and which of its records it shows."""

import functools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from reconciler.app.ledger import Filter
from reconciler.cli.options import Invocation, parsed
from reconciler.errors import InvalidInput
from reconciler.model.decision import Problem, Source
from reconciler.model.record import RECORD_OUTCOMES
from reconciler.model.status import format_instant, parse_instant


def ledger_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --ledger; without it the configuration says where the ledger is."""
    return click.option(
        "--ledger", type=click.Path(path_type=Path, file_okay=False), help="Folder of the ledger [default: configured]."
    )(function)


def folder_of(invocation: Invocation, ledger: Path | None) -> Path:
    """Return the folder of the ledger. Raises InvalidInput, also when there is no such folder."""
    folder = ledger or Path(invocation.settings().ledger)
    if not folder.is_dir():
        hint = "say where it is with --ledger, or fetch it from its branch; nothing has been applied if there is none"
        raise InvalidInput((Problem("ledger/absent", Source(str(folder)), "there is no such ledger", hint),))
    return folder


def _first_instant(text: str) -> datetime:
    return _midnight(text) if len(text) == _DAY else _instant(text)


def _last_instant(text: str) -> datetime:
    return _midnight(text) + timedelta(days=1) if len(text) == _DAY else _instant(text)


def _midnight(text: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a day nor a time with an offset") from None


_DAY = len("2026-11-28")
FIRST_INSTANT = parsed("time", _first_instant, "2026-11-01")
_LAST_INSTANT = parsed("time", _last_instant, "2026-11-30")
MOMENT = parsed("time", lambda text: _last_instant(text) - timedelta(microseconds=len(text) == _DAY), "2026-03-03")
"""A time, or the last moment of a day."""


def period_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --from and --to, which it receives as `since` and `until`."""
    for option in (
        click.option("--until", "--to", "until", type=_LAST_INSTANT, help="Until this day (included) or time."),
        click.option("--since", "--from", "since", type=FIRST_INSTANT, help="From this day or time on."),
    ):
        function = option(function)
    return function


def period_words(since: datetime | None, until: datetime | None) -> str:
    """Return which time was asked for; its end is not included."""
    parts = [f"from {format_instant(since)}" if since else "", f"to {format_instant(until)}" if until else ""]
    return " ".join(part for part in parts if part) or "of the whole ledger"


def filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose records; it receives them as `wanted`."""

    @click.option("--ticket", "tickets", multiple=True, help="Only this ticket, by GUID or name (repeatable).")
    @click.option("--object", "objects", multiple=True, metavar="PATTERN", help=r"Only these DNs: \VED\Policy\Web\**.")
    @click.option("--change", "changes", multiple=True, help="Only this change record (repeatable).")
    @period_options
    @click.option("--outcome", "outcomes", multiple=True, type=click.Choice(RECORD_OUTCOMES), help="Only this outcome.")
    @click.option("--overridden", is_flag=True, help="Only what an override let pass, and where it began and ended.")
    @functools.wraps(function)
    def called(
        *arguments: Any,  # noqa: ANN401 - whatever click passes on
        tickets: tuple[str, ...],
        objects: tuple[str, ...],
        changes: tuple[str, ...],
        since: datetime | None,
        until: datetime | None,
        outcomes: tuple[str, ...],
        overridden: bool,
        **rest: Any,  # noqa: ANN401 - whatever click passes on
    ) -> Any:  # noqa: ANN401 - whatever the command returns
        wanted = Filter(frozenset(tickets), objects, frozenset(changes), frozenset(outcomes), since, until, overridden)
        return function(*arguments, wanted=wanted, **rest)

    return called
