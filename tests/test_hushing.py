"""A program that reads pictures prints what it prints itself: nothing of Pillow's or a codec's."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import encoded
from tellapart.errors import PictureError
from tellapart.images.decode import read_picture
from tellapart.images.hushing import hushed

SCRIPT = """
import sys, threading
from tellapart.errors import PictureError
from tellapart.images.decode import read_picture

def look():
    for path in sys.argv[1:]:
        try:
            read_picture(path)
        except PictureError:
            pass

threads = [threading.Thread(target=look) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def talkative(folder: Path) -> list[Path]:
    """Pictures that Pillow warns of, or that libtiff complains of on file 2."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    fax = encoded(Image.fromarray(noise).convert("1"), "TIFF", compression="group4")
    lzw = encoded(Image.fromarray(noise), "TIFF", compression="tiff_lzw")
    bad_exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"
    files = {
        "fax.tif": fax[:200] + bytes(255 - b for b in fax[200:300]) + fax[300:],
        "lzw.tif": lzw[:200] + bytes(300) + lzw[500:],
        "exif.jpg": encoded(Image.new("RGB", (8, 8)), "JPEG", exif=bad_exif),
        "cut.tif": fax[: len(fax) // 2],
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def said(script: str, *paths: Path) -> str:
    """All that a fresh Python prints, of warnings too."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("PYTHONWARNINGS", None)
    command = [sys.executable, "-X", "dev", "-W", "ignore::ResourceWarning", "-c", script]
    run = subprocess.run(
        [*command, *map(str, paths)], capture_output=True, text=True, env=environment, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


def test_nothing_is_printed_while_pictures_are_read(tmp_path: Path) -> None:
    paths = talkative(tmp_path)
    loud = "import sys\nfrom PIL import Image\n" + (
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        with Image.open(path) as image:\n"
        "            image.getexif(); image.load()\n"
        "    except Exception: pass\n"
    )
    assert said(loud, *paths)  # or this test would show nothing
    assert said(SCRIPT, *paths) == ""


def test_nothing_is_printed_of_real_odd_files(shared_data: Path) -> None:
    assert said(SCRIPT, *sorted((shared_data / "odd").iterdir())) == ""


def test_warnings_that_are_errors_refuse_no_picture(tmp_path: Path) -> None:
    path = talkative(tmp_path)[2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(path).shape == (8, 8, 3)


def test_filters_of_warnings_are_left_as_they_were() -> None:
    before = list(warnings.filters)
    with hushed(), hushed():
        assert len(warnings.filters) == len(before) + 1
    assert list(warnings.filters) == before
    with pytest.raises(PictureError):
        read_picture(io.BytesIO(b"II*\0"))
    assert list(warnings.filters) == before


def test_threads_leave_the_filters_as_they_were() -> None:
    before = list(warnings.filters)
    content = encoded(Image.new("RGB", (8, 8)), "TIFF")
    threads = [
        threading.Thread(target=lambda: [read_picture(content) for _ in range(50)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_forks_while_it_reads_can_read_on() -> None:
    script = """
import os, threading
from tellapart.images import hushing
with hushing.hushed():
    hushing._lock.acquire()
    child = os.fork()
    if not child:
        with hushing.hushed():
            pass
        os._exit(7)
    hushing._lock.release()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert said(script).strip() == "7"
