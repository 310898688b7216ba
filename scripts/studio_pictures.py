"""Pictures of the studio in every state, by a real browser on the demo's drawn pictures.

    python scripts/studio_pictures.py DIR [--only NAME ...]    # all, as PNG, to be looked at
    python scripts/studio_pictures.py --docs                   # those that docs/studio/ keeps

Each state is a scene: which folder the studio is opened on, and what is done in the page until
there is something to be seen. A scene is taken wide and as on a phone, and some in the dark too.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image, ImageEnhance, ImageOps
from studio_scenes import Scene, gone, scenes

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from conftest import draw_scene
from studio import browser, page_of, studio
from tellapart.demo.playing import draw_to_play
from tellapart.demo.walk import LABELS, DemoPictures, draw_demo

DOCS = Path(__file__).parents[1] / "docs" / "studio"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
QUEEN = "009.jpg"
MANY = 5_000
SETTLED = 700  # milliseconds until pictures are there and nothing moves


def folders(made: Path, wanted: set[str]) -> dict[str, Path]:
    """The folders that scenes ask for, each called `photos`; beside them what is tested."""
    demo = draw_demo(made / "demo")
    shutil.copy(demo.kept_back / "ice_queen" / QUEEN, made / "queen.jpg")
    draw_scene(640, 480, seed=5).save(made / "stranger.jpg")
    made_by = {
        "empty": _empty,
        "one": _one,
        "play": _play,
        "full": _full,
        "heap": _heap,
        "many": _many,
    }
    found = {name: made / name / "photos" for name in made_by if name in wanted}
    for name, folder in found.items():
        folder.parent.mkdir()
        made_by[name](demo, folder)
    return found


def _empty(_: DemoPictures, folder: Path) -> None:
    folder.mkdir()


def _one(demo: DemoPictures, folder: Path) -> None:
    (folder / "dark_knight").mkdir(parents=True)
    for path in sorted((demo.photos / "dark_knight").iterdir())[:14]:
        shutil.copy(path, folder / "dark_knight")


def _play(_: DemoPictures, folder: Path) -> None:
    draw_to_play(folder)


def _full(demo: DemoPictures, folder: Path) -> None:
    """All labelled but a few, one of them wrongly and one twice, and some kept for testing."""
    shutil.copytree(demo.photos, folder)
    knights, queens = (sorted((folder / label).iterdir()) for label in LABELS)
    for number, path in enumerate(chain(*zip(knights[-7:], queens[-7:], strict=True)), 1):
        path.rename(folder / f"IMG_{number:04d}.jpg")
    knights[3].rename(folder / "ice_queen" / "IMG_0815.jpg")
    shutil.copy(queens[1], folder / "ice_queen" / "IMG_4711.jpg")
    shutil.copytree(demo.kept_back, folder / "test")


def _heap(demo: DemoPictures, folder: Path) -> None:
    folder.mkdir()
    paths = sorted(demo.photos.rglob("*.jpg"))
    Random(2016).shuffle(paths)
    for number, path in enumerate(paths, 1):
        shutil.copy(path, folder / f"IMG_{number:04d}.jpg")


def _many(demo: DemoPictures, folder: Path) -> None:
    """The demo's pictures again and again, each a little other than all others."""
    lot = Random(2016)
    for number, path in enumerate(islice(cycle(sorted(demo.photos.rglob("*.jpg"))), MANY)):
        place = folder / path.parent.name if number % 10 else folder
        place.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as opened:
            image = ImageOps.mirror(opened) if lot.random() < 0.5 else opened.copy()
        trim = [lot.randrange(16) for _ in range(4)]
        image = image.crop((trim[0], trim[1], image.width - trim[2], image.height - trim[3]))
        ImageEnhance.Brightness(image).enhance(lot.uniform(0.8, 1.2)).save(
            place / f"{number:05d}.jpg", quality=85
        )


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    name: str
    size: dict[str, int]
    scheme: str = "light"


LOOKS = (
    Look("wide", WIDE),
    Look("phone", PHONE),
    Look("dark", WIDE, "dark"),
    Look("phone-dark", PHONE, "dark"),
)


def taken(asked: Sequence[tuple[Scene, Look]], made: Path) -> Iterator[tuple[str, Image.Image]]:
    """Each scene as it looks, with its name; a studio is opened on each folder once for them all,
    but for those that end it."""
    places = folders(made, {scene.folder for scene, _ in asked})
    film = f"--use-file-for-fake-video-capture={_film(made)}"
    fake = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", film)
    with browser(*fake) as chromium:
        for name, folder in places.items():
            own = [one for one in asked if one[0].folder == name]
            some = [one for one in own if one[0].act is not gone]
            for group in (some, *([one] for one in own if one[0].act is gone)):
                yield from _in_one(chromium, folder, group)


def _in_one(
    chromium: Any, folder: Path, group: Sequence[tuple[Scene, Look]]
) -> Iterator[tuple[str, Image.Image]]:
    with studio(folder) as opened:
        if folder.parent.name in ("play", "full"):
            opened.wait(lambda state: state["training"].get("value") is not None)
            opened.wait(lambda state: not state["training"].get("doing"))
        for scene, look in group:
            phone = look.size is PHONE
            page = page_of(
                chromium,
                opened.link,
                viewport=look.size,
                color_scheme=look.scheme,
                has_touch=phone,
                is_mobile=phone,
                reduced_motion="reduce",
            )
            page.goto(f"{opened.address}/#/{scene.at}")
            name = scene.name if look is LOOKS[0] else f"{scene.name}-{look.name}"
            try:
                scene.act(page, opened)
            except Exception as error:  # it is looked at all the same, to see what is there
                print(f"{name}: {error}", file=sys.stderr)
            page.wait_for_timeout(SETTLED)
            yield name, Image.open(io.BytesIO(page.screenshot()))
            page.context.close()


def _film(made: Path) -> Path:
    """A film of the demo's pictures, as the browser's camera shows it."""
    film = made / "film.mjpeg"
    with film.open("wb") as stream, Image.open(made / "queen.jpg") as image:
        frame = ImageOps.fit(image.convert("RGB"), (640, 480))
        for _ in range(30):
            frame.save(stream, "JPEG", quality=90)
    return film


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=DOCS)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--only", nargs="+", default=[])
    given = parser.parse_args()
    if given.docs is (given.folder is not DOCS):
        parser.error("name a folder, or say --docs")
    given.folder.mkdir(parents=True, exist_ok=True)

    def looks(scene: Scene) -> Sequence[Look]:
        if given.docs:
            return [one for one in LOOKS if one.name in scene.docs]
        return LOOKS if scene.dark else LOOKS[:2]

    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        asked = [one for one in scenes(made) if not given.only or one.name in given.only]
        for name, image in taken([(one, look) for one in asked for look in looks(one)], made):
            if given.docs:
                image.convert("RGB").save(given.folder / f"{name}.webp", quality=82, method=6)
            else:
                image.save(given.folder / f"{name}.png")


if __name__ == "__main__":
    main()
