"""Takes the picture of a report that README.md may show: PAGE.html PICTURE.png."""

import io
import sys
import time
from pathlib import Path

from PIL import Image

from chromium import open_chromium, set_screen

COLOURS = 96  # enough for a calm page, at a third of the bytes


def main(page: str, picture: str) -> None:
    """Write the top of a page, with its players, as it looks on a desk."""
    browser = open_chromium(Path(picture).parent.resolve())
    set_screen(browser, 1100, 1040)
    browser.get(Path(page).resolve().as_uri())
    browser.execute_script("choose(2); deck.player.seek(12)")
    time.sleep(5)  # for the spectrogram
    taken = Image.open(io.BytesIO(browser.get_screenshot_as_png()))
    browser.quit()
    taken.convert("RGB").quantize(COLOURS).save(picture, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
