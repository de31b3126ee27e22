"""The threat model names a test for each attack, and each of them is there."""

import re

from tests.docs.pages import ROOT

_NAMED = re.compile(r"`(\w+/test_\w+\.py)` `(\w+)`")


def test_every_attack_is_tried_by_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and line.count(" | ") == 3]
    tried = [_NAMED.findall(row) for row in rows if not row.startswith(("| Somebody", "| It changes", "| An attacker"))]
    assert len(tried) >= 54
    assert all(tried)
    for file, name in (pair for pairs in tried for pair in pairs):
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}: {name}"
