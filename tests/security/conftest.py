"""The repo of the command line's tests."""

from tests.cli.conftest import repo

__all__ = ["repo"]
