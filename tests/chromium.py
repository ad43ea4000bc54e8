"""A headless Chromium, for the tests of pages and for their picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from accomptk.stems.render import find_program

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


def open_chromium(downloads: Path) -> "Chrome":
    """Debian's Chromium, which saves files to ``downloads``.

    Raises:
        MissingTool: If chromium or chromedriver is not installed.
    """
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = find_program("chromium")
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "hide-scrollbars"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(find_program("chromedriver")))
    save = {"behavior": "allow", "downloadPath": str(downloads)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", save)
    return browser


def set_screen(browser: "Chrome", width: int, height: int, density: float = 1) -> None:
    """A screen of that many CSS pixels; a narrow one is a phone's."""
    screen = {"width": width, "height": height, "deviceScaleFactor": density}
    screen["mobile"] = width < 600
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
