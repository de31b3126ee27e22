"""Regular expressions of users that never take long: a subset of Python's in which the ways to match can be counted."""

import re
import warnings
from dataclasses import dataclass

from reconciler.manifests.problems import Code, InvalidValue
from reconciler.model.value import quote

_TEXT = 1_000
"""Characters that a text may have which is matched; so often may what is repeated without a bound come."""

_MOST_WAYS = 10_000_000
_QUANTIFIER = re.compile(r"(?:(?P<sign>[*+?])|\{(?P<least>[0-9]+)(?P<more>,(?P<most>[0-9]*))?\})[?+]?")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:[^0-9A-Za-z]|[AZbBdDsSwWnrtfv]|x[0-9A-Fa-f]{2})", re.DOTALL)
_UNBOUNDED_HINT = (
    "write ^ at its beginning, bounds such as {1,20} for + and *, and repeat no group that has choices in it"
)


def check_expression(pattern: str) -> None:
    """Raise InvalidValue for what is no regular expression, or one that could take long on some text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python warns of will mean something else one day
            re.compile(pattern)
    except (re.error, OverflowError, Warning) as error:
        hint = "put a backslash before special characters"
        if isinstance(error, re.error):
            hint = f"{error.msg} at character {(error.pos or 0) + 1}"
        raise InvalidValue(Code.CONFIG_PATTERN, f"{quote(pattern)} is not a regular expression", hint) from None
    reading = _Reading(pattern)
    ways = reading.choices()
    if reading.at < len(pattern):
        message = f"{quote(pattern)} has {quote(pattern[reading.at : reading.at + 3])}, for which there is no bound"
        hint = "use plain characters, classes, groups, `|` and repetitions alone"
        raise InvalidValue(Code.CONFIG_PATTERN, message, hint)
    if ways * (1 if pattern.startswith(("^", "\\A")) and "|" not in reading.outside else _TEXT) > _MOST_WAYS:
        raise InvalidValue(Code.CONFIG_PATTERN, f"{quote(pattern)} could take too long on some texts", _UNBOUNDED_HINT)


@dataclass(slots=True)
class _Reading:
    """Counts in how many ways a pattern can be tried at one place of a text. Stops at what it does not know."""

    pattern: str
    at: int = 0
    outside: str = ""

    def choices(self, depth: int = 0) -> int:
        ways, row = 0, 1
        while self.at < len(self.pattern) and self.pattern[self.at] != ")":
            if self.pattern[self.at] == "|":
                self.outside += "" if depth else "|"
                ways, row = ways + row, 1
                self.at += 1
                continue
            item = self._item(depth)
            if item is None:
                break
            row = min(row * item, _MOST_WAYS * _TEXT)
        return ways + row

    def _item(self, depth: int) -> int | None:
        ways = 1
        start = self.at
        if self.pattern[start] == "(":
            self.at += 3 if self.pattern.startswith("(?:", start) else 1
            if self.pattern[self.at] == "?":
                self.at = start
                return None
            ways = self.choices(depth + 1)
            if self.at >= len(self.pattern) or self.pattern[self.at] != ")":
                return None
            self.at += 1
        elif (found := _CLASS.match(self.pattern, start) or _ESCAPE.match(self.pattern, start)) is not None:
            self.at = found.end()
        elif self.pattern[start] in "\\[":
            return None
        else:
            self.at += 1
        quantifier = _QUANTIFIER.match(self.pattern, self.at)
        if quantifier is None:
            return ways
        self.at = quantifier.end()
        return _repeated(ways, quantifier)


def _repeated(ways: int, quantifier: re.Match[str]) -> int:
    """Return in how many ways something that has `ways` by itself can be repeated."""
    least, most = {"?": (0, 1), "*": (0, _TEXT), "+": (1, _TEXT)}.get(quantifier["sign"], (0, 0))
    if quantifier["sign"] is None:
        least = int(quantifier["least"])
        most = least if quantifier["more"] is None else int(quantifier["most"] or _TEXT)
    if ways == 1:
        return max(most - least, 0) + 1
    total: int = sum(ways ** min(count, 64) for count in range(least, min(most, least + 64) + 1))
    return min(total, _MOST_WAYS * _TEXT)
