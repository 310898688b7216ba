"""Runs retrained_graph.pb as programs of 2016 did: python example.py [--json] PICTURE...

A JPEG goes in as its bytes; anything else is decoded by Pillow and goes in as pixels.
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow.compat.v1 as tf
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
graph = tf.GraphDef()
graph.ParseFromString(open("retrained_graph.pb", "rb").read())
with tf.Graph().as_default():
    tf.import_graph_def(graph, name="")
    session = tf.Session()

for path in (argument for argument in sys.argv[1:] if argument != "--json"):
    if Image.open(path).format == "JPEG":
        feed: dict[str, object] = {"DecodeJpeg/contents:0": open(path, "rb").read()}
    else:
        feed = {"DecodeJpeg:0": read(path)[0]}
    scores = session.run("final_result:0", feed)
    ranked = sorted(zip(labels, scores[0].tolist()), key=lambda row: -row[1])
    if "--json" in sys.argv:
        print(json.dumps({"path": path, "scores": dict(ranked)}))
    else:
        for label, score in ranked:
            print(f"{label} (score = {score:.5f})")
