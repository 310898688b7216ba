"""Runs model.onnx with onnxruntime alone: python example.py [--json] PICTURE..."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # or onnxruntime reports to its maker
import onnxruntime
from pictures import asked, read, tell

session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])

for path in asked:
    (scores,) = session.run(["scores"], {"image": read(path)})
    tell(path, scores[0])
