"""The floor under serving: pictures a second of decoding and ONNX Runtime in a bare loop.

Each file is in memory. Pillow decodes it, and the whole model is run on its pixels; nothing is
checked, resized outside the model or written down. On one thread, on one thread a core, on one
thread with the runtime's own threads (its default), and in batches of 8 of pictures that were
decoded and resized beforehand, against the same one by one. Prints JSON; `serving.py` runs it.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tellapart.backbones.runtime import onnxruntime, open_session
from tellapart.workers.local import cores

BATCH = 8
OUTPUTS = ["scores", "novelty"]


def decoded(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def timed(work: Callable[[float], int], seconds: float) -> dict[str, float]:
    """Pictures a second, and milliseconds of processor time for each."""
    wall, cpu = time.perf_counter(), time.process_time()
    count = work(wall + seconds)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"rate": count / wall, "cpu_ms": 1000 * cpu / count}


def main() -> None:
    model, folder, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    content = (model / "model.onnx").read_bytes()
    pictures = [path.read_bytes() for path in sorted(folder.iterdir())]
    one = open_session(content)

    def loop(session: Any, until: float, start: int = 0) -> int:
        for count, picture in enumerate(islice(cycle(pictures), start, None), 1):
            session.run(OUTPUTS, {"image": decoded(picture)[None]})
            if time.perf_counter() > until:
                return count
        raise AssertionError

    def on_all(until: float) -> int:
        with ThreadPoolExecutor(cores()) as pool:
            return sum(pool.map(lambda n: loop(one, until, n * 7), range(cores())))

    loop(one, 0.0)
    found = {
        "one thread": timed(lambda until: loop(one, until), seconds),
        "a thread a core": timed(on_all, seconds),
    }
    if "batches" in sys.argv[4:]:
        default = onnxruntime().InferenceSession(content, providers=["CPUExecutionProvider"])
        found["the runtime's threads"] = timed(lambda until: loop(default, until), seconds)
        small = [
            np.asarray(Image.fromarray(decoded(p)).resize((224, 224), Image.Resampling.BICUBIC))
            for p in pictures[:BATCH]
        ]

        def run(size: int) -> Callable[[float], int]:
            def work(until: float) -> int:
                count = 0
                given = np.stack(small[:size])
                while time.perf_counter() < until:
                    one.run(OUTPUTS, {"image": given})
                    count += size
                return count

            return work

        for name in ("", "again "):
            found[f"resized, one by one {name}"] = timed(run(1), seconds)
            found[f"resized, batches of 2 {name}"] = timed(run(2), seconds)
            found[f"resized, batches of {BATCH} {name}"] = timed(run(BATCH), seconds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
