"""The browser of the tests of pages, for those of the documentation, too."""

from tests.rendering.conftest import browser, chromium

__all__ = ["browser", "chromium"]
