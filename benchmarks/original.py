"""The recipe of retrain.py (2016) in today's TensorFlow; `recipe_2016.py` runs and measures it.

    python benchmarks/original.py PHOTOS OUTPUT [--files]

Inception v3 up to its last layer, one picture at a time; then 4000 steps of plain gradient descent
on 100 random pictures of the softmax layer, at a rate of 0.01, looking at the validation pictures
every ten steps; then the test, the frozen graph and the labels. Weights are random: nothing is
downloaded, and it takes as long. With --files it does as the original did and keeps each picture's
values in a text file that it reads again for every batch; without, in memory, which is quicker.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf: Any = import_module("tensorflow")  # not where this project is checked

STEPS, BATCH, RATE, EVERY, PERCENT = 4000, 100, 0.01, 10, 10
SIDE, WIDTH = 299, 2048
ENDINGS = {".jpg", ".jpeg", ".png", ".gif", ".bmp"}  # what TensorFlow decodes


def side_of(path: Path) -> str:
    """retrain.py's split: by a hash of the name."""
    place = int(hashlib.sha1(str(path).encode()).hexdigest(), 16) % 2**27 * 100 / (2**27 - 1)
    return "validation" if place < PERCENT else "testing" if place < 2 * PERCENT else "training"


def bottleneck(network: Callable[[Any], Any], path: Path) -> np.ndarray:
    """The values of one picture `[2048]`."""
    image = tf.io.decode_image(path.read_bytes(), channels=3, expand_animations=False)
    small = tf.image.resize(tf.cast(image, tf.float32)[None], (SIDE, SIDE))
    return np.asarray(network(small / 127.5 - 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--files", action="store_true")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)

    inception = tf.keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg")
    network = tf.function(
        lambda image: inception(image, training=False),
        input_signature=[tf.TensorSpec([1, SIDE, SIDE, 3], tf.float32)],
    )
    labels = sorted(folder.name for folder in options.photos.iterdir() if folder.is_dir())
    lists: dict[str, list[list[np.ndarray | Path]]] = {
        side: [[] for _ in labels] for side in ("training", "testing", "validation")
    }
    for number, label in enumerate(labels):
        for path in sorted((options.photos / label).iterdir()):
            if path.suffix.lower() in ENDINGS:
                values = bottleneck(network, path)
                file = options.output / f"{label}-{path.name}_inception_v3.txt"
                if options.files:
                    file.write_text(",".join(map(str, values)))
                lists[side_of(path)][number].append(file if options.files else values)

    def read(kept: np.ndarray | Path) -> np.ndarray:
        if isinstance(kept, Path):
            return np.array([float(value) for value in kept.read_text().split(",")], np.float32)
        return kept

    def batch(side: str) -> tuple[np.ndarray, np.ndarray]:
        """retrain.py's draw: a random label, then a random picture of it."""
        numbers = [random.randrange(len(labels)) for _ in range(BATCH)]
        pictures = [read(random.choice(lists[side][number])) for number in numbers]
        return np.stack(pictures), np.array(numbers, np.int32)

    weights = tf.Variable(tf.random.truncated_normal([WIDTH, len(labels)], stddev=0.001))
    bias = tf.Variable(tf.zeros([len(labels)]))

    def step(inputs: Any, truth: Any) -> None:
        with tf.GradientTape() as tape:
            logits = tf.matmul(inputs, weights) + bias
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits)
            loss = tf.reduce_mean(losses)
        slopes = tape.gradient(loss, (weights, bias))
        weights.assign_sub(RATE * slopes[0])
        bias.assign_sub(RATE * slopes[1])

    def accuracy(inputs: Any, truth: Any) -> Any:
        found = tf.argmax(tf.matmul(inputs, weights) + bias, axis=1, output_type=tf.int32)
        return tf.reduce_mean(tf.cast(found == truth, tf.float32))

    drawn_batch = [tf.TensorSpec([None, WIDTH], tf.float32), tf.TensorSpec([None], tf.int32)]
    take_step = tf.function(step, input_signature=drawn_batch)
    judge = tf.function(accuracy, input_signature=drawn_batch)
    for number in range(STEPS):
        drawn = batch("training")
        take_step(*drawn)
        if number % EVERY == 0 or number == STEPS - 1:
            seen, unseen = float(judge(*drawn)), float(judge(*batch("validation")))
            print(f"Step {number}: Train accuracy = {seen:.1%}, validation = {unseen:.1%}")
    tested = [(read(kept), k) for k, row in enumerate(lists["testing"]) for kept in row]
    final = judge(np.stack([one for one, _ in tested]), np.array([k for _, k in tested], "i4"))
    print(f"Final test accuracy = {float(final):.1%} (N={len(tested)})")

    whole = tf.function(
        lambda image: tf.nn.softmax(tf.matmul(network(image), weights) + bias, name="final_result")
    ).get_concrete_function(tf.TensorSpec([1, SIDE, SIDE, 3], tf.float32))
    tools = import_module("tensorflow.python.framework.convert_to_constants")
    frozen = tools.convert_variables_to_constants_v2(whole)
    graph = frozen.graph.as_graph_def().SerializeToString()
    (options.output / "retrained_graph.pb").write_bytes(graph)
    (options.output / "retrained_labels.txt").write_text("\n".join(labels) + "\n")


if __name__ == "__main__":
    main()
