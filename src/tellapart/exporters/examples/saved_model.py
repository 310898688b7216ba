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

labels = open("labels.txt", encoding="utf-8").read().splitlines()
model = tf.saved_model.load("model/1")

for path in (argument for argument in sys.argv[1:] if argument != "--json"):
    picture = Image.open(path)
    if picture.format == "JPEG":
        encoded = tf.constant([open(path, "rb").read()])
        answer = model.signatures["encoded"](encoded=encoded)
    else:
        layer = ImageOps.exif_transpose(picture).convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        pixels = np.asarray(Image.alpha_composite(white, layer).convert("RGB"), np.float32)
        answer = model.signatures["pixels"](pixels=tf.constant(pixels[None]))
    ranked = sorted(zip(labels, answer["scores"][0].numpy().tolist()), key=lambda row: -row[1])
    if "--json" in sys.argv:
        print(json.dumps({"path": path, "scores": dict(ranked)}))
    else:
        for label, score in ranked:
            print(f"{label} (score = {score:.5f})")
