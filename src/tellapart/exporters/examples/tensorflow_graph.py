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

labels = open("labels.txt", encoding="utf-8").read().splitlines()
graph = tf.GraphDef()
graph.ParseFromString(open("retrained_graph.pb", "rb").read())
with tf.Graph().as_default():
    tf.import_graph_def(graph, name="")
    session = tf.Session()

for path in (argument for argument in sys.argv[1:] if argument != "--json"):
    picture = Image.open(path)
    if picture.format == "JPEG":
        feed: dict[str, object] = {"DecodeJpeg/contents:0": open(path, "rb").read()}
    else:
        layer = ImageOps.exif_transpose(picture).convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        flat = Image.alpha_composite(white, layer).convert("RGB")
        feed = {"DecodeJpeg:0": np.asarray(flat)}
    scores = session.run("final_result:0", feed)
    ranked = sorted(zip(labels, scores[0].tolist()), key=lambda row: -row[1])
    if "--json" in sys.argv:
        print(json.dumps({"path": path, "scores": dict(ranked)}))
    else:
        for label, score in ranked:
            print(f"{label} (score = {score:.5f})")
