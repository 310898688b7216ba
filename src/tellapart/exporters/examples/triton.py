"""Asks a running server: python example.py [--json] PICTURE... (it listens on port 8000)."""

import json
import os
import sys
import urllib.request

import numpy as np
from PIL import Image, ImageOps


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


server = os.environ.get("SERVER", "http://localhost:8000")
labels = open("labels.txt", encoding="utf-8").read().splitlines()

for path in (argument for argument in sys.argv[1:] if argument != "--json"):
    pixels = read(path)
    image = {"name": "image", "datatype": "UINT8", "shape": pixels.shape}
    question = {
        "inputs": [{**image, "data": pixels.ravel().tolist()}],
        "outputs": [{"name": "scores"}],
    }
    request = urllib.request.Request(
        f"{server}/v2/models/tellapart/infer", json.dumps(question).encode()
    )
    with urllib.request.urlopen(request) as answer:
        scores = json.load(answer)["outputs"][0]["data"]
    ranked = sorted(zip(labels, scores), key=lambda row: -row[1])
    if "--json" in sys.argv:
        print(json.dumps({"path": path, "scores": dict(ranked)}))
    else:
        for label, score in ranked:
            print(f"{label} (score = {score:.5f})")
