"""The studio's webcam: answers a second, and what a frame costs by form and size.

In a real browser with a fake camera. The first table is what the page itself reaches on the demo's
pictures with each quality, which is at most what it allows itself, and what it could have had if it
asked again at once. The second is of the test pictures of a set (flowers by default) before a
camera of 640 x 480: frames in several forms and sizes, in turns, the milliseconds to write one and
to have its answer, and how far the largest score moves from that of the whole frame without loss.
`--quality` is that of the second table's model.
"""

from __future__ import annotations

import base64
import io
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

from measure import arguments, machine, print_table
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from studio import Opened, browser, studio  # noqa: E402
from tellapart.demo.walk import draw_demo  # noqa: E402

FORMS = ("png", "webp", "raw", "jpeg")
SIDES = (240, 300, 360, 480)
FLAGS = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")

ASK = """async ({ pictures, sides, forms }) => {
    const frames = await import("/page/parts/frames.js");
    const blob = (canvas, ...how) => new Promise((done) => canvas.toBlob(done, ...how));
    // A bitmap whose pixels are as the canvas has them: a header, and nothing to convert.
    const bitmap = ({ width, height, data }) => {
        const file = new Uint8Array(122 + data.length);
        const view = new DataView(file.buffer);
        view.setUint16(0, 0x424d);
        const words = { 2: file.length, 10: 122, 14: 108, 18: width, 22: -height, 30: 3,
            34: data.length, 54: 0xff, 58: 0xff00, 62: 0xff0000, 66: 0xff000000 };
        for (const [at, value] of Object.entries(words)) view.setInt32(Number(at), value, true);
        view.setUint16(26, 1, true);
        view.setUint16(28, 32, true);
        file.set(data, 122);
        return new Blob([file]);
    };
    const write = {
        png: (canvas) => blob(canvas, "image/png"),
        webp: (canvas) => blob(canvas, "image/webp", 1), // Chromium writes it without loss
        raw: ({ width, height, brush }) => bitmap(brush.getImageData(0, 0, width, height)),
        jpeg: (canvas) => blob(canvas, "image/jpeg", frames.QUALITY),
    };
    const ask = async (body) => (await fetch("/api/guess", { method: "POST", body })).json();
    const drawn = (source, height) => {
        const canvas = document.createElement("canvas");
        canvas.height = height;
        canvas.width = Math.round(height * 4 / 3);
        const brush = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
        const scale = Math.max(canvas.width / source.width, height / source.height);
        const [width, tall] = [source.width * scale, source.height * scale];
        canvas.brush = brush;
        brush.drawImage(source, (canvas.width - width) / 2, (height - tall) / 2, width, tall);
        return canvas;
    };
    const rows = [];
    for (const picture of pictures) {
        const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes]));
        const frame = drawn(image, 480);
        const whole = await ask(await write.png(frame));
        for (const side of sides) {
            const small = side === 480 ? frame : drawn(frame, side);
            for (const form of forms) {
                const begun = performance.now();
                const body = await write[form](small);
                const written = performance.now();
                const answer = await ask(body);
                const moved = Object.keys(whole.scores).map((label) =>
                    Math.abs(answer.scores[label] - whole.scores[label]));
                rows.push({ side, form, write: written - begun, ask: performance.now() - written,
                    bytes: body.size, moved: Math.max(...moved), same: answer.label === whole.label
                        && answer.unknown === whole.unknown });
            }
        }
    }
    return rows;
}"""

RACE = """async (seconds) => {
    const { frameOf, open, close } = await import("/page/parts/camera.js");
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = await open("");
    await video.play();
    const end = performance.now() + 1000 * seconds;
    let count = 0;
    for (; performance.now() < end; count++) {
        const { blob } = await frameOf(video);
        await (await fetch("/api/guess", { method: "POST", body: blob })).json();
    }
    close(video.srcObject);
    return count / seconds;
}"""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--set", default="flowers", help="of the second table, in the data")
    parser.add_argument("--quality", default="fast", help="of the second table")
    parser.add_argument("--pictures", type=int, default=30, help="of the second table")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each figure of the first")
    asked = parser.parse_args()
    with machine(), tempfile.TemporaryDirectory() as scratch:
        demo = draw_demo(Path(scratch) / "demo")
        film = Path(scratch) / "film.mjpeg"
        film.write_bytes(_film(sorted(demo.kept_back.rglob("*.jpg"))))
        with browser(*FLAGS, f"--use-file-for-fake-video-capture={film}") as chromium:
            rows = []
            for quality in ("fast", "good"):
                photos = Path(shutil.copytree(demo.photos, Path(scratch) / quality))
                with studio(photos, "--quality", quality) as opened:
                    rows.append((quality, *_live(_page(chromium, opened), asked.seconds)))
            print_table(("quality", "answers a second", "at once", "ms a frame"), rows)
            print()
            photos = Path(
                shutil.copytree(asked.data / asked.set / "train", Path(scratch) / "photos")
            )
            pictures = sorted((asked.data / asked.set / "test").glob("*/*"))
            some = pictures[:: max(1, len(pictures) // asked.pictures)]
            with studio(photos, "--quality", asked.quality) as opened:
                found = _page(chromium, opened).evaluate(
                    ASK,
                    {
                        "pictures": [base64.b64encode(one.read_bytes()).decode() for one in some],
                        "sides": SIDES,
                        "forms": FORMS,
                    },
                )
            print_table(
                ("side", "form", "kB", "ms write", "ms ask", "ms", "moved", "most", "same"),
                [_summed(found, side, form) for side in SIDES for form in FORMS],
            )


def _film(pictures: list[Path]) -> bytes:
    film = io.BytesIO()
    for path in pictures:
        with Image.open(path) as picture:
            frame = io.BytesIO()
            picture.convert("RGB").resize((640, 480)).save(frame, "JPEG", quality=92)
        film.write(frame.getvalue() * 10)
    return film.getvalue()


def _page(chromium: Any, opened: Opened) -> Any:
    """The page, with the model trained."""
    opened.wait(lambda state: state["training"].get("value") is not None)
    page = chromium.new_page()
    page.goto(opened.link)
    page.goto(f"{opened.address}/#/test")
    return page


def _live(page: Any, seconds: float) -> tuple[str, str, str]:
    """Answers a second that the page has and that it could have, and milliseconds of these."""
    answers = 0

    def count(response: Any) -> None:
        nonlocal answers
        answers += "/api/guess" in response.url

    webcam = page.get_by_role("button", name="Webcam")
    webcam.click()
    page.get_by_role("meter").first.wait_for()
    page.on("response", count)
    begun = time.monotonic()
    page.wait_for_timeout(1000 * seconds)
    had = answers / (time.monotonic() - begun)
    webcam.click()
    most = page.evaluate(RACE, seconds)
    page.context.close()
    return f"{had:.1f}", f"{most:.1f}", f"{1000 / most:.1f}"


def _summed(found: list[dict[str, Any]], side: int, form: str) -> tuple[str, ...]:
    of = [one for one in found if (one["side"], one["form"]) == (side, form)]
    write, ask = (median(one[key] for one in of) for key in ("write", "ask"))
    moved = [one["moved"] for one in of]
    return (
        str(side),
        form,
        f"{median(one['bytes'] for one in of) / 1000:.0f}",
        f"{write:.1f}",
        f"{ask:.1f}",
        f"{write + ask:.1f}",
        f"{mean(moved):.4f}",
        f"{max(moved):.4f}",
        f"{sum(one['same'] for one in of)} of {len(of)}",
    )


if __name__ == "__main__":
    main()
