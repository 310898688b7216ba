"""Runs model.onnx with onnxruntime alone: python example.py [--json] PICTURE..."""

import onnxruntime
from pictures import asked, read, tell

session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])

for path in asked:
    (scores,) = session.run(["scores"], {"image": read(path)})
    tell(path, scores[0])
