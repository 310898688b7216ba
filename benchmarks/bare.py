"""The floor under training and sorting: ONNX Runtime alone on pictures that are pixels already.

The lite0 trunk up to its pooled features, on the pictures below a folder. Reading, decoding,
resizing and opening the session happen before the clock starts. Beside it, what has to be done to
a picture besides: reading and decoding it, and the embedding network on it as it is decoded, which
brings it to the trunk's size first; and a bare loop that decodes each picture with Pillow alone, at
the scale that we take, and runs the network on pixels that are ready. Prints JSON; the other
benchmarks run it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from onnx import TensorProto, helper
from PIL import Image

from tellapart.backbones.graph import network_of
from tellapart.backbones.nodes import IR_VERSION, OPSET
from tellapart.backbones.rows import QUALITIES, Trunk
from tellapart.backbones.runtime import onnxruntime, open_session
from tellapart.backbones.session import LazySession
from tellapart.dataset.sources import pictures_below
from tellapart.images.decode import ENOUGH, read_picture
from tellapart.workers.local import batches_of, cores

BATCH = 8

T = TypeVar("T")


def pixels(path: Path, trunk: Trunk) -> np.ndarray:
    """What the trunk takes, `[3,S,S]`: the central square, resized and normalised."""
    image = Image.fromarray(read_picture(path))
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    small = image.resize((trunk.size, trunk.size), Image.Resampling.BICUBIC, box)
    normal = (np.asarray(small, np.float32) - trunk.mean) / trunk.scale
    return np.ascontiguousarray(normal.transpose(2, 0, 1), np.float32)


def decoded_by_pillow(path: Path) -> np.ndarray:
    """Pixels of a picture with nothing done to them, and nothing checked."""
    with Image.open(path) as image:
        image.draft(None, (ENOUGH, ENOUGH))
        return np.asarray(image.convert("RGB"))


def network(trunk: Trunk) -> bytes:
    """An ONNX model from pixels `[N,3,S,S]` to pooled features `[N,C,1,1]`."""
    entry = helper.make_tensor_value_info(
        trunk.input, TensorProto.FLOAT, ["N", 3, trunk.size, trunk.size]
    )
    out = helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["N", trunk.channels, 1, 1])
    pool = helper.make_node("GlobalAveragePool", [trunk.output], ["pooled"])
    nodes = [*trunk.part.nodes, pool]
    graph = helper.make_graph(nodes, trunk.name, [entry], [out], trunk.part.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    return bytes(model.SerializeToString())


def seconds_of(work: Callable[[], object]) -> float:
    """How long a call takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def on_all_cores(content: bytes, entry: str, pictures: list[np.ndarray]) -> float:
    """One session that spreads each batch over all cores."""
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = cores()
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    batches = [np.stack(batch) for batch in batches_of(pictures, BATCH)]
    session.run(None, {entry: batches[0]})  # the first run allocates
    return seconds_of(lambda: [session.run(None, {entry: batch}) for batch in batches])


def one_a_core(content: bytes, entry: str, pictures: list[np.ndarray]) -> float:
    """Our way: single-threaded runs of one picture, as many at once as there are cores."""
    session = open_session(content)
    return each_on_a_core(lambda picture: session.run(None, {entry: picture[None]}), pictures)


def bare_loop(content: bytes, entry: str, paths: list[Path], pictures: list[np.ndarray]) -> float:
    """Decoding and the network, one picture after another on each core, and nothing else."""
    session = open_session(content)

    def work(at: int) -> None:
        decoded_by_pillow(paths[at])
        session.run(None, {entry: pictures[at][None]})

    return each_on_a_core(work, [*range(len(paths))])


def each_on_a_core(work: Callable[[T], object], items: list[T]) -> float:
    """How long it takes to do all, as many at once as there are cores."""
    work(items[0])
    with ThreadPoolExecutor(cores()) as pool:
        return seconds_of(lambda: list(pool.map(work, items)))


if __name__ == "__main__":
    (trunk,) = network_of(QUALITIES["fast"]).trunks
    content = network(trunk)
    paths = [path for path, _ in pictures_below(Path(sys.argv[1]))[0]]
    pictures = [pixels(path, trunk) for path in paths]
    decoded = [read_picture(path) for path in paths]
    whole = LazySession(network_of(QUALITIES["fast"]).content)
    figures = {
        "pictures": len(pictures),
        "on_all_cores": on_all_cores(content, trunk.input, pictures),
        "one_a_core": one_a_core(content, trunk.input, pictures),
        "bare_loop": bare_loop(content, trunk.input, paths, pictures),
        "decoding": each_on_a_core(read_picture, paths),
        "from_decoded": each_on_a_core(lambda p: whole.run(["embedding"], p[None]), decoded),
    }
    print(json.dumps(figures))
