"""Small pieces of markdown that are safe inside a table."""

import re

_CODE = re.compile(r"(`[^`]*`)")


def cell(text: str) -> str:
    """Return text as one table cell: nothing in it is markup but code."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(_code(part) if part.startswith("`") else _plain(part) for part in parts)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table whose cells are markdown already."""
    lines = [f"| {' | '.join(head)} |", f"|{'--|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return re.sub(r"([\\*_\[\]<>|{}])", r"\\\1", text)


def _code(text: str) -> str:
    return text.replace("|", "\\|")
