"""Runs model.keras with Keras alone: python example.py [--json] PICTURE..."""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
from PIL import Image, ImageOps

labels = open("labels.txt", encoding="utf-8").read().splitlines()
model = keras.saving.load_model("model.keras")

for path in (argument for argument in sys.argv[1:] if argument != "--json"):
    picture = Image.open(path)
    picture.draft(None, (520, 520))  # a big JPEG is decoded at a smaller scale
    layer = ImageOps.exif_transpose(picture).convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")  # what is transparent is laid on white
    pixels = np.asarray(Image.alpha_composite(white, layer).convert("RGB"))
    scores = keras.ops.convert_to_numpy(model(pixels[None]))
    ranked = sorted(zip(labels, scores[0].tolist()), key=lambda row: -row[1])
    if "--json" in sys.argv:
        print(json.dumps({"path": path, "scores": dict(ranked)}))
    else:
        for label, score in ranked:
            print(f"{label} (score = {score:.5f})")
