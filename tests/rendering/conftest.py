"""A headless Chromium for tests that look at pages as a reader's browser does."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rendering.browser import Browser, open_browser

MODULES = Path(__file__).parent.parent / "js" / "node_modules"
SCREENSHOTS = Path(__file__).parent.parent.parent / "build" / "screenshots"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if None in programs:
        pytest.skip("chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)")
    with open_browser(*map(str, programs)) as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    chromium.reset()
    return chromium


def _module(path: str) -> Path:
    file = MODULES / path
    if not file.exists():
        pytest.skip(f"{path} is not installed (npm ci --prefix tests/js)")
    return file


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, which finds what people with disabilities would stumble over."""
    return _module("axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def mermaid() -> Path:
    """The script of Mermaid, which draws the diagrams that GitHub shows."""
    return _module("mermaid/dist/mermaid.min.js")
