"""Frames that are dropped while 10,000 pictures are scrolled in the studio, as Chromium's tracing
counts them.

The pictures are drawn, of ten labels. Beside each figure is that of a page with nothing in it that
is as high and scrolls in a box as large: without a graphics card, that is what the machine itself
drops. Both take turns, and each figure is the median of the runs. A frame is dropped if something
had to be drawn and nothing was, or too late. `ms` is what the page's own thread worked for each
frame, in its own time, which others on the machine do not add to: at 60 a second it has 16.7.
`first` is over pictures whose small copies have still to be made; all others are over those that
have them.

    python benchmarks/studio_scroll.py [--pictures 10000] [--runs 3]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from measure import arguments, machine, print_table
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from studio import Opened, browser, page_of, studio  # noqa: E402

SECONDS = 2.5  # of each run
JUMPS = 10  # a second, of the scrollbar
KEYS = 30  # a second, as of a key that is held
VIEW = {"width": 1280, "height": 800}
CATEGORY = "disabled-by-default-devtools.timeline.frame"
EMPTY = """([width, height, inside]) => {
    document.body.innerHTML = "<div class=grid tabindex=0><div></div></div>";
    const box = document.querySelector(".grid");
    box.style = `width: ${width}px; height: ${height}px; overflow: hidden auto`;
    const stripes = "repeating-linear-gradient(#888, #fff 99px)"; // else nothing would be drawn
    box.firstChild.style = `height: ${inside}px; background: ${stripes}`;
}"""
JUMPING = """([seconds, jumps]) => new Promise((done) => {
    const box = document.querySelector(".grid");
    let left = seconds * jumps;
    const clock = setInterval(() => {
        box.scrollTop = ((left * 0.618) % 1) * (box.scrollHeight - box.clientHeight);
        if (--left <= 0) done(clearInterval(clock));
    }, 1000 / jumps);
})"""


@dataclass(frozen=True)
class Scene:
    """A way to scroll; `begin` is the share of the whole height where a run begins."""

    name: str
    act: Callable[[Any, Any], None]
    begin: Callable[[int], float] = lambda run: 0.0


@dataclass(frozen=True)
class Frames:
    """How many had to be drawn, the share of those dropped, and what one took."""

    count: int
    dropped: float
    milliseconds: float


def wheel(speed: int) -> Callable[[Any, Any], None]:
    def act(page: Any, protocol: Any) -> None:
        box = page.locator(".grid").bounding_box()
        gesture = {
            "x": box["x"] + box["width"] / 2,
            "y": box["y"] + box["height"] / 2,
            "yDistance": -speed * SECONDS,
            "speed": speed,
            "gestureSourceType": "mouse",
            "preventFling": True,
        }
        protocol.send("Input.synthesizeScrollGesture", gesture)

    return act


def page_down(page: Any, protocol: Any) -> None:
    page.locator(".grid [role=listbox][tabindex='0'], .grid[tabindex]").first.focus()
    key = {"type": "rawKeyDown", "key": "PageDown", "code": "PageDown", "windowsVirtualKeyCode": 34}
    end = time.monotonic() + SECONDS
    repeated = False
    while time.monotonic() < end:
        protocol.send("Input.dispatchKeyEvent", {**key, "autoRepeat": repeated})
        repeated = True
        page.wait_for_timeout(1000 / KEYS)
    protocol.send("Input.dispatchKeyEvent", {**key, "type": "keyUp"})


def jump(page: Any, protocol: Any) -> None:
    page.evaluate(JUMPING, [SECONDS, JUMPS])


SCENES = (
    Scene("wheel, 3,000 pixels a second, first", wheel(3000), lambda run: 0.1 + 0.3 * run),
    Scene("wheel, 1,000 pixels a second", wheel(1000), lambda run: 0.1 + 0.3 * run),
    Scene("wheel, 3,000 pixels a second", wheel(3000), lambda run: 0.1 + 0.3 * run),
    Scene("wheel, 10,000 pixels a second", wheel(10000)),
    Scene("Page Down held", page_down),
    Scene("scrollbar, 10 jumps a second", jump),
)


def main() -> None:
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--pictures", type=int, default=10000)
    asked = parser.parse_args()
    with machine(), tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = str(Path(scratch) / "cache")
        photos = Path(scratch) / "photos"
        draw(photos, asked.pictures)
        with studio(photos) as opened, browser() as chromium:
            opened.ask("/api/training/stop", {})
            full = page_of(chromium, opened.link, viewport=VIEW)
            empty = _empty_like(full, chromium)
            rows = []
            for scene in SCENES:
                found: dict[Any, list[Frames]] = {full: [], empty: []}
                for run in range(asked.runs):
                    for page in (full, empty):
                        found[page].append(frames_of(page, scene, run))
                    _rest(opened)
                rows.append((scene.name, *_summed(found[full]), *_summed(found[empty])))
            heads = ("scrolled", "frames", "dropped", "ms")
            print_table((*heads, *(f"{head}, empty" for head in heads[1:])), rows)


def draw(folder: Path, count: int) -> None:
    """Small pictures of ten labels, each of its own colours."""
    random = np.random.default_rng(0)
    for number in range(count):
        label = folder / f"label {number % 10}"
        label.mkdir(parents=True, exist_ok=True)
        colours = random.integers(0, 256, (3, 4, 3), dtype=np.uint8)
        picture = Image.fromarray(colours).resize((160, 120), Image.Resampling.BILINEAR)
        picture.save(label / f"{number:05}.jpg", quality=80)


def _empty_like(full: Any, chromium: Any) -> Any:
    full.locator(".tile").first.wait_for()
    box = full.evaluate(
        "(({ clientWidth, clientHeight, scrollHeight }) => [clientWidth, clientHeight, "
        "scrollHeight])(document.querySelector('.grid'))"
    )
    page = chromium.new_context(viewport=VIEW).new_page()
    page.evaluate(EMPTY, box)
    return page


def _rest(opened: Opened) -> None:
    """Training that has begun after all would be measured."""
    if opened.state()["training"]["doing"]:
        opened.ask("/api/training/stop", {})
        opened.wait(lambda state: not state["training"]["doing"])


def frames_of(page: Any, scene: Scene, run: int) -> Frames:
    """What became of the frames while a page was scrolled."""
    page.bring_to_front()
    page.evaluate(
        "(at) => { const box = document.querySelector('.grid'); "
        "box.scrollTop = at * box.scrollHeight }",
        scene.begin(run),
    )
    page.wait_for_timeout(500)
    protocol = page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    over: list[object] = []
    protocol.send("Performance.enable", {"timeDomain": "threadTicks"})
    protocol.on("Tracing.dataCollected", lambda told: events.extend(told["value"]))
    protocol.on("Tracing.tracingComplete", lambda told: over.append(told))
    traced = {"includedCategories": [CATEGORY], "excludedCategories": ["*"]}
    protocol.send("Tracing.start", {"traceConfig": traced, "transferMode": "ReportEvents"})
    before = _worked(protocol)
    scene.act(page, protocol)
    worked = _worked(protocol) - before
    protocol.send("Tracing.end")
    while not over:
        page.wait_for_timeout(20)
    protocol.detach()
    states: dict[tuple[int, int], set[str]] = {}
    for one in events:  # a frame has two reports where its pictures came later
        if one["name"] == "PipelineReporter" and (told := one["args"].get("frame_reporter")):
            states.setdefault((one["pid"], told["frame_sequence"]), set()).add(told["state"])
    drawn = [of - {"STATE_NO_UPDATE_DESIRED"} for of in states.values()]
    count = sum(bool(of) for of in drawn)
    dropped = sum("STATE_DROPPED" in of for of in drawn)
    return Frames(count, dropped / max(1, count), 1000 * worked / max(1, count))


def _worked(protocol: Any) -> float:
    """Seconds that the page's thread has worked."""
    metrics = protocol.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def _summed(runs: list[Frames]) -> tuple[str, str, str]:
    return (
        f"{median(one.count for one in runs):.0f}",
        f"{median(one.dropped for one in runs):.1%}",
        f"{median(one.milliseconds for one in runs):.1f}",
    )


if __name__ == "__main__":
    main()
