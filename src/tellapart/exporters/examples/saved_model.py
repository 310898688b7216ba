"""Runs model/1 with TensorFlow alone: python example.py [--json] PICTURE...

A JPEG goes in as its bytes; anything else is decoded by Pillow and goes in as pixels.
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf
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


labels = open("labels.txt", encoding="utf-8").read().splitlines()
model = tf.saved_model.load("model/1")

for path in (argument for argument in sys.argv[1:] if argument != "--json"):
    if Image.open(path).format == "JPEG":
        encoded = tf.constant([open(path, "rb").read()])
        answer = model.signatures["encoded"](encoded=encoded)
    else:
        answer = model.signatures["pixels_uint8"](pixels=tf.constant(read(path)))
    ranked = sorted(zip(labels, answer["scores"][0].numpy().tolist()), key=lambda row: -row[1])
    if "--json" in sys.argv:
        print(json.dumps({"path": path, "scores": dict(ranked)}))
    else:
        for label, score in ranked:
            print(f"{label} (score = {score:.5f})")
