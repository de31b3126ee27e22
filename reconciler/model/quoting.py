"""Values of users as messages quote them."""

LONGEST = 20
"""Characters of a value that a message shows at most: what stands in a wrong place may be a secret."""


def quote(value: object) -> str:
    """Return a value as a message shows it: on one line, not too long, nothing invisible."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    shown = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text[:LONGEST])
    return f"`{shown}`" if len(text) <= LONGEST else f"`{shown}…`"
