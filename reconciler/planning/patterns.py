"""Patterns over distinguished names: `*` inside one part, `**` over any number of parts, case ignored."""

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    pieces = re.split(r"(\\\*\*(?=\\|$)|\*\*|\*)", pattern)
    spelled = {"\\**": r"(?:\\.*)?", "**": ".*", "*": r"[^\\]*"}
    return re.compile("".join(spelled.get(piece, re.escape(piece)) for piece in pieces), re.IGNORECASE | re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    r"""Say whether a DN fits a pattern.

    `\VED\Policy\Web\**` fits the folder itself and all below it, `\VED\**\Web` also `\VED\Web`.
    """
    return _compiled(pattern).fullmatch(name) is not None


def matches_any(patterns: tuple[str, ...], name: str) -> str | None:
    """Return the first pattern that the DN fits, None when there is none."""
    return next((pattern for pattern in patterns if matches(pattern, name)), None)
