"""Does to a picture what Frigate 0.17 does: python example.py [--json] PICTURE...

The picture stands for the part of a camera's frame that Frigate cuts out: with the shape of the
crop where a state is classified, square around a tracked object. It is run with ai-edge-litert, as
Frigate runs it.
"""

import sys

try:
    import numpy as np
    import pictures
    from ai_edge_litert.interpreter import Interpreter
    from frigate_feed import squashed
except ImportError as missing:
    sys.exit(f"A package is missing ({missing}): pip install ai-edge-litert numpy pillow")

pictures.ENOUGH = 2**31  # a picture is not read smaller: Frigate does not smooth
pictures.labels[:] = open("labelmap.txt", encoding="utf-8").read().splitlines()

interpreter = Interpreter(model_path="model.tflite", num_threads=2)
interpreter.allocate_tensors()
tensor_input_details = interpreter.get_input_details()
tensor_output_details = interpreter.get_output_details()

for path in pictures.asked:
    resized_frame = squashed(pictures.read(path)[0], 224)  # cv2.resize(frame, (224, 224))
    interpreter.set_tensor(tensor_input_details[0]["index"], np.expand_dims(resized_frame, axis=0))
    interpreter.invoke()
    res = interpreter.get_tensor(tensor_output_details[0]["index"])[0]
    pictures.tell(path, res / res.sum(axis=0))
