"""What a training costs from a thousand pictures to a million, step by step, from a full cache.

Pictures are files of a few bytes, and their embeddings are drawn and put into the cache as if a
network had given them. So all is as in `tellapart train` on pictures that were seen before, but
for the report's small pictures. Each number of pictures is a process of its own: seconds by step,
and the largest anonymous memory in it (RssAnon, without what is mapped from files), in MB.

    python benchmarks/train_at_scale.py [--pictures 1000 10000 50000] [--labels 100] [--values 1280]
                                        [--on processes:2]

With `--on`, the embeddings are looked up, and of very many summed up, by such workers, whose own
memory is not counted.
A million of 1,280 values takes 5 GB in the cache and 5 GB in TMPDIR.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from measure import anonymous, machine, print_table, run

BURST = 3  # pictures of a moment
SHORT = {
    "Looking for bursts": "bursts",
    "Finding out whether more pictures would help": "curve",
    "Looking for shortcuts": "shortcuts",
    "Leaving out each label in turn": "unknowns",
    "Putting the model together": "model",
}


def network(folder: Path, values: int) -> Path:
    """An ONNX file that has so many features: never run, as the cache knows all pictures."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).normal(size=(values, 3, 1, 1)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"]),
            helper.make_node("Relu", ["c"], ["map"]),
            helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["y"]),
        ],
        "drawn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", values])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path = folder / "drawn.onnx"
    path.write_bytes(onnx.ModelProto.SerializeToString(model))
    return path


def draw(photos: Path, cache: Path, backbone: Path, asked: argparse.Namespace, count: int) -> None:
    """The files, and their embeddings in the cache: those of a label lie around one point, a few
    of a moment close together, and one in fifty nearer to another label."""
    from tellapart.backbones.embed import Embedder
    from tellapart.backbones.foreign import ForeignBackbone
    from tellapart.images.properties import HASH, PROPERTIES
    from tellapart.training.engines import build_network
    from tellapart.training.options import TrainOptions

    embedder = Embedder(build_network(TrainOptions(backbone=ForeignBackbone(backbone))), cache)
    embedder.start()
    assert embedder.cache
    lot = np.random.default_rng(0)
    middles = lot.normal(size=(asked.labels, asked.values)).astype(np.float32)
    moment = np.zeros(asked.values, np.float32)
    for number in range(count):
        label = number // BURST % asked.labels
        shown = label if lot.random() > 0.02 else int(lot.integers(asked.labels))
        if number % BURST == 0:
            moment = lot.normal(size=asked.values).astype(np.float32)
        own = lot.normal(size=asked.values).astype(np.float32)
        vector = np.abs(asked.apart * middles[shown] + moment + own) ** 0.5
        outside = lot.random(len(PROPERTIES)).astype(np.float32)
        outside[[PROPERTIES.index("day"), PROPERTIES.index("second")]] = np.nan
        outside[[PROPERTIES.index(name) for name in HASH]] = lot.integers(0, 65_536, len(HASH))
        folder = photos / f"label {label}"
        if number // BURST < asked.labels and number % BURST == 0:
            folder.mkdir(parents=True)
        content = b"drawn %d" % number
        (folder / f"{number:07}.jpg").write_bytes(content)
        row = np.concatenate([vector / np.linalg.norm(vector), outside])
        embedder.cache.put(hashlib.sha256(content).digest(), row)
    embedder.finish()


class Steps:
    """Seconds by step, and the largest anonymous memory in it; a step ends where the next begins.

    What `train` itself says it is doing is under its first words.
    """

    def __init__(self) -> None:
        self.found: dict[str, tuple[float, float]] = {}
        self._name, self._began, self._peak = "", 0.0, 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self, name: str) -> None:
        now = time.perf_counter()
        if self._name:
            peak = max(self._peak, anonymous())
            self.found[self._name] = (now - self._began, peak)
        self._name, self._began, self._peak = name, now, anonymous()

    def doing(self, what: str) -> None:
        self.begin(SHORT.get(what, what))

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, anonymous())
            time.sleep(0.02)


def measured(photos: Path, cache: Path, backbone: Path, model: Path, on: str) -> None:
    """Train as `training.train` does, and print the figures of each step."""
    import tellapart
    from tellapart.assess.pictures import gather
    from tellapart.assess.sides import choose_sides
    from tellapart.backbones.embed import embed_all
    from tellapart.backbones.foreign import ForeignBackbone
    from tellapart.dataset.in_python import read_source
    from tellapart.training.engines import engine_of
    from tellapart.training.options import TrainOptions, Watch
    from tellapart.training.train import completed
    from tellapart.workers.places import working_on

    steps, options = Steps(), TrainOptions(backbone=ForeignBackbone(backbone), cache=cache)
    watch = Watch(doing=steps.doing)
    steps.begin("list")
    dataset = choose_sides(read_source(photos), None)
    steps.begin("embeddings")
    trainer = engine_of(options)
    with working_on(on):
        embeddings = embed_all([item.path for item in dataset.items], trainer.embedder())
        steps.begin("gather")
        pictures = gather(dataset, embeddings, options.share, options.groups)
        steps.begin("head")
        network, pictures, fitted = trainer.fit(pictures, watch)
    result = completed(dataset, options, network, pictures, fitted, None, watch)
    steps.begin("save")
    result.save(model)
    steps.begin("load")
    tellapart.load(model).required_record()
    steps.begin("")
    size = sum(file.stat().st_size for file in model.iterdir()) / 1e6
    page = (model / "report.html").stat().st_size / 1e6
    print(json.dumps({"steps": steps.found, "size": size, "page": page}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, nargs="+", default=[1_000, 10_000, 50_000])
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--values", type=int, default=1_280)
    parser.add_argument("--apart", type=float, default=0.3, help="how far labels lie apart")
    parser.add_argument("--on", default="threads", help="where embeddings are summed up")
    parser.add_argument("--here", type=Path, nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        photos, cache, backbone, model = asked.here
        measured(photos, cache, backbone, model, asked.on)
        return
    rows = []
    with machine():
        for count in asked.pictures:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                places = [folder / "photos", folder / "cache", network(folder, asked.values)]
                draw(places[0], places[1], places[2], asked, count)
                command: list[str | Path] = [sys.executable, __file__, "--on", asked.on, "--here"]
                found = json.loads(run([*command, *places, folder / "model"]).output)
            cells = [f"{seconds:.1f} s, {peak:.0f}" for seconds, peak in found["steps"].values()]
            rows.append(
                [f"{count:,}", *cells, f"{found['size']:.1f} MB", f"{found['page']:.1f} MB"]
            )
            heads = ["pictures", *found["steps"], "model folder", "report"]
        print_table(heads, rows)


if __name__ == "__main__":
    main()
