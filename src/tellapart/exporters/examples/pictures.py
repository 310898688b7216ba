"""What the program beside this file needs: pictures as the model reads them, and its answers."""

import json
import sys
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageOps

asked = [argument for argument in sys.argv[1:] if argument != "--json"]
labels = open("labels.txt", encoding="utf-8").read().splitlines()


def read(path: str) -> np.ndarray:
    """Pixels [1, height, width, 3]: upright, on white, of a big JPEG at a reduced size."""
    picture: Image.Image = Image.open(path)
    picture.draft(None, (520, 520))
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16 bits
        picture = Image.fromarray(np.rint(np.asarray(picture) / 257).astype(np.uint8))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB"), dtype=np.uint8)[None]


def tell(path: str, scores: Iterable[float]) -> None:
    """Print a picture's scores, the highest first; with --json as one object."""
    ranked = sorted(zip(labels, map(float, scores)), key=lambda row: -row[1])
    if "--json" in sys.argv:
        print(json.dumps({"path": path, "scores": dict(ranked)}))
    else:
        for label, score in ranked:
            print(f"{label} (score = {score:.5f})")
