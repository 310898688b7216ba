"""The studio's story in Chromium, step by step: seconds, and the keys and clicks that each took.

A person made of code, who knows what each of the demo's pictures shows, tells the story that
tests/story.py holds: by mouse, by keys alone, and by a finger on a page of 390 pixels; the
seconds hold all waiting, above all for training, quality `fast`, and nothing of what a person would
need to look and think. A letter is a key, and so are a Tab and an arrow; a stroke that is painted,
or a folder's worth of files that is dropped, is one click.

The second table is how soon the page is interactive: milliseconds from opening it, with nothing
cached, until the first pictures stand in the grid and a click would be heard; and until they are
seen. All pictures are of one label, so that nothing is trained meanwhile.

    python benchmarks/studio_story.py [--runs 5] [--pictures 200 10000]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from measure import arguments, machine, print_table
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from hands import Finger, Hand, Keys, Mouse, until
from story import FLAGS, NARROW, WIDE, Step, Story, lay_out, tell
from studio import browser, page_of, studio
from tellapart.demo.walk import DemoPictures, draw_demo

HANDS: tuple[tuple[type[Hand], dict[str, Any]], ...] = (
    (Mouse, WIDE),
    (Keys, WIDE),
    (Finger, NARROW),
)
HEAP = 60  # pictures

# When the page would hear a click on a picture, and when the first pictures are seen.
WATCH = """
    window.interactive = window.seen = 0;
    const look = () => {
        const tiles = [...document.querySelectorAll("main[aria-busy=false] [role=option]")];
        const images = tiles.map((one) => one.querySelector("img"));
        if (tiles.length && !window.interactive) setTimeout(() => {
            window.interactive ||= performance.now();
        });
        if (images.some((one) => one?.naturalWidth)) window.seen = performance.now();
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
"""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pictures", type=int, nargs="+", default=[200, 10_000])
    asked = parser.parse_args()
    with machine(), tempfile.TemporaryDirectory() as scratch:
        demo = draw_demo(Path(scratch) / "demo", pictures=HEAP)
        told = [_told(demo, Path(scratch) / kind.__name__, kind, seen) for kind, seen in HANDS]
        totals = [Step("all", *_sums(steps)) for steps in told]
        rows = [_row(steps) for steps in (*zip(*told, strict=True), totals)]
        mouse, keys, finger = (f"{who} s" for who in ("mouse", "keys alone", "finger"))
        heads = ["step", mouse, "keys", "clicks", keys, "keys", finger, "keys", "touches"]
        print_table(heads, rows)
        print()
        heads = ["pictures", "interactive ms", "slowest", "seen ms", "slowest"]
        print_table(
            heads,
            [_opened(Path(scratch) / f"{count}", count, asked.runs) for count in asked.pictures],
        )


def _sums(steps: Sequence[Step]) -> tuple[float, int, int]:
    return (
        sum(one.seconds for one in steps),
        sum(one.keys for one in steps),
        sum(one.clicks for one in steps),
    )


def _row(steps: Sequence[Step]) -> list[str]:
    """One step by mouse, by keys, which click nothing, and by finger."""
    cells = [(f"{one.seconds:.1f}", str(one.keys), str(one.clicks)) for one in steps]
    mouse, keys, finger = cells
    return [steps[0].name, *mouse, *keys[:2], *finger]


def _told(demo: DemoPictures, place: Path, kind: type[Hand], seen: dict[str, Any]) -> list[Step]:
    scene = lay_out(demo, place, HEAP)
    film = f"--use-file-for-fake-video-capture={scene.film}"
    with studio(scene.folder) as opened, browser(*FLAGS, film) as chromium:
        page = page_of(chromium, opened.link, **seen)
        story = Story(opened, page, kind(page), scene)
        tell(story)
        return story.steps


def _opened(folder: Path, count: int, runs: int) -> list[str]:
    lot = np.random.default_rng(count)
    (folder / "leaf").mkdir(parents=True)
    for number in range(count):
        coarse = lot.integers(0, 256, (5, 7, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC)
        picture.save(folder / "leaf" / f"{number:05d}.jpg")
    times = []
    with studio(folder) as opened, browser() as chromium:
        for _ in range(runs):
            context = chromium.new_context(**WIDE)
            context.add_init_script(WATCH)
            page = context.new_page()
            page.goto(opened.link)
            until(page, lambda: page.evaluate("window.seen"))  # noqa: B023
            times.append(page.evaluate("[window.interactive, window.seen]"))
            context.close()
    columns = [*zip(*times, strict=True)]
    cells = [f"{of(column):.0f}" for column in columns for of in (median, max)]
    return [f"{count:,}", *cells]


if __name__ == "__main__":
    main()
