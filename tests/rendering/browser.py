"""Chromium as tests use it: open a file, run a script, look at rows, take pictures."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

DESKTOP = (1280, 900)
PHONE = (390, 844)
_ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage")


@dataclass
class Browser:
    """One Chromium. `reset` makes it forget what the last test did."""

    driver: webdriver.Chrome
    width: int = DESKTOP[0]

    def command(self, name: str, **values: object) -> dict[str, Any]:
        return dict(self.driver.execute_cdp_cmd(name, values))

    def reset(self) -> None:
        self.driver.get(Path(__file__).as_uri())
        self.run("localStorage.clear()")
        self.command("Emulation.setTimezoneOverride", timezoneId="Europe/Berlin")
        self.size(DESKTOP)
        self.prefer("light")
        self.said()

    def size(self, size: tuple[int, int]) -> None:
        self.width, height = size
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=self.width, height=height, deviceScaleFactor=1, mobile=size == PHONE,
        )  # fmt: skip

    def prefer(self, scheme: str) -> None:
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, path: Path, fragment: str = "") -> None:
        self.driver.get(path.as_uri() + fragment)

    def scrolls_sideways(self) -> bool:
        """Whether the page is wider than the window. `innerWidth` does not tell: a phone zooms out until all fits."""
        return bool(self.run("return document.documentElement.scrollWidth > arguments[0]", self.width))

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, *arguments: object) -> Any:
        """Run a script that calls its last argument when it is done."""
        return self.driver.execute_async_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> Sequence[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.run(
            "return [...document.querySelectorAll(arguments[0])].map((element) => element.textContent)", selector
        )
        return found

    def press(self, key: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(key).perform()

    def said(self) -> list[str]:
        """What the console got since the last call: errors of scripts, refused loads, violated policies."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def picture(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot")["data"]))


@contextmanager
def open_browser(chromium: str, chromedriver: str) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


ENTER = Keys.ENTER
TAB = Keys.TAB
