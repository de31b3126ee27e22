"""JSON as people and diffs like it: one member a line, and lists of objects with one object a line."""

import json
from collections.abc import Iterable, Iterator, Mapping

from reconciler.model.canonical import Json

_ENCODER = json.JSONEncoder(separators=(", ", ": "), ensure_ascii=True, allow_nan=False)


def json_text(document: Mapping[str, Json]) -> str:
    """Return a document as text that ends with a newline; the same document always gives the same text.

    Only the outermost two levels are broken into lines, which keeps ten thousand steps readable in a diff and
    lets the fast encoder of the standard library do the rest. Raises ValueError for NaN.
    """
    members = ",\n".join(f"  {_ENCODER.encode(name)}: {_member(value)}" for name, value in document.items())
    return f"{{\n{members}\n}}\n"


def row_text(value: Mapping[str, Json]) -> str:
    """Return an object as it stands in a list with one object a line."""
    return _ENCODER.encode(value)


def document_pieces(document: Mapping[str, Json], last: str, rows: Iterable[str]) -> Iterator[str]:
    """Yield the text of a document piece by piece, whose last member is a list of objects that are spelled already.

    Together the pieces are what `json_text` returns for all of it, but nobody has to hold them together.
    """
    yield json_text({**document, last: []}).removesuffix("]\n}\n")
    between = "\n    "
    for row in rows:
        yield between + row
        between = ",\n    "
    yield "]\n}\n" if between == "\n    " else "\n  ]\n}\n"


def _member(value: Json) -> str:
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        return _ENCODER.encode(value)
    items = ",\n".join(f"    {_ENCODER.encode(item)}" for item in value)
    return f"[\n{items}\n  ]"
