"""A headless Chromium for the tests of pages: opened from files, with a console that can be read.

It knows how to start the browser and how to look like a phone or like the night; not what a page shows.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest

REQUIRE = "TINYGRAD_EDU_REQUIRE_BROWSER"
PHONE = (380, 760)
# Nothing of it may reach for the network: no updates, no sync, no background requests.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


def missing() -> list[str]:
    """List what a test of a page needs and this machine does not have."""
    absent = [program for program in ("chromium", "chromedriver") if which(program) is None]
    return absent + ([] if find_spec("selenium") else ["selenium"])


def require_browser() -> None:
    """Skip the test where there is no browser; fail it where the environment says that there must be one."""
    if absent := missing():
        (pytest.fail if os.environ.get(REQUIRE) else pytest.skip)(f"not installed: {', '.join(absent)}")


@contextmanager
def browser(width: int = 1200, height: int = 900, *, dark: bool = False) -> Iterator[Any]:
    """Start a Chromium with a profile of its own, and end it; the block gets selenium's driver.

    Skips the test where Chromium, chromedriver or selenium is not installed, unless the environment variable
    ``TINYGRAD_EDU_REQUIRE_BROWSER`` is set. Starting takes a second or two: share one among the tests of a file by a
    fixture with ``scope="module"`` around it.

        @pytest.fixture(scope="module")
        def chromium():
            with browser() as driver:
                yield driver
    """
    require_browser()
    webdriver: Any = importlib.import_module("selenium.webdriver")
    service: Any = importlib.import_module("selenium.webdriver.chrome.service")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = which("chromium")
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=service.Service(which("chromedriver")))
        try:
            look(driver, width, height, dark=dark)
            yield driver
        finally:
            driver.quit()


def look(driver: Any, width: int = 1200, height: int = 900, *, dark: bool = False, phone: bool = False) -> None:
    """Give the page a size in CSS pixels, and a light or a dark surrounding; ``phone``: touch, no hover."""
    # Not the window's size: a window is at least 500 pixels wide, a phone is not.
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def open_file(driver: Any, path: Path) -> None:
    """Open a file as a double click on it does, after emptying the console of what stood there before."""
    driver.get_log("browser")
    driver.get(path.resolve().as_uri())


def console(driver: Any) -> list[str]:
    """Return the warnings and errors of the console since it was read last."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]


def wider_than_the_page(driver: Any) -> list[str]:
    """Name the elements that stick out of the page's width, so that a reader would have to scroll sideways."""
    found: list[str] = driver.execute_script(
        """
        const width = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= width) { return []; }
        return Array.from(document.body.querySelectorAll("*"))
            .filter((element) => element.getBoundingClientRect().right > width + 0.5)
            .map((element) => element.tagName + "#" + element.id + "." + element.getAttribute("class"));
        """
    )
    return found
