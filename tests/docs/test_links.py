"""Every link of every page leads to a file and a heading that exist. Nothing is fetched."""

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from docs.generating.pages import PAGES as GENERATED
from tests.docs.pages import PAGES, ROOT, name

_PARSER = MarkdownIt("commonmark").enable("table")
_ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:")
ALLOWED_ELSEWHERE = ("https://keepachangelog.com/", "https://semver.org/")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [link for link in _links(page) if not _leads_somewhere(page, link)]
    assert broken == []


def _links(page: Path) -> list[str]:
    tokens = _PARSER.parse(page.read_text(encoding="utf-8"))
    inline = [child for token in tokens for child in token.children or ()]
    return [str(_target(token)) for token in inline if token.type in {"link_open", "image"}]


def _target(token: Token) -> object:
    return token.attrs["href" if token.type == "link_open" else "src"]


def _leads_somewhere(page: Path, link: str) -> bool:
    if _ELSEWHERE.match(link):
        return link.startswith(ALLOWED_ELSEWHERE)
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if target.is_relative_to(ROOT / "docs") and str(target.relative_to(ROOT / "docs")) in GENERATED:
        return True
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
