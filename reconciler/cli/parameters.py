"""Values that command-line options carry, checked where they are typed."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from reconciler.model.plan import parse_shard
from reconciler.model.status import parse_instant
from reconciler.model.ticket import parse_guid

if TYPE_CHECKING:
    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType


class _Parsed(_Type):
    """A click type around one of our parsers, which raise ValueError."""

    def __init__(self, name: str, parse: Any, example: str) -> None:  # noqa: ANN401 - any parser of text
        self.name = name
        self._parse = parse
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Parse text; a value that is parsed already is left alone."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(f"{error} (for example {self._example})", param, ctx)


def parsed(name: str, parse: Callable[[str], object], example: str) -> _Type:
    """Return an option's type around a parser that raises ValueError; the example goes into the message."""
    return _Parsed(name, parse, example)


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time with an offset: {error}") from None


SHARD = _Parsed("shard", parse_shard, "2/4")
GUID = _Parsed("guid", parse_guid, "6ede0e12-f7c0-4068-9977-001076205c84")
INSTANT = _Parsed("time", _instant, "2026-11-28T22:00:00Z")
