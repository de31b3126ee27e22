"""Finds the examples that the demo and `init` start from, in an installed package as in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def examples() -> Path:
    """Return the folder of the examples: inside the installed package, else at the top of the checkout."""
    installed = _PACKAGE / "examples"
    return installed if installed.is_dir() else _PACKAGE.parent / "examples"
