"""The identity of a ticket: a GUID in one spelling, so that equal tickets compare equal."""

import re
from typing import NewType

Guid = NewType("Guid", str)

_GUID = re.compile(r"\{?([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\}?")


def parse_guid(text: str) -> Guid:
    """Return the GUID in lower case without braces.

    TPP writes GUIDs with or without braces and in either case (websdk facts, "The ticket").
    Raises ValueError when the text is not a GUID or has only one brace.
    """
    match = _GUID.fullmatch(text.strip())
    if match is None or text.strip().startswith("{") != text.strip().endswith("}"):
        raise ValueError(f"{text!r} is not a GUID")
    return Guid(match.group(1).lower())
