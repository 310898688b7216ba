"""How soon the bars follow a stroke on a picture in the studio, in Chromium, and how much is sent.

A studio with a model of the demo's pictures, quality `good` unless another is asked for, and three
pictures: the demo's dress from behind, one of 640 x 480, and one of 12 megapixels. On each so many
strokes of ten moves are painted with the mouse, here and there, with brush, eraser and blur in
turn. From letting go of the button to the moment when the bars have changed: median and 95th
percentile. "Bare" is the median of `predict` on the same pixels in this process, in the same
minute. "Saved" is the largest difference between the scores that the page showed in the end and
those of the picture that it saved, read back from the file.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from measure import arguments, machine, print_table
from PIL import Image

import tellapart
from tellapart.demo.walk import draw_demo
from tellapart.images.decode import read_picture

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from studio import Opened, browser, page_of, studio

HEADS = ("picture", "median ms", "95 %", "bare ms", "strokes", "kB sent", "saved")
WATCH = """
() => {
  window.times = [];
  let begin = 0;
  addEventListener("pointerdown", () => (begin = 0), true);
  addEventListener("pointerup", ({target}) => {
    if (target.closest(".canvas")) begin = performance.now();
  }, true);
  new MutationObserver(() => {
    if (!begin) return;
    times.push(performance.now() - begin);
    begin = 0;
  }).observe(document.querySelector(".scores"), {subtree: true, attributes: true, childList: true});
}
"""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quality", default="good")
    parser.add_argument("--strokes", type=int, default=60)
    given = parser.parse_args()
    with machine():
        print_table(HEADS, measured(given.quality, given.strokes))


def measured(quality: str, strokes: int) -> list[tuple[str, ...]]:
    """A row for each picture."""
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as scratch:
        demo = draw_demo(Path(scratch) / "demo")
        folder = Path(scratch) / "photos"
        shutil.copytree(demo.photos, folder)
        dress = next(path for path in demo.hard if path.name == "dress-from-behind-3.jpg")
        shutil.copy(dress, folder / "dress.jpg")
        with Image.open(dress) as image:
            image.resize((640, 480)).save(folder / "vga.jpg")
            image.resize((4000, 3000)).save(folder / "large.jpg")
        with studio(folder, "--quality", quality) as opened, browser() as chromium:
            opened.wait(lambda state: state["training"].get("value") is not None)
            classifier = tellapart.train(folder, quality=quality).classifier
            for name in ("dress.jpg", "vga.jpg", "large.jpg"):
                page = page_of(chromium, opened.link, viewport={"width": 1280, "height": 800})
                times, sent, shown = painted(page, opened, name, strokes)
                pixels = read_picture(folder / name)
                bare = median(seconds(classifier, pixels) for _ in range(20))
                saved = classifier.predict(folder / f"{Path(name).stem}-made.png").scores
                rows.append(
                    (
                        f"{name}, {quality}",
                        f"{median(times):.0f}",
                        f"{quantiles(times, n=20)[-1]:.0f}",
                        f"{1000 * bare:.0f}",
                        str(len(times)),
                        f"{median(sent) / 1000:.0f}",
                        f"{max(abs(saved[label] - shown[label]) for label in shown):.6f}",
                    )
                )
                page.close()
    return rows


def painted(
    page: Any, opened: Opened, name: str, strokes: int
) -> tuple[list[float], list[int], dict[str, float]]:
    """Milliseconds of each stroke, bytes of each request, and the scores that stand in the end,
    when the picture is saved on the heap."""
    number = opened.pictures()[name]["id"]
    sent: list[int] = []

    def note(request: Any) -> None:
        if "/answer" in request.url:
            sent.append(int(request.headers.get("content-length") or len(request.post_data_buffer)))

    page.on("request", note)
    page.goto(f"{opened.address}/#/why/{number}")
    sheet = page.get_by_role("application")
    sheet.wait_for()
    page.locator(".canvas canvas[width]").wait_for()
    page.evaluate(WATCH)
    box, lot = sheet.bounding_box(), random.Random(1)
    for at in range(strokes):
        tool = ("Brush", "Eraser: brings the picture back", "Blur")[at % 3]
        page.get_by_role("button", name=tool, exact=True).click()
        page.get_by_label("Colour", exact=True).fill(f"#{lot.randrange(2**24):06x}")
        x = box["x"] + lot.uniform(0.1, 0.8) * box["width"]
        y = box["y"] + lot.uniform(0.1, 0.8) * box["height"]
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(10):
            page.mouse.move(x + 4 * step, y + 3 * step)
        page.mouse.up()
        page.wait_for_timeout(400)
    page.wait_for_timeout(1000)
    shown = {
        one.get_attribute("aria-label"): float(one.get_attribute("aria-valuenow")) / 100
        for one in page.get_by_role("meter").all()
    }
    page.get_by_role("combobox", name="Label").select_option("")
    page.get_by_role("button", name="Save as a new picture").click()
    page.get_by_text("Saved as").wait_for()
    return page.evaluate("times"), sent, shown


def seconds(classifier: tellapart.Classifier, pixels: Any) -> float:
    begin = time.perf_counter()
    classifier.predict(pixels)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
