"""The page of environment variables has each one that the code reads, and no other."""

import re
from pathlib import Path

from docs.generating import exit_codes
from docs.generating.environment import VARIABLES
from reconciler.changes.client import NAMES, PREFIX

PACKAGE = Path(__file__).parent.parent.parent / "reconciler"
_READ = re.compile(r'"((?:TPP|RECONCILER|GITHUB|ACTIONS|GH)_[A-Z_]+)"')
_ELSEWHERE = {"GITHUB_OIDC"}


def test_each_variable_that_is_read_is_on_the_page() -> None:
    read = {name for path in PACKAGE.rglob("*.py") for name in _READ.findall(path.read_text(encoding="utf-8"))}
    told = {name for group in VARIABLES.values() for name in group}
    assert read - told - _ELSEWHERE == set()
    assert {name for name in told if _READ.fullmatch(f'"{name}"')} - read == set()
    assert {name for name in told if name.startswith(PREFIX)} == {PREFIX + name for name in NAMES}


def test_the_page_has_every_exit_code_and_every_variable() -> None:
    page = exit_codes.page()
    assert "| `8` |" in page
    assert "`TPP_TOKEN_FILE`" in page
