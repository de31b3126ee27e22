"""Finds the JSON Schemas of the formats, in an installed package as in a checkout."""

import json
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent.parent
_SUFFIX = ".schema.json"


def folder() -> Path:
    """Return the folder of the schemas: inside the installed package, else at the top of the checkout."""
    installed = _PACKAGE / "schemas"
    return installed if installed.is_dir() else _PACKAGE.parent / "schemas"


def names() -> tuple[str, ...]:
    """Return the names of all schemas in alphabetical order."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in folder().glob("*" + _SUFFIX)))


def text(name: str) -> str:
    """Return one schema as it stands in its file. Raises KeyError for a name that `names` does not give."""
    if name not in names():
        raise KeyError(name)
    return (folder() / (name + _SUFFIX)).read_text(encoding="utf-8")


def load(name: str) -> dict[str, Any]:
    """Return one schema as a value. Raises KeyError for a name that `names` does not give."""
    schema: dict[str, Any] = json.loads(text(name))
    return schema
