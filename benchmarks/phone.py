"""Draws pictures as phones make them: JPEGs of 12 megapixels, held upright and stored lying.

Pictures below a folder are enlarged, and get the noise of a sensor. The other benchmarks run it:
`phone.py FOLDER OUTPUT COUNT`. Each has a content of its own, and lies at
`OUTPUT/<label>/<number>.jpg` with the label of the folder it is from.
"""

from __future__ import annotations

import io
import sys
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

SIDES = (4032, 3024)
DISTINCT = 40  # drawn; the others are their copies, with a number after the end of the data
_NOISE = 5.0  # of 255
_ORIENTATION, _QUARTER = 0x0112, 6  # to be turned to the right


def phone_picture(path: Path, noise: np.ndarray) -> bytes:
    """A JPEG of `SIDES` in the colours of 4:2:0, as most phones write them."""
    with Image.open(path) as image:
        large = image.convert("RGB").resize(SIDES, Image.Resampling.BICUBIC)
    noisy = np.asarray(large, np.float32) + noise
    exif = Image.Exif()
    exif[_ORIENTATION] = _QUARTER
    stream = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(
        stream, "JPEG", quality=90, subsampling="4:2:0", exif=exif
    )
    return stream.getvalue()


def main(folder: Path, output: Path, count: int) -> None:
    paths = sorted(path for path in folder.rglob("*.*") if path.is_file())
    some = paths[:: max(1, len(paths) // min(count, DISTINCT))][:DISTINCT]
    noise = np.random.default_rng(0).normal(0, _NOISE, (*SIDES[::-1], 1)).astype(np.float32)
    drawn = [(path.parent.name, phone_picture(path, noise)) for path in some]
    for number, (label, content) in enumerate(islice(cycle(drawn), count)):
        (output / label).mkdir(parents=True, exist_ok=True)
        (output / label / f"{number:04}.jpg").write_bytes(content + f"{number}".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
