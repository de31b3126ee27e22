"""Tickets of one shape have the same members in the same order. A file has few shapes, and most of it has one.

A shape is learnt from its first ticket; a pattern made from it gives all values of the others at once.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reconciler.manifests.strict_yaml import MAY_BE_TYPED, Value, scalar

KEY = "[a-z_]{1,40}"
_BODY = "[!-9;-~\u00c0-\u024f\u2010-\u2027]"
PLAIN = rf"[A-Za-z0-9\\/(+.$\u00c0-\u024f]{_BODY}*+(?:(?::(?=[^ \n])| +(?=[^ #\n])){_BODY}*+)*+"
"""A plain value on one line, which can mean nothing but itself."""

_TICKET = re.compile(rf"  - {KEY}: {PLAIN}(?:\n    {KEY}:(?: {PLAIN}|(?:\n      {KEY}: {PLAIN})++))*+\n*+(?=  - |\Z)")
_OPENINGS = re.compile(rf"(?m)^((?:  - |    |      ){KEY}:)( ?)")

usual_ticket = _TICKET.match
"""Find a ticket of the usual layout at a place: members of four blanks, one level below of six, all values plain."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the values of usual tickets with certain members stand.

    `first` names the values that come first, in the ticket itself; `rest` has the others: the map that they belong to
    ("" for the ticket), their names, and which they are. Values that are not `unsure` are text if they are any good.
    """

    values: re.Pattern[str]
    first: tuple[str, ...]
    rest: tuple[tuple[str, tuple[str, ...], slice], ...]
    unsure: tuple[int, ...]

    def members(self, ticket: str) -> dict[str, Value] | None:
        """Return what a usual ticket says; None when it has another shape."""
        found = self.values.fullmatch(ticket)
        if found is None:
            return None
        values: list[Any] = list(found.groups())
        for index in self.unsure:
            if values[index][0] in MAY_BE_TYPED:
                values[index] = scalar(values[index])
        said: dict[str, Value] = dict(zip(self.first, values))  # noqa: B905 - the rest is below
        for name, members, part in self.rest:
            if name:
                said[name] = dict(zip(members, values[part]))  # noqa: B905 - as many by construction, and faster
            else:
                said.update(zip(members, values[part]))  # noqa: B905 - as above
        return said


def shape_of(ticket: str) -> Shape | None:
    """Return the shape of a usual ticket; None when a key stands twice in it."""
    return _shape(tuple(_OPENINGS.findall(ticket)))


@lru_cache(maxsize=256)
def _shape(openings: tuple[tuple[str, str], ...]) -> Shape | None:
    maps: list[tuple[str, list[str], int]] = []
    keys: set[tuple[str, str]] = set()
    owner, count = "", 0
    for opening, has_value in openings:
        owner = owner if opening.startswith("      ") else ""
        key = owner, opening[:-1].lstrip(" -")
        if key in keys:
            return None
        keys.add(key)
        if not has_value:
            owner = key[1]
            continue
        if not maps or maps[-1][0] != owner:
            maps.append((owner, [], count))
        maps[-1][1].append(key[1])
        count += 1
    lines = (re.escape(opening) + (" (.*)" if has_value else "") for opening, has_value in openings)
    named = [name for _, names, _ in maps for name in names]
    return Shape(
        re.compile("\n".join(lines) + r"\n*+"),
        tuple(maps[0][1]),
        tuple((owner, tuple(names), slice(first, first + len(names))) for owner, names, first in maps[1:]),
        tuple(index for index, name in enumerate(named) if name != "guid"),
    )
