"""Does to a picture what PhotoPrism does, and asks its model: python example.py [--json] PICTURE...

PhotoPrism shows a label where its score is at least 20 %, and none where the highest is
"none of these".
"""

import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # or onnxruntime reports to its maker
try:
    import onnxruntime
    from photoprism_feed import on_black, thumbnail
    from pictures import asked, labels, read, tell
except ImportError as missing:
    sys.exit(f"A package is missing ({missing}): pip install onnxruntime numpy pillow")

session = onnxruntime.InferenceSession(
    "models/tellapart/tellapart.onnx", providers=["CPUExecutionProvider"]
)
labels.append("none of these")  # which PhotoPrism knows as "background", and ignores

for path in asked:
    square = on_black(thumbnail(read(path)[0]))
    (scores,) = session.run(["probabilities"], {"input": square})
    tell(path, scores[0])
