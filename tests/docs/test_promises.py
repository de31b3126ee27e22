"""What the pages about trust promise was tried: each paragraph, row and item names the tests behind it."""

import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT

PAGES = ("docs/concepts/exactly-once.md", "docs/guides/disaster-recovery.md")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_NAMED = re.compile(r"(\S+\.(?:py|md))(?: (\w+))?")
_SHOWN = "(shown)"
"""What stands where a block is a command with its output, which a test types."""


def blocks(text: str) -> Iterator[str]:
    """The paragraphs, tables and lists of a page, and the comments that name tests."""
    text = _FENCED.sub(_SHOWN, text)
    text = _COMMENT.sub(lambda found: found[0].replace("\n", " ") if found[0].startswith("<!-- tests:") else "", text)
    yield from (block for each in text.split("\n\n") if (block := each.strip()) and not block.startswith("#"))


def promises_in(block: str) -> int:
    """How many promises a block makes at least: one for each row, item or paragraph."""
    rows = [line for line in block.splitlines() if line.startswith("| ")]
    items = re.findall(r"^(?:- |\d+\. )", block, re.MULTILINE)
    return len(rows) - 1 if rows else len(items) or 1


@pytest.mark.parametrize("page", PAGES)
def test_each_promise_names_a_test_that_exists(page: str) -> None:
    found = list(blocks((ROOT / page).read_text(encoding="utf-8")))
    for block, after in zip(found, [*found[1:], ""], strict=True):
        if block.startswith("<!-- tests:") or block == _SHOWN:
            continue
        named = _NAMED.findall(after) if after.startswith("<!-- tests:") else []
        shown = after == _SHOWN and promises_in(block) == 1
        assert shown or len(named) >= promises_in(block), f"{page}: nothing was tried for: {block}"
        for file, name in named:
            place = ROOT / file if file.startswith("docs/") else ROOT / "tests" / file
            assert place.is_file(), file
            assert (f"def {name}(" if name else "") in place.read_text(encoding="utf-8"), f"{file}: {name}"
            assert name or file.startswith("docs/"), file
