"""Takes the picture of a report that README.md shows: PAGE.html PICTURE.png."""

import sys
import time
from pathlib import Path

from chromium import open_chromium, set_screen


def main(page: str, picture: str) -> None:
    """Write the top of a page, with its players, as it looks on a desk."""
    browser = open_chromium(Path(picture).parent.resolve())
    set_screen(browser, 1100, 980)
    browser.get(Path(page).resolve().as_uri())
    browser.execute_script("choose(2); deck.player.seek(12)")
    time.sleep(5)  # for the spectrogram
    Path(picture).write_bytes(browser.get_screenshot_as_png())
    browser.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
