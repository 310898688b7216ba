"""Runs model.tflite with ai-edge-litert alone: python example.py [--json] PICTURE...

An input called crop_224 is the central square of the picture, resized to 224 x 224 pixels; one
called squash_260 is the whole picture, made square.
"""

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from pictures import asked, read, tell
from PIL import Image


def square_of(picture: np.ndarray, size: int) -> np.ndarray:
    """Pixels [1, size, size, 3] of [height, width, 3]: bicubic, rounded once, as the model does.

    In floating point: on whole numbers Pillow rounds after each of its two passes.
    """
    planes = [Image.fromarray(np.float32(picture[..., colour])) for colour in range(3)]
    resized = [plane.resize((size, size), Image.Resampling.BICUBIC) for plane in planes]
    square = np.stack([np.asarray(plane) for plane in resized], axis=-1)
    pixels: np.ndarray = np.clip(np.rint(square), 0, 255).astype(np.uint8)[None]
    return pixels


interpreter = Interpreter("model.tflite")
interpreter.allocate_tensors()

for path in asked:
    whole = read(path)[0]
    height, width, _ = whole.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    seen = {"squash": whole, "crop": whole[top : top + side, left : left + side]}
    for detail in interpreter.get_input_details():
        geometry, size = detail["name"].split("_")
        interpreter.set_tensor(detail["index"], square_of(seen[geometry], int(size)))
    interpreter.invoke()
    scores = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    tell(path, scores[0])
