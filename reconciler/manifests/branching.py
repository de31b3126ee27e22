"""Checks put together: a row of them, or one of several rows by the word that a member says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Gate = Callable[[Any], bool]
"""Says whether a value is accepted."""


def anything(_: object) -> bool:
    """Accept everything."""
    return True


def together(checks: Iterable[Gate]) -> Gate:
    """Return one check that accepts what every check accepts."""
    row = tuple(check for check in checks if check is not anything)
    if len(row) == 1:
        return row[0]

    def every(value: Any) -> bool:  # noqa: ANN401
        for check in row:  # noqa: SIM110 - a generator inside all() costs twice as much
            if not check(value):
                return False
        return True

    return every if row else anything


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition that asks for one of some words in one member, and the checks for where it holds and where not."""

    name: str
    words: tuple[str, ...]
    then: Gate
    other: Gate


def merged(checks: list[Gate | Branch]) -> list[Gate]:
    """Return the checks with branches made to checks, each member looked up once for all conditions that ask for it."""
    kept: list[Gate] = [check for check in checks if not isinstance(check, Branch)]
    branches = [check for check in checks if isinstance(check, Branch)]
    for name in dict.fromkeys(branch.name for branch in branches):
        kept.append(_switch(name, [branch for branch in branches if branch.name == name]))
    return kept


def _switch(name: str, branches: list[Branch]) -> Gate:
    words = dict.fromkeys(word for branch in branches for word in branch.words)
    chosen = {
        word: together([branch.then if word in branch.words else branch.other for branch in branches]) for word in words
    }
    otherwise = together([branch.other for branch in branches])

    def switch(value: Any) -> bool:  # noqa: ANN401
        word = value.get(name) if type(value) is dict else None
        return chosen.get(word, otherwise)(value) if type(word) is str else otherwise(value)

    return switch
