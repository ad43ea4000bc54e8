"""The pages as a listener has them: Chromium plays, seeks, switches and rates, without an error."""

import csv
import json
import time

import pytest

from accomptk.report.blind import build_test
from accomptk.report.gallery import Gallery
from accomptk.report.page import build_report
from chromium import open_chromium, set_screen
from eval_run import CONTEXT_HZ, HZ, SECONDS
from signals import RATE

pytestmark = pytest.mark.debian("ffmpeg", "chromium", "chromedriver")

PATIENCE_S = 30.0
VERSIONS = ("ground_truth", "codec", "teacher-K0", "teacher-K2", "a_style-K2")

# What is heard now: frequencies in Hz that stand out of what leaves the player.
HEAR = """
if (!window.meter) {
  window.meter = deck.player.audio.createAnalyser();
  window.meter.fftSize = 8192;
  window.meter.smoothingTimeConstant = 0;
  deck.player.output.connect(window.meter);
}
const levels = new Float32Array(window.meter.frequencyBinCount);
window.meter.getFloatFrequencyData(levels);
const bin_hz = deck.player.audio.sampleRate / window.meter.fftSize;
return [...levels.keys()]
  .filter((n) => levels[n] > -50 && levels[n] > levels[n - 1] && levels[n] >= levels[n + 1])
  .map((n) => n * bin_hz);
"""


@pytest.fixture(scope="module")
def pages(run, tmp_path_factory):
    """The report, and a listening test with its key."""
    folder, gallery = tmp_path_factory.mktemp("pages"), Gallery.open(run)
    blind, key = build_test(gallery, 2, 0, 12e6, lambda done, total: None)
    texts = {
        "report.html": build_report(gallery, 12e6, lambda done, total: None),
        "blind.html": blind,
        "key.json": key,
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def chromium(pages):
    """One browser for all tests, which saves files beside the pages."""
    browser = open_chromium(pages)
    yield browser
    browser.quit()


class Visit:
    """A page in the browser, and what a listener does there."""

    def __init__(self, browser, page):
        self.browser = browser
        browser.get(page.as_uri())

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def text(self, selector):
        return self.find(selector).text

    def click(self, selector):
        self.browser.execute_script("arguments[0].focus()", self.find("body"))
        self.find(selector).click()

    def press(self, *keys):
        for key in keys:
            self.find("body").send_keys(key)

    @property
    def position(self):
        return self.browser.execute_script("return deck.player.position")

    def wait(self, what, *, until):
        """Until something holds; pages on a busy machine take their time."""
        end = time.monotonic() + PATIENCE_S
        while not until(found := what()):
            assert time.monotonic() < end, found
            time.sleep(0.05)

    def hears(self, *versions):
        """Wait until exactly these tones come out."""
        wanted = sorted({"context": CONTEXT_HZ, **HZ}[version] for version in versions)
        self.wait(
            lambda: sorted(self.browser.execute_script(HEAR)),
            until=lambda found: found == pytest.approx(wanted, abs=8),
        )


@pytest.fixture
def visit(chromium):
    """Opens a page at desk width; no test may leave a message on the console."""
    set_screen(chromium, 1200, 900)
    chromium.get_log("browser")
    yield lambda page: Visit(chromium, page)
    assert chromium.get_log("browser") == []


@pytest.fixture
def report(visit, pages):
    return visit(pages / "report.html")


def play_long(page):
    """Play from the start, over and over, so that a slow machine does not run out of song."""
    page.browser.execute_script(
        "new MutationObserver(() => deck.player.play())"
        ".observe(document.getElementById('deck'), { attributeFilter: ['data-state'] })"
    )
    page.click("#play")


def test_it_plays_and_pauses(report):
    report.click("#play")
    report.wait(lambda: report.position, until=lambda position: position > 0.3)
    assert report.find("#play").get_attribute("aria-label") == "Pause"
    report.press(" ")
    report.wait(lambda: report.find("#deck").get_attribute("data-state"), until="paused".__eq__)
    at = report.position
    assert report.text("#clock") == report.browser.execute_script("return clock(arguments[0])", at)
    assert float(report.find("#seek").get_property("value")) == pytest.approx(at, abs=0.02)
    assert report.position == at


def test_each_version_alone_and_in_the_mix(report):
    play_long(report)
    report.hears("context", "ground_truth")
    report.press("4")
    report.hears("context", "teacher-K2")
    assert report.text("#chosen") == "teacher, K = 2"
    report.press("a")
    report.hears("teacher-K2")
    for index, version in enumerate(VERSIONS, start=1):
        report.press(str(index))
        report.hears(version)
    report.press("c")
    report.hears("context")
    report.press("m")
    report.hears("context", VERSIONS[-1])


def test_all_voices_are_at_the_same_position_to_the_sample(report):
    report.click("#play")
    zeros = report.browser.execute_async_script(
        """
        const done = arguments[0];
        const zeros = [];  // the audio clock's time at which each source would be at its start
        const start = AudioBufferSourceNode.prototype.start;
        AudioBufferSourceNode.prototype.start = function (when, offset) {
          zeros.push(when - offset);
          return start.call(this, when, offset);
        };
        deck.player.seek(1)
          .then(() => deck.player.play())
          .then(() => choose(3))
          .then(() => choose(1))
          .then(() => done(zeros));
        """
    )
    assert len(zeros) == 4  # context and take, then two other takes
    assert max(zeros) - min(zeros) < 1 / RATE


def test_seeking_by_pointer_slider_and_keys(report):
    ruler = report.find("#ruler")
    report.browser.execute_script(
        """
        const { left, width, top } = arguments[0].getBoundingClientRect();
        const place = { clientX: left + width / 2, clientY: top + 5, bubbles: true, button: 0 };
        arguments[0].dispatchEvent(new PointerEvent("pointerdown", place));
        """,
        ruler,
    )
    assert report.position == pytest.approx(SECONDS / 2, abs=0.05)
    report.press("\ue012")  # arrow left
    assert report.position == pytest.approx(SECONDS / 2 - 2, abs=0.05)
    report.press("\ue014", "\ue014")  # arrow right, twice
    assert report.position == pytest.approx(SECONDS / 2 + 2, abs=0.05)
    report.press("\ue011")  # home
    assert report.position == 0
    report.browser.execute_script(
        "const seek = arguments[0]; seek.value = 4; seek.dispatchEvent(new Event('input'))",
        report.find("#seek"),
    )
    assert report.text("#clock") == "0:04.0"
    report.find("#seek").send_keys("\ue012")
    assert report.position == pytest.approx(2, abs=0.05)
    at = report.browser.execute_script(
        "return getComputedStyle(document.getElementById('playhead')).left"
    )
    assert float(at.removesuffix("px")) > 0


def test_it_stops_at_the_end(report):
    report.click("#play")
    states = report.browser.execute_async_script(
        """
        const [seconds, done] = arguments;
        const node = document.getElementById("deck");
        deck.player.seek(seconds - 0.5).then(() => deck.player.play()).then(() => {
          const before = node.dataset.state;
          const ended = () => done([before, node.dataset.state, deck.player.position]);
          new MutationObserver(ended).observe(node, { attributeFilter: ["data-state"] });
        });
        """,
        SECONDS,
    )
    assert states == ["playing", "paused", 0]


def test_another_part_and_song_keep_the_version(report):
    report.press("5")
    report.click("#parts button:nth-child(2)")
    assert report.text("#chosen") == "a_style, K = 2"
    assert [button.text for button in report.all("#parts button")] == ["drums", "bass"]
    report.click("#songs button:nth-child(2)")
    assert report.text("#songs [aria-pressed=true]") == "slow two"
    assert [button.text for button in report.all("#parts button")] == ["bass"]
    assert report.text("#prompt") == "slow two, </script> & quiet · two"


def test_pictures_are_drawn(report):
    inked = """
        const canvas = arguments[0];
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return data.filter((value, index) => index % 4 === 3 && value > 0).length;
    """
    canvases = report.all("#timeline canvas")
    assert len(canvases) == 3 + len(VERSIONS)
    for canvas in canvases:
        report.wait(
            lambda canvas=canvas: report.browser.execute_script(inked, canvas),
            until=lambda count: count > 100,
        )


def test_headings_sort_best_first(report):
    def column():
        return [row.text for row in report.all("[data-group=all] tbody th")]

    original = column()
    heading = "[data-group=all] th[data-best=high] button"
    report.click(heading)
    assert column()[:3] == ["ground truth", "truth through the codec", "teacher, K = 2"]
    assert report.all("[data-group=all] th[aria-sort=descending]")
    report.click(heading)
    assert column()[0] == "another song"
    report.click(heading)
    assert column() == original


def test_tables_by_instrument(report):
    assert [table.is_displayed() for table in report.all("[data-group]")] == [True, False, False]
    report.click("[name=group][value=bass]")
    assert [table.is_displayed() for table in report.all("[data-group]")] == [False, False, True]


def test_dark_and_light(report):
    def paper():
        return report.find("html").value_of_css_property("background-color")

    found = {paper()}
    report.click("#theme")
    found.add(paper())
    assert len(found) == 2
    report.click("#theme")
    assert paper() in found
    assert report.find("html").get_attribute("data-theme") in ("dark", "light")


@pytest.mark.parametrize("name", ["report.html", "blind.html"])
def test_a_phone_shows_all_of_it(visit, pages, chromium, name):
    page = visit(pages / name)
    set_screen(chromium, 390, 844, density=2)
    wide = "return [document.documentElement.scrollWidth, window.innerWidth]"
    assert chromium.execute_script(wide) == [390, 390]
    buttons = [*page.all("button"), *page.all(".pill")]
    sizes = [button.size for button in buttons if button.is_displayed()]
    assert min(min(size["width"], size["height"]) for size in sizes) >= 24


def test_every_control_has_a_name(report):
    nameless = """
        return [...document.querySelectorAll("button, input, canvas, svg, [tabindex]")]
          .filter((node) => !node.closest("[aria-hidden]") && node.checkVisibility())
          .filter((node) => !node.ariaLabel && !node.textContent.trim())
          .filter((node) => !node.labels?.[0]?.textContent.trim())
          .map((node) => node.outerHTML)
    """
    assert report.browser.execute_script(nameless) == []


def test_a_listening_test_from_start_to_file(visit, pages):
    page, key = visit(pages / "blind.html"), json.loads((pages / "key.json").read_text())
    page.browser.execute_script("localStorage.clear()")
    play_long(page)
    page.click("[name=mode][value=alone]")
    page.press("2")
    page.hears(key["trials"][0]["versions"]["2"])
    rate = """
        document.querySelectorAll("#versions [type=range]").forEach((slider, place) => {
          slider.value = 10 * place + arguments[0];
          slider.dispatchEvent(new Event("input"));
        });
    """
    assert page.find("#next").get_property("disabled")
    for trial in range(2):
        assert page.text("#progress") == f"Trial {trial + 1} of 2"
        assert not page.find("#export").is_displayed()
        page.browser.execute_script(rate, trial)
        if trial == 0:
            page.click("#next")
    page.find("#listener").send_keys('Ann, "A" 1')
    page.click("#json")
    page.click("#csv")
    saved = pages / f"ratings-{key['test']}.json"
    page.wait(saved.with_suffix(".csv").exists, until=bool)
    page.wait(saved.exists, until=bool)
    ratings = json.loads(saved.read_text())
    assert len(ratings) == 2 * len(HZ)
    assert ratings[7] == {
        **{"test": key["test"], "listener": 'Ann, "A" 1'},
        **{"trial": 2, "version": 2, "rating": 11},
    }
    with saved.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows == [{name: str(value) for name, value in rating.items()} for rating in ratings]
