"""Runs model.tflite with ai-edge-litert alone: python example.py [--json] PICTURE...

An input called crop_224 is the central square of the picture, resized to 224 x 224 pixels; one
called squash_260 is the whole picture, made square.
"""

import json
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

labels = open("labels.txt", encoding="utf-8").read().splitlines()
interpreter = Interpreter("model.tflite")
interpreter.allocate_tensors()

for path in (argument for argument in sys.argv[1:] if argument != "--json"):
    picture = Image.open(path)
    picture.draft(None, (520, 520))  # a big JPEG is decoded at a smaller scale
    layer = ImageOps.exif_transpose(picture).convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")  # what is transparent is laid on white
    whole = Image.alpha_composite(white, layer).convert("RGB")
    side = min(whole.size)
    left, top = (whole.width - side) // 2, (whole.height - side) // 2
    seen = {"squash": whole, "crop": whole.crop((left, top, left + side, top + side))}
    for detail in interpreter.get_input_details():
        geometry, size = detail["name"].split("_")
        square = seen[geometry].resize((int(size), int(size)), Image.Resampling.BICUBIC)
        interpreter.set_tensor(detail["index"], np.asarray(square, np.uint8)[None])
    interpreter.invoke()
    scores = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    ranked = sorted(zip(labels, scores[0].tolist()), key=lambda row: -row[1])
    if "--json" in sys.argv:
        print(json.dumps({"path": path, "scores": dict(ranked)}))
    else:
        for label, score in ranked:
            print(f"{label} (score = {score:.5f})")
