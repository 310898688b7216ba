"""Training with TensorFlow: the same network, the original's settings, fine-tuning, Keras."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from onnx import numpy_helper
from PIL import Image

import tellapart
from conftest import draw_scene
from drawn import COMMAND, few_of, only_sentences, run
from tellapart.backbones.graph import Network
from tellapart.backbones.rows import BACKBONES, QUALITIES
from tellapart.backbones.runtime import open_session
from tellapart.backbones.untrusted import parse_onnx
from tellapart.cli.commands.train_settings import Asked, settings, with_epochs
from tellapart.demo.walk import DemoPictures
from tellapart.errors import BackboneError, DatasetError, DestinationError, UsageError
from tellapart.exporters.export import export
from tellapart.head.linear import softmax
from tellapart.head.prepared import Prepared
from tellapart.head.regression import Regression
from tellapart.head.sgd import SgdSettings, SgdStep, fit_sgd
from tellapart.images.decode import read_picture
from tellapart.training.options import Watch
from tellapart.training.result import TrainResult
from tellapart.training.tensorflow.verdict import verdict
from tellapart.training.tensorflow_settings import (
    Distortions,
    Epoch,
    FineTuning,
    KerasBackbone,
    TensorFlow,
)
from tellapart.training.train import train

if TYPE_CHECKING:
    from tensorflow import Tensor

    from tellapart.training.tensorflow.networks import KerasNetwork

HERE = find_spec("tensorflow") is not None
needs_tensorflow = pytest.mark.skipif(not HERE, reason="TensorFlow is not installed")
without_tensorflow = pytest.mark.skipif(HERE, reason="TensorFlow is installed")

# Remarks of TensorFlow and Keras on themselves are no errors of ours.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:keras"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
QUICK = SgdSettings(steps=60, batch_size=16, eval_every=20, validation=0.25)
BLIND = "import sys; sys.modules['tensorflow'] = None; from tellapart.cli.app import main; main()"


@pytest.fixture(scope="module")
def photos(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 drawn pictures of each label."""
    return few_of(heroes, tmp_path_factory.mktemp("few") / "photos", 24)


@pytest.fixture(scope="module")
def fast() -> KerasNetwork:
    """The quickest network in Keras; its weights are not to be changed."""
    if not HERE:
        pytest.skip("TensorFlow is not installed")
    from tellapart.training.tensorflow.networks import quality_network

    return quality_network("fast")


def asked(engine: str = "tensorflow", solver: str | None = None, **given: object) -> Asked:
    return Asked(engine, solver, bool(given.pop("balanced", False)), given)  # type: ignore[arg-type]


# What goes together, which needs no TensorFlow to say.


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (asked("onnxruntime", flip_left_right=True), "--flip-left-right goes with --engine"),
        (asked("onnxruntime", random_crop=0), "--random-crop goes with --engine tensorflow."),
        (asked("onnxruntime", fine_tune=3), "--fine-tune goes with --engine tensorflow."),
        (asked("onnxruntime", seed=0), "--seed goes with --solver sgd."),
        (asked("onnxruntime", "sgd", balanced=True), "--class-weights goes with --solver exact."),
        (asked(solver="exact"), "by gradient descent"),
        (asked(balanced=True), "--class-weights goes with"),
        (asked(fine_tune=3, steps=10), "--steps does not go with --fine-tune"),
        (asked(fine_tune=3, eval_every=10), "--eval-every does not go with --fine-tune"),
        (asked(fine_tune=3, solver="sgd"), "--solver sgd does not go with --fine-tune"),
        (asked(fine_tune=3, validation=0.0), "The validation must be a fraction above 0"),
        (asked(checkpoint_every=10), "--checkpoint-every goes with --checkpoints."),
        (asked(random_crop=10, validation=0.0), "Distortions need a --validation fraction"),
        (asked(random_crop=101), "a percentage from 0 to 100"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: Asked, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        settings(options)


def test_options_that_go_together_become_settings() -> None:
    assert settings(asked("onnxruntime")) == (None, None)
    assert settings(asked("onnxruntime", "sgd", steps=5)) == (SgdSettings(steps=5), None)
    assert settings(asked()) == (SgdSettings(), TensorFlow())
    sgd, engine = settings(asked(flip_left_right=True, random_crop=5, seed=3))
    assert sgd == SgdSettings(seed=3)
    assert engine == TensorFlow(Distortions(True, random_crop=5))
    sgd, engine = settings(
        asked(fine_tune=4, learning_rate=1e-4, checkpoints=Path("c"), random_crop=0)
    )
    assert sgd is None
    assert engine == TensorFlow(
        Distortions(), FineTuning(epochs=4, rate=1e-4), checkpoints=Path("c")
    )
    _, engine = settings(asked(fine_tune=4))
    assert engine
    assert engine.distortions is None  # what is gentle is chosen when the pictures are known


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("train photos --fine-tune", "train photos --fine-tune 6"),
        ("train photos --fine-tune 3 -o m", "train photos --fine-tune 3 -o m"),
        ("train --fine-tune photos", "train --fine-tune 6 photos"),
        ("train --fine-tune -o m", "train --fine-tune 6 -o m"),
        ("train --fine-tune -1 photos", "train --fine-tune -1 photos"),
        ("train -- --fine-tune", "train -- --fine-tune"),
    ],
)
def test_the_number_of_epochs_may_be_left_out(typed: str, read: str) -> None:
    assert with_epochs(typed.split()) == read.split()


def test_an_onnx_file_does_not_go_with_tensorflow(photos: Path, tmp_path: Path) -> None:
    options = ("--engine", "tensorflow", "--backbone", tmp_path / "a.onnx")
    found = run("train", photos, "-o", tmp_path / "m", *options)
    assert found.code == 2
    assert "TensorFlow cannot train on an ONNX file." in found.err
    found = run("train", photos, "-o", tmp_path / "m", *options[2:3], "keras:", "--quality", "fast")
    assert found.code == 2


@pytest.mark.parametrize(
    "options", [("--engine", "tensorflow"), ("--backbone", "keras:MobileNetV2")], ids=str
)
def test_without_tensorflow_there_is_the_command_to_type(
    photos: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    found = subprocess.run(
        [sys.executable, "-c", BLIND, "train", photos, "-o", tmp_path / "m", *options],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 2
    assert found.stderr.splitlines() == [
        "This needs TensorFlow, which is not installed.",
        'Type: pip install "tellapart[tensorflow]"',
    ]
    assert not (tmp_path / "m").exists()


# The same network.


@needs_tensorflow
@pytest.mark.parametrize("row", QUALITIES.values(), ids=lambda row: row.name)
def test_keras_is_built_from_the_same_weights(row: object) -> None:
    from tellapart.training.tensorflow.networks import quality_network

    quality = getattr(row, "name", "")
    ours = quality_network(quality).network()
    trunks = tuple(BACKBONES[name].trunk() for name in QUALITIES[quality].backbones)
    assert ours.content == Network(quality, trunks, QUALITIES[quality].views).content


@needs_tensorflow
def test_a_network_in_whole_numbers_is_the_same_in_keras() -> None:
    """To the last bit: sums of whole numbers are exact in floats too."""
    import keras

    from tellapart.exporters.anatomy import TrunkPart
    from tellapart.exporters.tensorflow_process.operators import convert_trunk

    trunk = BACKBONES["lite0"].trunk(precision="int8")
    part = TrunkPart(
        "lite0", trunk.input, trunk.output, 224, trunk.mean, trunk.scale, tuple(trunk.part.nodes)
    )
    constants = {t.name: numpy_helper.to_array(t) for t in trunk.part.initializers}
    entry = keras.Input((224, 224, 3))
    model = keras.Model(entry, convert_trunk(part, constants, entry))

    image = np.asarray(draw_scene(224, 224))[None]
    onnx_model = parse_onnx(Network("fast", (trunk,), ("squash",)).content)
    onnx_model.graph.output[0].name = trunk.output
    onnx_model.graph.output[0].type.tensor_type.ClearField("shape")
    (expected,) = open_session(onnx_model.SerializeToString()).run(None, {"image": image})
    found = np.asarray(model((image.astype(np.float32) - 127) / 128))
    assert np.array_equal(found.transpose(0, 3, 1, 2), expected)


@needs_tensorflow
@pytest.mark.parametrize("quality", ["fast", "good", "best"])
def test_keras_gives_the_embeddings_of_onnx(quality: str) -> None:
    from tellapart.training.tensorflow.networks import quality_network

    keras = quality_network(quality)
    session = open_session(keras.network().content)
    for seed, size in enumerate([(96, 64), (64, 96), (500, 333), (224, 224), (300, 301)]):
        picture = np.asarray(draw_scene(*size, seed=seed))[None]
        (onnx,) = session.run(["embedding"], {"image": picture})
        apart = np.abs(np.asarray(keras.embed(picture)) - onnx)
        # A resized value next to a half may be rounded the other way: 1 of 255 in a few pixels.
        assert apart.mean() < 1e-4
        assert apart.max() < 5e-3 * np.abs(onnx).max()


@needs_tensorflow
def test_keras_gives_the_embeddings_and_scores_of_onnx_for_real_pictures(
    fast: KerasNetwork, shared_data: Path
) -> None:
    session = open_session(fast.network().content)
    pictures = sorted((shared_data / "flowers" / "test").rglob("*.jpg"))[::8]
    names = sorted({path.parent.name for path in pictures})
    labels = np.array([names.index(path.parent.name) for path in pictures])
    read = [read_picture(path)[None] for path in pictures]
    onnx = np.concatenate([session.run(["embedding"], {"image": one})[0] for one in read])
    keras = np.concatenate([np.asarray(fast.embed(one)) for one in read])
    assert np.abs(keras - onnx).mean(axis=1).max() < 1e-4
    assert np.abs(keras - onnx).max() < 1e-3
    head = Regression(Prepared(onnx.astype(np.float64), labels, len(names))).fit(1.0)
    scores = [softmax(head.logits(vectors.astype(np.float64))) for vectors in (onnx, keras)]
    assert np.abs(scores[0] - scores[1]).max() < 1e-3


@needs_tensorflow
def test_without_a_resize_keras_is_onnx_to_the_fifth_digit(fast: KerasNetwork) -> None:
    session = open_session(fast.network().content)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    pictures[1] = 0
    (onnx,) = session.run(["embedding"], {"image": pictures})
    np.testing.assert_allclose(np.asarray(fast.embed(pictures)), onnx, atol=1e-5)
    normal = (pictures.astype(np.float32) - 127) / 128
    np.testing.assert_allclose(np.asarray(fast.embed_prepared([normal])), onnx, atol=1e-5)


@needs_tensorflow
@pytest.mark.parametrize("last", ["relu", "leaky_relu"])
def test_roots_have_slopes_that_can_be_followed(last: str, tmp_path: Path) -> None:
    """Of a network whose first feature is 0 everywhere and whose others are 0 in places: black
    pictures have the embedding 0, and no slope is infinite or not a number."""
    from tellapart.training.tensorflow.keras_backbone import read_keras_backbone
    from tellapart.training.tensorflow.networks import KerasNetwork
    from tellapart.training.tensorflow.runtime import keras, tensorflow

    tf, layers = tensorflow(), keras().layers
    entry = keras().Input((16, 16, 3))
    convolution = layers.Conv2D(4, 3, strides=2)
    activation = layers.ReLU() if last == "relu" else layers.LeakyReLU()
    keras().Model(entry, activation(convolution(entry))).save(tmp_path / "own.keras")
    trunk = read_keras_backbone(KerasBackbone(str(tmp_path / "own.keras"), "0..1"))
    network = KerasNetwork("own", (trunk,), ("squash", "crop"))
    assert network.rooted == network.network().rooted == (last == "relu")
    kernel = np.random.default_rng(2).normal(0, 1, (3, 3, 3, 4)).astype(np.float32)
    kernel[..., 0] = 0
    for layer in trunk.model.layers:
        if layer.name == convolution.name:
            layer.set_weights([kernel, np.zeros(4, np.float32)])

    pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    pictures[1] = 0
    (onnx,) = open_session(network.network().content).run(["embedding"], {"image": pictures})
    found = np.asarray(network.embed(pictures))
    np.testing.assert_allclose(found, onnx, atol=1e-6)
    assert (found[1] == 0).all()
    if last == "relu":
        np.testing.assert_allclose(np.linalg.norm(found[[0, 2]], axis=1), 1, atol=1e-6)

    given = [tf.constant(pictures.astype(np.float32) / 255)]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network.embed_prepared(given) * [1.0, 2.0, 3.0, 4.0])
    slopes = tape.gradient(loss, [one.value for one in network.variables])
    assert len(slopes) == 2
    assert all(np.isfinite(np.asarray(slope)).all() for slope in slopes)
    assert all(np.abs(np.asarray(slope)).max() > 0 for slope in slopes)


@needs_tensorflow
def test_the_slope_of_an_embedding_is_the_one_it_has(fast: KerasNetwork) -> None:
    """Against a difference of two embeddings, along the bias of the last batch norm."""
    from tellapart.training.tensorflow.runtime import tensorflow

    tf = tensorflow()
    shift = fast.trunks[0].model.get_layer("lite0_bn1").beta
    before = np.asarray(shift.value)
    lot = np.random.default_rng(1)
    given = [tf.constant(lot.normal(0, 0.5, (2, 224, 224, 3)).astype(np.float32))]
    weights = lot.normal(0, 1, 1280).astype(np.float32)
    way = lot.normal(0, 1e-3, before.shape).astype(np.float32)

    def loss() -> Tensor:
        return tf.reduce_sum(fast.embed_prepared(given) * weights)

    with tf.GradientTape() as tape:
        tape.watch(shift.value)
        at = loss()
    slope = float((np.asarray(tape.gradient(at, shift.value)) * way).sum())
    found = []
    for sign in (1, -1):
        shift.assign(before + sign * way)
        found.append(float(loss()))
    shift.assign(before)
    assert (found[0] - found[1]) / 2 == pytest.approx(slope, rel=0.1)


# The head by gradient descent.


@needs_tensorflow
def test_gradient_descent_walks_as_the_one_without_tensorflow(tmp_path: Path) -> None:
    from tellapart.training.tensorflow.softmax_layer import fit_softmax_layer

    random = np.random.default_rng(1)
    vectors, labels = random.normal(size=(40, 6)), random.integers(0, 3, 40)
    watching = np.arange(40) % 5 == 0
    chosen = SgdSettings(steps=57, batch_size=7, eval_every=10, seed=4)
    ours: list[SgdStep] = []
    theirs: list[SgdStep] = []
    expected = fit_sgd(vectors, labels, 3, chosen, validation=watching, on_step=ours.append)
    found = fit_softmax_layer(
        vectors, labels, 3, chosen, validation=watching, on_step=theirs.append
    )
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-5)
    np.testing.assert_allclose(found.bias, expected.bias, atol=1e-5)
    assert [step.step for step in theirs] == [0, 10, 20, 30, 40, 50, 56]
    for one, other in zip(ours, theirs, strict=True):
        assert other.cross_entropy == pytest.approx(one.cross_entropy, abs=1e-5)
        assert other.validation_accuracy == pytest.approx(one.validation_accuracy, abs=1e-5)


@needs_tensorflow
def test_gradient_descent_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    from tellapart.training.tensorflow.checkpoints import Checkpoints
    from tellapart.training.tensorflow.softmax_layer import fit_softmax_layer

    random = np.random.default_rng(1)
    vectors, labels = random.normal(size=(40, 6)), random.integers(0, 3, 40)
    chosen = SgdSettings(steps=50, batch_size=7, eval_every=5)

    def stop(step: SgdStep) -> None:
        if step.step == 35:
            raise KeyboardInterrupt

    def kept(variables: list[object]) -> Checkpoints:
        return Checkpoints(tmp_path / "kept", "one", 10, variables)

    whole = fit_softmax_layer(vectors, labels, 3, chosen)
    with pytest.raises(KeyboardInterrupt):
        fit_softmax_layer(vectors, labels, 3, chosen, checkpoints=kept, on_step=stop)
    steps: list[SgdStep] = []
    rest = fit_softmax_layer(vectors, labels, 3, chosen, checkpoints=kept, on_step=steps.append)
    assert [step.step for step in steps] == [30, 35, 40, 45, 49]
    np.testing.assert_allclose(rest.weights, whole.weights, atol=1e-6)
    with pytest.raises(DestinationError, match="another training"):
        Checkpoints(tmp_path / "kept", "two", 10, [])
    (tmp_path / "kept" / "training.json").write_text("{")
    with pytest.raises(DestinationError, match="damaged"):
        Checkpoints(tmp_path / "kept", "one", 10, [])


@needs_tensorflow
@pytest.mark.slow
def test_a_model_trained_by_tensorflow_needs_none(photos: Path, tmp_path: Path) -> None:
    made = run(
        *("train", photos, "-o", tmp_path / "model", "--quality", "fast"),
        *("--engine", "tensorflow", "--steps", "200", "--json"),
        *("--summaries", tmp_path / "curves", "--checkpoints", tmp_path / "kept"),
    )
    assert made.code == 0, made.err
    summary = made.json()
    assert summary["solver"] == "sgd"
    assert summary["cross_validated"]["accuracy"] > 0.8
    assert summary["validation"] is None
    assert {path.name for path in (tmp_path / "curves").iterdir()} == {"train", "validation"}
    for command in ("guess", "test"):
        found = subprocess.run(
            [sys.executable, "-c", BLIND, command, tmp_path / "model", photos, "--json"],
            capture_output=True,
            text=True,
        )
        assert found.returncode == 0, found.stderr
        assert "accuracy" in found.stdout or "scores" in found.stdout


@needs_tensorflow
def test_summaries_are_read_by_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    from tellapart.training.tensorflow.softmax_layer import fit_softmax_layer
    from tellapart.training.tensorflow.summaries import Summaries

    random = np.random.default_rng(1)
    vectors, labels = random.normal(size=(40, 6)), random.integers(0, 3, 40)
    steps: list[SgdStep] = []
    fit_softmax_layer(
        vectors,
        labels,
        3,
        SgdSettings(steps=25, eval_every=10),
        validation=np.arange(40) % 5 == 0,
        on_step=steps.append,
        summaries=Summaries(tmp_path),
    )
    for part in ("train", "validation"):
        events = EventAccumulator(str(tmp_path / part))
        events.Reload()
        assert set(events.Tags()["tensors"]) == {"accuracy", "cross_entropy"}
        points = events.Tensors("accuracy")
        assert [point.step for point in points] == [0, 10, 20, 24]
        name = f"{part}_accuracy"
        for point, step in zip(points, steps, strict=True):
            value = float(tensor_util.make_ndarray(point.tensor_proto))
            assert value == pytest.approx(getattr(step, name), abs=1e-6)


# Distortions.


@needs_tensorflow
def test_distortions_are_what_they_say_and_seeded(fast: KerasNetwork) -> None:
    picture = np.asarray(draw_scene(300, 224, seed=1))
    still = np.full((1, 6), 0.5)

    def pixels(distortions: Distortions, chances: np.ndarray = still) -> np.ndarray:
        found: np.ndarray = np.asarray(fast.prepare([picture], chances, distortions)[0])
        return np.asarray(found[0])

    plain = pixels(Distortions())
    flipped = pixels(Distortions(flip_left_right=True), np.array([[0.5, 0.5, 0.5, 0.1, 0.5, 0.5]]))
    np.testing.assert_allclose(flipped, plain[:, ::-1])
    dark = pixels(Distortions(random_brightness=50), np.array([[0.5, 0.5, 0.5, 0.5, 0.0, 0.5]]))
    np.testing.assert_allclose(dark * 128 + 127, (plain * 128 + 127) * 0.5, atol=1e-3)
    corners = [
        pixels(Distortions(random_crop=50), np.array([[0.5, y, x, 0.5, 0.5, 0.5]]))
        for y, x in ((0.0, 0.0), (0.999, 0.999))
    ]
    assert np.abs(corners[0] - corners[1]).mean() > 0.05
    again = pixels(Distortions(random_crop=50), np.array([[0.5, 0.0, 0.0, 0.5, 0.5, 0.5]]))
    np.testing.assert_array_equal(again, corners[0])
    np.testing.assert_allclose(plain * 128 + 127, picture[:, 38:262], atol=1e-3)


@needs_tensorflow
@pytest.mark.slow
def test_distortions_change_what_is_learnt_and_stay_seeded(photos: Path) -> None:
    quick = SgdSettings(steps=6, batch_size=4, validation=0.25)

    def trained(distortions: Distortions, seed: int = 0) -> TrainResult:
        chosen = SgdSettings(quick.steps, batch_size=4, validation=0.25, seed=seed)
        return train(
            photos, quality="fast", test=0, sgd=chosen, engine=TensorFlow(distortions=distortions)
        )

    distorted = Distortions(flip_left_right=True, random_crop=20, random_brightness=30)
    first, second, other = trained(distorted), trained(distorted), trained(Distortions())
    assert first.cross_validated is None
    assert first.validated is not None
    assert list(first.evaluations) == ["validation"]
    assert first.accuracy == first.validated.accuracy
    assert any("Not cross-validated" in note for note in first.notes)
    scores = [_scores(result, photos) for result in (first, second, other)]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)
    assert np.abs(scores[0] - scores[2]).max() > 1e-3


def _scores(result: TrainResult, photos: Path) -> np.ndarray:
    picture = sorted(photos.rglob("*.*"))[0]
    scores: np.ndarray = result.classifier.run(picture, ["scores"])[0]
    return scores


# Fine-tuning.


def stripes(folder: Path, count: int = 40) -> Path:
    """Drawn rows and columns, which a network that is blind to directions cannot tell apart."""
    random = np.random.default_rng(0)
    down, across = np.mgrid[:32, :32]
    for label, along in (("rows", down), ("columns", across)):
        (folder / label).mkdir(parents=True)
        for i in range(count):
            wave = np.sin(2 * np.pi * (along / random.uniform(6, 9) + random.random()))
            pixels = 128 + 90 * wave[..., None] + random.normal(0, 15, (32, 32, 3))
            picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            picture.save(folder / label / f"{i}.png")
    return folder


def blind_keras(path: Path) -> Path:
    """A small network whose filters see no direction until they are trained."""
    from tellapart.training.tensorflow.runtime import keras

    layers = keras().layers
    keras().utils.set_random_seed(1)
    entry = keras().Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(entry)
    first = layers.Conv2D(8, 5, strides=2, activation="relu")
    x = layers.Conv2D(8, 1, activation="relu")(first(x))
    x = layers.Dense(2)(layers.GlobalAveragePooling2D()(x))
    kernel, bias = first.get_weights()
    first.set_weights([np.broadcast_to(kernel[2:3, 2:3], kernel.shape), bias])
    keras().Model(entry, x).save(path)
    return path


BLIND_TUNING = FineTuning(epochs=10, rate=0.02, validation=0.3, batch_size=8, average=0.9)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """A model for which fine-tuning paid."""
    if not HERE:
        pytest.skip("TensorFlow is not installed")
    folder = tmp_path_factory.mktemp("tuned")
    found = Tuned(folder, stripes(folder / "photos"), blind_keras(folder / "blind.keras"))
    engine = TensorFlow(
        Distortions(),
        BLIND_TUNING,
        summaries=folder / "curves",
        checkpoints=folder / "kept",
    )
    watch = Watch(epoch=found.epochs.append, say=found.said.append)
    backbone = KerasBackbone(str(found.network))
    found.results.append(train(found.photos, backbone=backbone, engine=engine, watch=watch))
    found.results[0].save(folder / "model")
    return found


@dataclass(frozen=True)
class Tuned:
    """A fine-tuning, and what was said while it was under way."""

    folder: Path
    photos: Path
    network: Path
    epochs: list[Epoch] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    results: list[TrainResult] = field(default_factory=list)


@needs_tensorflow
def test_a_fine_tuned_model_is_an_ordinary_one(tuned: Tuned) -> None:
    result, epochs = tuned.results[0], tuned.epochs
    assert [epoch.number for epoch in epochs] == [*range(11)]
    assert epochs[10].train_loss < epochs[1].train_loss
    manifest = result.classifier.manifest
    assert manifest.quality == "own-tuned"
    assert manifest.solver == "exact"
    assert result.cross_validated is None
    assert result.validated is not None
    assert result.validated.accuracy.value > 0.9
    assert epochs[0].validation_accuracy < 0.8
    assert any("Not cross-validated" in note for note in result.notes)
    (paid,) = [note for note in result.notes if note.startswith("Fine-tuned for 10 epochs")]
    assert "the frozen network got" in paid
    model = tuned.folder / "model"
    info = run("info", model)
    assert info.code == 0, info.err
    assert run("test", model, tuned.photos, "--json").json()["accuracy"] > 0.9
    record = tellapart.load(model).required_record()
    embedding = tellapart.load(model).run(tuned.photos / record.names[0], ["embedding"])[0]
    np.testing.assert_allclose(embedding, record.vectors[0], atol=1e-4)
    report = (model / "README.md").read_text("utf-8")
    assert "validation" in report
    assert "Not cross-validated" in report


@needs_tensorflow
def test_progress_and_time_left_are_also_in_a_file(tuned: Tuned) -> None:
    (said,) = tuned.said
    path = tuned.folder / "kept" / "progress.jsonl"
    assert said.startswith("Fine-tuning takes about ")
    assert str(path) in said
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    epochs = [row for row in rows if "epoch" in row]
    assert [row["epoch"] for row in epochs] == [*range(11)]
    assert epochs[0]["train_loss"] is None
    assert epochs[10]["step"] == epochs[10]["steps"]
    assert epochs[10]["seconds_left"] == 0
    assert 0 < epochs[5]["seconds_left"] < 600
    assert epochs[10]["validation_loss"] == tuned.epochs[10].validation_loss


@needs_tensorflow
def test_a_stopped_fine_tuning_ends_as_if_it_had_not_been_stopped(
    tuned: Tuned, tmp_path: Path
) -> None:
    engine = TensorFlow(
        Distortions(), BLIND_TUNING, checkpoints=tmp_path / "kept", checkpoint_every=5
    )

    def result(watch: Watch) -> TrainResult:
        network = KerasBackbone(str(tuned.network))
        return train(tuned.photos, backbone=network, engine=engine, watch=watch)

    def stop(epoch: Epoch) -> None:
        if epoch.number == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        result(Watch(epoch=stop))
    epochs: list[Epoch] = []
    resumed = result(Watch(epoch=epochs.append))
    assert any("Resumed at step" in note for note in resumed.notes)
    assert 0 < epochs[0].number <= 4
    assert epochs[-1].validation_loss == pytest.approx(tuned.epochs[-1].validation_loss, rel=1e-2)
    ours, theirs = (
        one.classifier.run(tuned.photos / "rows" / "0.png", ["scores"])[0]
        for one in (resumed, tuned.results[0])
    )
    np.testing.assert_allclose(ours, theirs, atol=0.01)


@needs_tensorflow
@pytest.mark.parametrize("rate", [1e-12, 100.0])
def test_what_does_not_pay_leaves_the_network_as_it_was(
    tuned: Tuned, photos: Path, rate: float
) -> None:
    """A rate too low to change anything, and one that ruins the network, which stops early."""
    epochs: list[Epoch] = []
    settings = FineTuning(epochs=4, rate=rate, head_rate=rate, validation=0.3, batch_size=8)
    network = KerasBackbone(str(tuned.network))
    result = train(
        photos,
        backbone=network,
        engine=TensorFlow(Distortions(), settings),
        watch=Watch(epoch=epochs.append),
    )
    why = "better by more than luck" if rate < 1 else "because the network only got worse"
    assert any(why in note and "stays as it was" in note for note in result.notes)
    assert (len(epochs) < 5) == (rate > 1)
    assert result.cross_validated is not None
    plain = train(photos, backbone=network)
    assert result.classifier.manifest.quality == plain.classifier.manifest.quality
    picture = sorted(photos.rglob("*.*"))[0]
    ours, theirs = (one.classifier.run(picture, ["scores"])[0] for one in (result, plain))
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


@pytest.mark.slow
@needs_tensorflow
@pytest.mark.parametrize(("sided", "said"), [(True, "No picture is"), (False, "Half of the")])
def test_pictures_are_mirrored_where_that_changes_no_label(
    tmp_path: Path, sided: bool, said: str
) -> None:
    """Slopes that rise or fall are each other's mirror images; rows and columns are their own."""
    random = np.random.default_rng(0)
    down, across = np.mgrid[:64, :64]
    kinds = (down + across, down - across) if sided else (down, across)
    for label, along in zip(("one", "other"), kinds, strict=True):
        (tmp_path / label).mkdir()
        for i in range(12):
            wave = 128 + 100 * np.sin(
                2 * np.pi * (along / random.uniform(10, 14) + random.random())
            )
            light = np.asarray(
                draw_scene(64, 64, seed=int(random.integers(1_000_000))).convert("L")
            )
            wave = wave * 0.7 + light * 0.3
            picture = Image.fromarray(np.repeat(wave[..., None], 3, axis=2).astype(np.uint8))
            picture.save(tmp_path / label / f"{i}.png")

    def stop(sentence: str) -> None:
        assert sentence.startswith(said)
        raise KeyboardInterrupt

    engine = TensorFlow(fine_tuning=FineTuning(epochs=1, validation=0.5))
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, quality="fast", test=0, engine=engine, watch=Watch(say=stop))


@needs_tensorflow
def test_batches_are_as_large_as_memory_allows(
    tuned: Tuned, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tellapart.training.tensorflow import memory

    assert not any("more memory" in sentence for sentence in tuned.said)
    monkeypatch.setattr(memory, "free_memory", lambda: 500_000)
    said: list[str] = []
    train(
        tuned.photos,
        backbone=KerasBackbone(str(tuned.network)),
        engine=TensorFlow(Distortions(), replace(BLIND_TUNING, epochs=1, seed=1)),
        watch=Watch(say=said.append),
    )
    (capped,) = [sentence for sentence in said if "more memory" in sentence]
    assert re.match(r"Learning from [1-7] pictures? at a time instead of 8", capped)


@needs_tensorflow
def test_rates_fall_from_the_highest_layer_to_the_lowest(fast: KerasNetwork) -> None:
    from tellapart.training.tensorflow.fine_tuning import layer_rates

    rates = layer_rates(fast, FineTuning(rate=1e-3, lowest=0.1))
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == pytest.approx((1e-4, 1e-3))


def test_better_by_more_than_luck() -> None:
    truth = np.zeros(40, np.int64)
    frozen = np.tile([0.0, 0.0], (40, 1))
    groups = [str(i) for i in range(40)]
    random = np.random.default_rng(0).normal(0, 0.3, 40)
    better = np.stack([1.0 + random, np.zeros(40)], axis=1)
    found = verdict(frozen, better, truth, groups)
    assert found.kept
    assert found.saved > 2 * found.error > 0
    assert not verdict(better, frozen, truth, groups).kept
    turned = np.stack([-better[:, 0], np.zeros(40)], axis=1)
    assert verdict(better, turned, truth, groups).worse
    assert not verdict(better, 0.5 * better, truth, groups).worse  # less sure, and as right
    noise = np.stack([random - random.mean(), np.zeros(40)], axis=1)
    assert not verdict(frozen, noise, truth, groups).kept
    bursts = verdict(frozen, better, truth, ["a"] * 20 + ["b"] * 20)
    assert bursts.count == 40
    # Fewer right is never kept, however much surer the others are.
    wrong = np.tile([9.0, 0.0], (40, 1))
    wrong[0] = [0.0, 0.1]
    assert not verdict(frozen, wrong, truth, groups).kept


@pytest.mark.slow
@needs_tensorflow
def test_fine_tuning_goes_on_after_a_kill(tuned: Tuned, tmp_path: Path) -> None:
    command: list[str | Path] = [
        *(*COMMAND, "train", tuned.photos, "-o", tmp_path / "model", "--json"),
        *("--backbone", f"keras:{tuned.network}", "--learning-rate", "0.02"),
        *("--engine", "tensorflow", "--fine-tune", "8", "--batch-size", "4"),
        *("--validation", "0.3", "--checkpoints", tmp_path / "kept", "--checkpoint-every", "1"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    index = tmp_path / "kept" / "checkpoint"
    for _ in range(2400):
        if index.is_file() and "ckpt-3" in index.read_text():
            break
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "model").exists()
    found = run(*map(str, command[len(COMMAND) :]))
    assert found.code == 0, found.err
    (note,) = [note for note in found.json()["notes"] if "Resumed at step" in note]
    assert int(note.split("step ")[1].split()[0]) >= 3
    assert run("guess", tmp_path / "model", tuned.photos).code == 0
    other = run(*map(str, command[len(COMMAND) :]), "--seed", "5")
    assert other.code == 2
    *slow, error, hint = other.err.splitlines()
    assert all(re.match(r"[A-Z][a-z ]+: \d", line) for line in slow)  # how far it is
    assert only_sentences(f"{error}\n{hint}")
    assert "another training" in error


@pytest.mark.slow
@needs_tensorflow
def test_checkpoints_are_kept_until_the_model_is_saved(
    tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tellapart.training.tensorflow import tuned_model

    monkeypatch.setenv("TELLAPART_CACHE", str(tmp_path / "cache"))
    engine = TensorFlow(fine_tuning=replace(BLIND_TUNING, epochs=1))

    def trained() -> TrainResult:
        return train(tuned.photos, backbone=KerasBackbone(str(tuned.network)), engine=engine)

    def kept() -> list[Path]:
        return [*(tmp_path / "cache" / "fine-tuning").rglob("ckpt-*")]

    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tuned_model, "_embedded_anew", killed)
        with pytest.raises(KeyboardInterrupt):
            trained()
    assert kept()
    result = trained()
    assert any("Resumed at step" in note for note in result.notes)
    (tmp_path / "full").write_text("a file, not a folder")
    with pytest.raises(DestinationError):
        result.save(tmp_path / "full")
    assert kept()
    result.save(tmp_path / "model")
    assert not kept()


@needs_tensorflow
def test_fine_tuning_needs_pictures_to_watch(heroes: DemoPictures, tmp_path: Path) -> None:
    photos = few_of(heroes, tmp_path / "photos", 5)
    with pytest.raises(DatasetError, match="to spare for the validation"):
        train(photos, quality="fast", engine=TensorFlow(fine_tuning=FineTuning(epochs=1)))


# Keras networks.


def small_keras(path: Path, *, rescaling: bool = True, odd: str = "") -> Path:
    """A classifier with one of most kinds of layers, saved as a `.keras` file."""
    from tellapart.training.tensorflow.runtime import keras

    layers = keras().layers
    keras().utils.set_random_seed(3)
    entry = keras().Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(entry) if rescaling else entry
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(x)
    y = layers.DepthwiseConv2D(5, padding="same", depth_multiplier=2)(x)
    y = layers.ReLU(max_value=6.0)(y)
    y = layers.SeparableConv2D(8, 3, padding="same", activation="silu")(y)
    squeezed = layers.GlobalAveragePooling2D()(y)
    squeezed = layers.Dense(8, activation="sigmoid")(squeezed)
    y = layers.Multiply()([y, layers.Reshape((1, 1, 8))(squeezed)])
    x = layers.Add()([x, y])
    x = layers.Concatenate()(
        [
            layers.MaxPooling2D(3, strides=2, padding="same")(x),
            layers.AveragePooling2D(3, strides=2, padding="same")(x),
        ]
    )
    if odd == "transposed":
        x = layers.Conv2DTranspose(8, 2, strides=2)(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(16, 3, activation="gelu" if odd != "activation" else "softsign")(x)
    x = layers.Dropout(0.5)(x)
    if odd != "no pooling":
        x = layers.GlobalAveragePooling2D()(x)
        x = layers.Dense(4, activation="softmax")(x)
    keras().Model(entry, x).save(path)
    return path


@needs_tensorflow
@pytest.mark.parametrize("odd", ["", "no pooling"])
def test_a_keras_file_gives_its_features(tmp_path: Path, odd: str) -> None:
    from tellapart.training.tensorflow.keras_backbone import read_keras_backbone

    path = small_keras(tmp_path / "small.keras", odd=odd)
    trunk = read_keras_backbone(KerasBackbone(str(path)))
    assert (trunk.size, trunk.channels) == (32, 16)
    assert trunk.mean == (0.0, 0.0, 0.0)
    assert trunk.trunk().grid == 8


@needs_tensorflow
@pytest.mark.parametrize(
    ("odd", "said"),
    [("transposed", "a layer of the kind Conv2DTranspose"), ("activation", "softsign")],
)
def test_a_network_of_other_layers_is_refused(tmp_path: Path, odd: str, said: str) -> None:
    from tellapart.training.tensorflow.keras_backbone import read_keras_backbone

    path = small_keras(tmp_path / "odd.keras", odd=odd)
    with pytest.raises(BackboneError, match=said):
        read_keras_backbone(KerasBackbone(str(path)))


@needs_tensorflow
def test_a_keras_backbone_that_is_none_is_said_so(tmp_path: Path) -> None:
    from tellapart.training.tensorflow.keras_backbone import read_keras_backbone

    silent = small_keras(tmp_path / "silent.keras", rescaling=False)
    with pytest.raises(BackboneError, match="does not say which pixels"):
        read_keras_backbone(KerasBackbone(str(silent)))
    assert read_keras_backbone(KerasBackbone(str(silent), "0..1")).scale == (255.0,) * 3
    (tmp_path / "broken.keras").write_bytes(b"PK\x03\x04")
    with pytest.raises(BackboneError, match="cannot be read as a Keras model"):
        read_keras_backbone(KerasBackbone(str(tmp_path / "broken.keras")))
    with pytest.raises(BackboneError, match="There is no file"):
        read_keras_backbone(KerasBackbone(str(tmp_path / "none.keras")))
    with pytest.raises(BackboneError, match="no Keras application called Inception99"):
        read_keras_backbone(KerasBackbone("Inception99"))


@needs_tensorflow
def test_weights_that_keras_has_not_are_not_downloaded(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(
        *("train", photos, "-o", tmp_path / "m", "--backbone", "keras:MobileNetV2"),
        environment={"KERAS_HOME": str(tmp_path / "keras")},
    )
    assert found.code == 2
    assert found.out == ""
    assert "The weights of MobileNetV2 are not in Keras's own cache" in found.err


@needs_tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50", "EfficientNetB0", "MobileNetV3Small"])
def test_applications_become_onnx(name: str) -> None:
    """With random weights: the trunk is checked against Keras as it is made."""
    from tellapart.training.tensorflow import keras_backbone as backbone

    module, build = backbone._application(name)
    model = build(weights=None, include_top=True, input_shape=(224, 224, 3))
    pixels, order = backbone._expected(module)
    trunk = backbone._as_trunk(backbone._features(model), pixels, order)
    assert trunk.trunk().grid == 7
    assert trunk.never_negative == (name in ("MobileNetV2", "ResNet50"))
    assert order == ([2, 1, 0] if name == "ResNet50" else [0, 1, 2])


@needs_tensorflow
@pytest.mark.slow
@pytest.mark.parametrize(
    "engine", [None, TensorFlow(), TensorFlow(fine_tuning=FineTuning(epochs=1, validation=0.3))]
)
def test_a_keras_file_as_backbone(photos: Path, tmp_path: Path, engine: TensorFlow | None) -> None:
    path = small_keras(tmp_path / "small.keras")
    sgd = QUICK if engine and not engine.fine_tuning else None
    result = train(photos, backbone=KerasBackbone(str(path)), sgd=sgd, engine=engine)
    result.save(tmp_path / "model")
    found = subprocess.run(
        [sys.executable, "-c", BLIND, "guess", tmp_path / "model", photos, "--json"],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert result.classifier.manifest.backbones == ("own",)


@needs_tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("target", ["keras", "tflite"])
def test_a_keras_network_goes_back_to_tensorflow(photos: Path, tmp_path: Path, target: str) -> None:
    """With the layers that small_keras has not."""
    from tellapart.training.tensorflow.runtime import keras

    layers = keras().layers
    keras().utils.set_random_seed(5)
    entry = keras().Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(entry)
    x = layers.ZeroPadding2D(((1, 0), (2, 1)))(x)
    x = layers.Conv2D(8, 3, strides=2, activation="gelu")(x)
    x = layers.LayerNormalization()(x)
    x = layers.Cropping2D(((1, 0), (0, 2)))(x)
    x = layers.Maximum()([x, layers.Conv2D(8, 1, activation="softmax")(x)])
    squeezed = layers.GlobalMaxPooling2D()(x)
    squeezed = layers.Dense(8, activation="tanh")(layers.LayerNormalization()(squeezed))
    x = layers.Multiply()([x, layers.Reshape((1, 1, 8))(squeezed)])
    keras().Model(entry, layers.GlobalAveragePooling2D()(x)).save(tmp_path / "own.keras")
    classifier = train(photos, backbone=KerasBackbone(str(tmp_path / "own.keras"))).classifier
    pictures = sorted(photos.rglob("*.*"))[:12]
    assert export(classifier, target, tmp_path / "out", pictures).proof.largest_difference < 1e-3
