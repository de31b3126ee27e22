"""What the values of the model have in common: whole numbers from 0 on, and copies with other members."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct, structs

Count = Annotated[int, Meta(ge=0)]


class Head(Struct, frozen=True):
    """The last line of a ledger file: its path below the ledger, the hash of that line, and its number."""

    path: str
    hash: str
    lines: Count


if TYPE_CHECKING:
    from dataclasses import replace as replace  # type checkers know this one, and hold the members to the type
else:

    def replace(value, /, **changes):  # noqa: ANN001, ANN003, ANN201
        """Return a copy of a struct or a dataclass with other members, as copy.replace does from Python 3.13 on."""
        return (structs if isinstance(value, Struct) else dataclasses).replace(value, **changes)


LONGEST = 20
"""Characters of a value that a message shows at most: what stands in a wrong place may be a secret."""


def quote(value: object) -> str:
    """Return a value as a message shows it: on one line, not too long, nothing invisible."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    shown = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text[:LONGEST])
    return f"`{shown}`" if len(text) <= LONGEST else f"`{shown}…`"
