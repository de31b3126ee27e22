"""The pictures of the README are there, show certificates, and are made by a command that still works."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.docs.pictures import IMAGES, make


def test_the_readme_begins_with_pictures_of_plan_comment_and_report() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(docs/images/([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown[:3] == ["plan.png", "comment.png", "report-open.png"]
    assert all((IMAGES / name).is_file() for name in shown)


@pytest.mark.slow
def test_what_the_pictures_show_has_certificates_and_names_no_sandbox(tmp_path: Path) -> None:
    pages = {name: page.read_text(encoding="utf-8") for name, page in make(tmp_path).items()}
    assert pages.keys() == {"plan.png", "comment.png", "report-open.png", "report-timeline.png"}
    for name in ("plan.png", "comment.png", "report-open.png"):
        assert "Example Issuing CA 2" in pages[name]
        assert "5 days left" in pages[name]
    for page in pages.values():
        assert "127.0.0.1" not in page
