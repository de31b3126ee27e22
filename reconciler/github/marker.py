"""The invisible first line by which the reconciler finds again what it wrote."""

import re

from reconciler.github.wire import Wire, text

_UNSAFE = re.compile(r"[^A-Za-z0-9._/:@+-]+")


def marker(kind: str, key: str) -> str:
    """Return the HTML comment that marks a text. `key` tells texts of one kind apart, such as environments."""
    return f"<!-- tpp-reconciler:{_plain(kind)} {_plain(key)} -->"


def is_ours(wire: Wire, mark: str) -> bool:
    """Say whether a comment or issue is one of ours: it starts with the marker and a bot wrote it.

    A person who copies the marker gets a text of their own, which is never touched.
    """
    return text(wire, "user", "type") == "Bot" and text(wire, "body").startswith(mark)


def same_text(left: str, right: str) -> bool:
    """Compare texts as GitHub keeps them: line ends and trailing blanks may have changed."""
    return _normal(left) == _normal(right)


def _plain(value: str) -> str:
    """Keep what can neither end the HTML comment nor be split: two dashes in a row would."""
    return _UNSAFE.sub("_", value).replace("--", "__") or "_"


def _normal(value: str) -> str:
    return "\n".join(line.rstrip() for line in value.replace("\r\n", "\n").strip().split("\n"))
