"""What the program beside this file needs: pictures as the model reads them, and its answers."""

import json
import sys
from collections.abc import Iterable

import numpy as np
from images.colour import eight_bits, profile_of, to_srgb
from images.orientation import load, upright
from images.transparency import on_white, transparent_colour, with_transparent
from PIL import Image

asked = [argument for argument in sys.argv[1:] if argument != "--json"]
labels = open("labels.txt", encoding="utf-8").read().splitlines()


def read(path: str) -> np.ndarray:
    """Pixels [1, height, width, 3]: upright, in sRGB, on white, of a big JPEG at a reduced size."""
    picture: Image.Image = Image.open(path)
    picture.draft(None, (520, 520))
    profile, transparent = profile_of(picture), transparent_colour(picture)
    load(picture)
    picture = upright(with_transparent(picture, transparent))
    in_srgb = eight_bits if picture.mode.startswith("I") else to_srgb
    return np.asarray(on_white(in_srgb(picture, profile)), dtype=np.uint8)[None]


def jpeg(path: str) -> bytes:
    """The bytes of a JPEG in sRGB, which needs no more than to be decoded; of no other picture."""
    picture = Image.open(path)
    wanted = picture.format in ("JPEG", "MPO") and not profile_of(picture)
    return open(path, "rb").read() if wanted else b""


def tell(path: str, scores: Iterable[float]) -> None:
    """Print a picture's scores, the highest first; with --json as one object."""
    ranked = sorted(zip(labels, map(float, scores)), key=lambda row: -row[1])
    if "--json" in sys.argv:
        print(json.dumps({"path": path, "scores": dict(ranked)}))
    else:
        for label, score in ranked:
            print(f"{label} (score = {score:.5f})")
