"""Pictures drawn for the tests, one network for all of them, and a cache that is nobody's."""

from __future__ import annotations

import gc
import io
import os
import random
import signal
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

# One thread for numpy, as on the command line: processes that test side by side have a core each,
# and its threads would wait for one another many times longer than they work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image
from typer.main import get_command

import tellapart
from tellapart.backbones.graph import Network
from tellapart.backbones.rows import BACKBONES, Trunk
from tellapart.demo.walk import DemoPictures, draw_demo

# The same examples in every run, as long as they need, and nothing left in the folder.
settings.register_profile("tellapart", deadline=None, derandomize=True, database=None)
settings.register_profile("quick", settings.get_profile("tellapart"), max_examples=25)

SHARED = Path(__file__).parents[2] / "shared" / "data"

HEADER_DAMAGED = "damaged: its header cannot be read"
CUT_SHORT = "cut short: the end of the file is missing"
LIMITS = "the limits are 30000 a side and 179 million in all"
SAVE_AS = "which cannot be read: save it as JPEG or PNG first"


def pytest_configure(config: pytest.Config) -> None:
    """Laws are tried on fewer examples where the slow tests are left out; garbage is searched for
    less often than is usual, as tests make little of it and keep much."""
    gc.set_threshold(50_000, 20, 20)
    quick = config.option.markexpr == "not slow"
    settings.load_profile("quick" if quick else "tellapart")


LONGEST = (
    *("training", "export", "cli", "report_page", "explain", "bad_input", "quality_auto"),
    *("export_web", "doctests", "sorting", "fix", "replacing", "studio_label", "studio_story"),
    *("head", "add", "studio_why", "studio_webcam", "studio_folder", "serve_running", "graph"),
    *("watch", "interrupted", "portable", "nothing_sent", "studio_collect", "studio_share"),
    *("predict_to", "sweep", "studio_mend", "studio_safety", "studio_test", "studio_train"),
    *("occasions", "docstrings", "sound", "collect", "in_python", "decisions", "embeddings"),
    *("foreign", "serve_doors", "check", "layers", "serve_safety"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that none is left for one process at the end."""
    place = {f"test_{name}": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def pytest_collection_finish() -> None:
    """Thousands of tests are there until the end: no search for garbage needs to look at them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All caches of this run lie in one temporary folder; the user's own is never touched."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELLAPART_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """No test takes the power away, so nothing is synced here; what commands write in processes of
    their own is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # which refuses what is no file too
        yield


@pytest.fixture(scope="session", autouse=True)
def commands_are_built_once() -> Iterator[None]:
    """Commands called in this process share what typer reads from their functions: all of them are
    read before any is called, which takes longer than many a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", cache(get_command), raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def heard_signals() -> None:
    """Processes that tests start hear Ctrl-C, even if a shell started the tests with `&`, and that
    a terminal closes, even if they were started with `nohup`: else they wait till their limit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hung_up = getattr(signal, "SIGHUP", None)  # which Windows has not
    if hung_up is not None and signal.getsignal(hung_up) is signal.SIG_IGN:
        signal.signal(hung_up, lambda number, frame: None)  # ours alone


@pytest.fixture(scope="session")
def heroes(tmp_path_factory: pytest.TempPathFactory) -> DemoPictures:
    """The demo's pictures, 30 a label to train on. Read them, and write nothing beside them."""
    return draw_demo(tmp_path_factory.mktemp("heroes") / "demo", pictures=60)


@pytest.fixture(scope="session")
def served(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of them, quality `fast`, in a folder called heroes. Read it; copy it to change it."""
    folder = tmp_path_factory.mktemp("served") / "heroes"
    tellapart.train(heroes.photos, quality="fast").save(folder)
    return folder


@pytest.fixture(scope="session")
def trunks() -> dict[str, Trunk]:
    """The two trunks that every installation has."""
    return {name: BACKBONES[name].trunk() for name in ("lite0", "lite2")}


@pytest.fixture(scope="session")
def network(trunks: dict[str, Trunk]) -> Network:
    """The quickest network there is."""
    return Network("fast", (trunks["lite0"],), ("crop",))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real pictures, which are not part of this repository."""
    if not SHARED.is_dir():
        pytest.skip(f"the real pictures are not in {SHARED}")
    return SHARED


@pytest.fixture
def draw_folder(tmp_path: Path) -> Callable[..., Path]:
    """A function that draws `count` small pictures into each label's folder below a root."""

    def draw(counts: dict[str, int], root: Path = tmp_path / "photos") -> Path:
        for number, (label, count) in enumerate(counts.items()):
            folder = root / label
            folder.mkdir(parents=True)
            for index in range(count):
                picture = draw_scene(width=24 + index, height=20, seed=1000 * number + index)
                picture.save(folder / f"{index:03d}.png")
        return root

    return draw


def tried(count: int) -> int:
    """`count` examples of a law that needs another number than the usual; where the slow tests are
    left out, as much less as of all laws."""
    return max(10, count * settings().max_examples // 100)


def mostly_slow(values: Iterable[Any], quick: int) -> list[Any]:
    """Values for `parametrize` of which the first `quick` are tried every time, and the others
    with the slow tests: for moments, widths and seeds, which are all of one kind."""
    every = list(values)
    several = [value if isinstance(value, tuple) else (value,) for value in every[quick:]]
    slow = [pytest.param(*values, marks=pytest.mark.slow) for values in several]
    return [*every[:quick], *slow]


def draw_scene(width: int = 96, height: int = 64, seed: int = 0) -> Image.Image:
    """A smooth picture that looks different mirrored or turned; each seed has its own colours."""
    lot = np.random.default_rng(seed)
    coarse = lot.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is of this size, and holds nothing."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def flipped(content: bytes, at: int) -> bytes:
    """The same bytes but for one."""
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.fixture(scope="session")
def broken_pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """Files each broken in one known way, with the reason that is to be given for each."""
    folder = tmp_path_factory.mktemp("broken")
    jpeg = encoded(draw_scene(), "JPEG")
    png = encoded(draw_scene())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.txt", "a")
    files: dict[str, tuple[bytes, str]] = {
        "empty.jpg": (b"", "an empty file"),
        "page.jpg": (b"\n<!DOCTYPE html><html></html>", "an HTML page saved as .jpg"),
        "page-with-mark.PNG": (b"\xef\xbb\xbf<html>", "an HTML page saved as .png"),
        "drawing.jpg": (
            b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
            "an SVG drawing saved as .jpg",
        ),
        "answer.jpeg": (b'<?xml version="1.0"?><Error/>', "an XML file saved as .jpeg"),
        "notes.jpg": (b"milk, bread\r\n", "a text file saved as .jpg"),
        "pointer.jpg": (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
            "a Git LFS pointer saved as .jpg",
        ),
        "archive.png": (archive.getvalue(), "a zip archive saved as .png"),
        "document.png": (b"%PDF-1.7\n", "a PDF document saved as .png"),
        "film.jpg": (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "a video saved as .jpg"),
        "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", CUT_SHORT),
        "phone.jpg": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", CUT_SHORT),
        "old.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", f"a JPEG 2000 picture, {SAVE_AS}"),
        "new.jxl": (b"\xff\x0a\xfa\x7f", f"a JPEG XL picture, {SAVE_AS}"),
        "site.ico": (b"\0\0\1\0\1\0\x10\x10", f"an icon (ICO), {SAVE_AS}"),
        "grey.pgm": (b"P5\n2 2\n255\n\0\1\2\3", f"a PPM/PGM picture, {SAVE_AS}"),
        "layers.psd": (b"8BPS\0\1", "a Photoshop file saved as .psd"),
        "random.jpg": (
            random.Random(0).randbytes(2000),
            "not a picture of a kind that can be read",
        ),
        "zeros.png": (bytes(4096), "not a picture of a kind that can be read"),
        "signature.jpg": (b"\xff\xd8\xff", HEADER_DAMAGED),
        "signature.png": (png[:8], HEADER_DAMAGED),
        "half.jpg": (jpeg[: len(jpeg) // 2], CUT_SHORT),
        "half.png": (png[: len(png) // 2], CUT_SHORT),
        "half.gif": (encoded(draw_scene(), "GIF")[:900], CUT_SHORT),
        "half.bmp": (encoded(draw_scene(), "BMP")[:900], CUT_SHORT),
        "broken-idat.png": (
            flipped(png, png.index(b"IDAT") + 6),
            "damaged: broken data stream when reading image file",
        ),
        "line.png": (
            encoded(Image.new("1", (60_000, 1))),
            f"too large: 60000 x 1 pixels; {LIMITS}",
        ),
        "line.jpg": (
            encoded(Image.new("L", (1, 60_000)), "JPEG"),
            f"too large: 1 x 60000 pixels; {LIMITS}",
        ),
        "large.png": (png_header(13_378, 13_378), f"too large: 13378 x 13378 pixels; {LIMITS}"),
        "bomb.png": (png_header(50_000, 50_000), f"too large: 50000 x 50000 pixels; {LIMITS}"),
        "bomb.gif": (
            encoded(Image.new("P", (2, 2)), "GIF").replace(b"\2\0\2\0", b"\xff\xff\xff\xff"),
            f"too large: 65535 x 65535 pixels; {LIMITS}",
        ),
    }
    reasons = {}
    for name, (content, reason) in files.items():
        (folder / name).write_bytes(content)
        reasons[folder / name] = reason
    return reasons
