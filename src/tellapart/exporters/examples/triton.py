"""Asks a running server: python example.py [--json] PICTURE... (it listens on port 8000)."""

import json
import os
import urllib.request

from pictures import asked, read, tell

server = os.environ.get("SERVER", "http://localhost:8000")

for path in asked:
    pixels = read(path)
    image = {"name": "image", "datatype": "UINT8", "shape": pixels.shape}
    question = {
        "inputs": [{**image, "data": pixels.ravel().tolist()}],
        "outputs": [{"name": "scores"}],
    }
    request = urllib.request.Request(
        f"{server}/v2/models/tellapart/infer", json.dumps(question).encode()
    )
    with urllib.request.urlopen(request) as answer:
        scores = json.load(answer)["outputs"][0]["data"]
    tell(path, scores)
