"""Large pictures are read in turns, in little memory, and give it back."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import draw_scene, encoded, png_header
from tellapart.errors import PictureError
from tellapart.images import budget
from tellapart.images.budget import SMALL, Budget, check_size, free_memory
from tellapart.images.decode import read_picture
from tellapart.images.opening import HUGE
from tellapart.images.strips import pixels_by_strips

pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")

MB = 2**20


@settings(max_examples=20)
@given(
    st.integers(40, 300),
    st.lists(st.integers(1, 400), min_size=1, max_size=12),
)
def test_what_is_in_use_stays_below_the_budget(limit: int, sizes: list[int]) -> None:
    shared = Budget(limit * MB)
    lock, now = threading.Lock(), [0, 0]  # bytes in use, threads at work
    wrong: list[str] = []

    def work(size: int) -> None:
        with shared.room(size * MB):
            with lock:
                now[0] += size if size * MB > SMALL else 0
                now[1] += 1 if size * MB > SMALL else 0
                if now[0] > limit and now[1] > 1:
                    wrong.append(f"{now[0]} of {limit} MB by {now[1]}")
            time.sleep(0.0005)
            with lock:
                now[0] -= size if size * MB > SMALL else 0
                now[1] -= 1 if size * MB > SMALL else 0

    threads = [threading.Thread(target=work, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads), "they wait for each other"
    assert wrong == []


def test_one_picture_always_goes_on_and_never_waits_for_itself() -> None:
    shared = Budget(1)
    with shared.room(2**40), shared.room(2**40):
        pass
    with pytest.raises(ZeroDivisionError), shared.room(2**40):
        _ = 1 / 0
    with shared.room(2**40):  # what failed has given back its room
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_does_not_wait_for_its_parent() -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with budget.BUDGET.room(2**40):
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    child = os.fork()
    if not child:
        with budget.BUDGET.room(2**40):
            os._exit(0)
    for _ in range(300):
        finished, status = os.waitpid(child, os.WNOHANG)
        if finished:
            break
        time.sleep(0.05)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
    done.set()
    thread.join()
    assert (finished, status) == (child, 0)


def test_memory_that_is_free_is_known() -> None:
    assert 64 * MB < free_memory() < 2**50


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16"])
def test_strips_are_the_whole(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = draw_scene(96, 64)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(scene.convert("L")).astype(np.uint16) * 257)
    else:
        picture = scene.convert(mode)
    if mode == "RGBA":
        picture.putalpha(scene.convert("L"))
    content = encoded(picture, "TIFF" if mode == "CMYK" else "PNG")
    whole = read_picture(content)
    monkeypatch.setattr("tellapart.images.strips.STRIP", 96 * 7)
    assert np.array_equal(read_picture(content), whole)


def test_a_reduced_picture_is_the_mean_of_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = draw_scene(101, 67)
    monkeypatch.setattr("tellapart.images.strips.STRIP", 101 * 9)
    pixels = pixels_by_strips(scene, lambda strip: strip, reduced=4)
    assert np.array_equal(pixels, np.asarray(scene.reduce(4)))


@pytest.mark.parametrize("size", [(30_001, 1), (1, 30_001), (13_378, 13_378), (29_999, 6_000)])
def test_the_limits_hold(size: tuple[int, int]) -> None:
    with pytest.raises(PictureError, match="too large"):
        check_size(*size)


def peak_of_reading(path: Path) -> tuple[float, float, list[int]]:
    """The memory in MB that reading takes at most and keeps, in a process of its own."""
    program = """
import resource, sys
from PIL import Image
Image.init()
from tellapart.images.decode import read_picture
import numpy, tellapart.images.budget
content = open(sys.argv[1], "rb").read()
def held():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6
before = held()
pixels = read_picture(content)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
shape = pixels.shape
del pixels
print(peak - before, held() - before, *shape)
"""
    # Its parent is a small process: on Linux a child's peak counts from that of its parent.
    starter = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]], check=True)"
    done = subprocess.run(
        [sys.executable, "-c", starter, "-W", "ignore", "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    peak, kept, *shape = done.stdout.split()
    return float(peak), float(kept), [int(side) for side in shape]


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is held")


def one_colour_gif(width: int, height: int) -> bytes:
    """A large picture in a small file."""
    file = io.BytesIO()
    image = Image.new("P", (width, height), 1)
    image.putpalette([0, 0, 0, 200, 30, 30])
    image.save(file, "GIF", transparency=0)
    return file.getvalue()


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF"])
def test_a_large_picture_takes_few_bytes_a_pixel_and_gives_them_back(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    side = 5000
    if kind == "GIF":
        path.write_bytes(one_colour_gif(side, side))
    else:
        Image.new("RGB", (side, side), (200, 30, 30)).save(
            path, kind, **({"compress_level": 1} if kind == "PNG" else {})
        )
    peak, kept, shape = peak_of_reading(path)
    assert shape == [625, 625, 3]
    bytes_a_pixel = peak * 1e6 / side**2
    assert bytes_a_pixel < (5.5 if kind == "GIF" else 8.5)
    assert kept < 12


@pytest.mark.slow
@needs_proc
def test_a_jpeg_of_108_megapixels_is_read_at_an_eighth(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (12_000, 9_000), (30, 120, 200)).save(path, quality=75)
    peak, kept, shape = peak_of_reading(path)
    assert shape == [563, 750, 3]
    assert peak < 60
    assert kept < 12
    assert np.abs(read_picture(path).reshape(-1, 3).mean(axis=0) - (30, 120, 200)).max() < 3


@pytest.mark.slow
def test_another_picture_above_the_old_limit_is_reduced() -> None:
    side = 9_460
    assert side * side > HUGE
    head = png_header(side, side)
    start = head.index(b"IDAT") - 4
    row = bytes(1 + 3 * side)
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    chunk = b"IDAT" + data
    content = head[:start] + len(data).to_bytes(4, "big") + chunk
    content += zlib.crc32(chunk).to_bytes(4, "big") + head[-12:]
    pixels = read_picture(content)
    assert pixels.shape == (592, 592, 3)
    assert not pixels.any()
