"""The documentation in a headless Chromium, opened as files: nothing broken, nothing twice, the search works."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.rendering.browser import DESKTOP, PHONE, Browser
from tests.rendering.conftest import SCREENSHOTS

pytestmark = pytest.mark.slow

FONTS = ("sans-serif", "serif", "monospace", "DejaVu Sans Mono")
_BROKEN = """
const found = [];
const texts = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const text = texts.currentNode;
  if (!text.parentElement.offsetParent || text.parentElement.closest("pre, svg, .headerlink")) continue;
  for (const word of text.data.matchAll(/[A-Za-z0-9]{3,}/g)) {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    const lines = new Set([...range.getClientRects()].filter((box) => box.width).map((box) => Math.round(box.top)));
    if (lines.size > 1) found.push(word[0]);
  }
}
return found;
"""
_OUTSIDE = """
return [...document.querySelectorAll("text")].filter((text) => {
  const at = text.getBoundingClientRect();
  return [...document.querySelectorAll("rect")].some((rect) => {
    const box = rect.getBoundingClientRect();
    const meets = at.left < box.right && at.right > box.left && at.top < box.bottom && at.bottom > box.top;
    return meets && (at.left < box.left || at.right > box.right);
  });
}).map((text) => text.textContent);
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    variables = {"OFFLINE": "true", "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_page_scrolls_sideways_or_breaks_a_word_in_the_middle(
    browser: Browser, site: Path, size: tuple[int, int]
) -> None:
    browser.size(size)
    found = []
    for page in sorted(site.rglob("*.html")):
        browser.open(page)
        name = str(page.relative_to(site))
        found += [(name, word) for word in browser.run(_BROKEN) if page.name != "404.html"]
        found += [(name, "scrolls")] if browser.scrolls_sideways() else []
    assert found == []


def test_no_entry_of_the_navigation_stands_there_twice(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    shown = browser.run(
        "return [...document.querySelectorAll('.md-nav--primary .md-nav__link')]"
        ".filter((link) => link.getClientRects().length).map((link) => link.textContent.trim())"
    )
    assert len(shown) > 30
    assert [name for name in shown if shown.count(name) > 1] == []


def test_the_first_link_leads_to_what_works_without_a_tpp(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    browser.find("article a:not(.md-content__button, .headerlink)").click()
    assert browser.find("h1").text.startswith("Try it without a TPP")
    assert "reconciler sandbox" in browser.find("article").text


def test_pages_lead_to_the_repository_and_to_their_source(browser: Browser, site: Path) -> None:
    browser.open(site / "guides" / "report.html")
    assert browser.find(".md-source").get_attribute("href") == "https://github.com/example-org/tpp-reconciler"
    edit = browser.find(".md-content__button").get_attribute("href")
    assert edit == "https://github.com/example-org/tpp-reconciler/edit/main/docs/guides/report.md"


def test_the_search_works_from_files(browser: Browser, site: Path) -> None:
    browser.open(site / "index.html")
    browser.find(".md-search__input").click()
    browser.find(".md-search__input").send_keys("air-gapped")
    deadline = time.monotonic() + 30
    while not (titles := browser.texts(".md-search-result__item h1")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "Air-gapped" in titles


@pytest.mark.parametrize("font", FONTS)
def test_the_texts_of_the_overview_stay_in_their_boxes_with_any_font(
    browser: Browser, tmp_path: Path, font: str
) -> None:
    picture = (ROOT / "docs" / "images" / "overview.svg").read_text(encoding="utf-8")
    page = tmp_path / "overview.html"
    page.write_text(f"<!doctype html><title>x</title>{picture.replace('system-ui', repr(font))}", encoding="utf-8")
    browser.open(page)
    assert browser.run(_OUTSIDE) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), PHONE], ids=["desktop", "phone"])
def test_pictures_of_the_first_page_are_kept(browser: Browser, site: Path, size: tuple[int, int], scheme: str) -> None:
    browser.size(size)
    browser.prefer(scheme)
    browser.open(site / "index.html")
    picture = SCREENSHOTS / f"site-{size[0]}-{scheme}.png"
    browser.picture(picture)
    assert picture.stat().st_size > 10_000
