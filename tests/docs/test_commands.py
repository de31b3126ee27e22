"""Every command in README and documentation is typed here, and prints what the page says."""

from pathlib import Path

import pytest

from tests.docs.console import differences, follow
from tests.docs.pages import PAGES, ROOT, blocks, name

ON_A_CLUSTER = ROOT / "examples/kubernetes/README.md"
"""Typed by tests/workflows/test_kubernetes_guide.py, where there is a cluster."""
WITH_COMMANDS = [
    page for page in PAGES if page != ON_A_CLUSTER and any(block.language == "console" for block in blocks(page))
]


AT_ONCE = ("README.md",)
"""The page that everybody begins with; the others take minutes together."""


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=name(page), marks=() if page.name in AT_ONCE else pytest.mark.slow)
        for page in WITH_COMMANDS
    ],
)
def test_every_command_of_a_page_prints_what_the_page_shows(page: Path) -> None:
    found = [
        f"{block.place}: $ {each.command}\n{difference}"
        for block, each, printed in follow(page)
        if (difference := differences(block, each.shown, printed))
    ]
    assert not found, "\n\n".join([*found, "write what is printed now into the pages: make outputs"])
