"""retrain.py's command line: every flag is honoured, answered or refused, and none is missed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pytest

import tellapart
from conftest import mostly_slow
from drawn import few_of, only_sentences, run
from tellapart.cli.retrain.flags import Flags, Retraining, read_flags
from tellapart.cli.retrain.run import with_output_named
from tellapart.demo.walk import DemoPictures
from tellapart.errors import UsageError
from tellapart.exporters.tensorflow_target import original_labels
from tellapart.training.tensorflow_settings import Distortions

ROOT = Path(__file__).parents[1]
NAMES = [field.name for field in fields(Flags)]
HAS_TENSORFLOW = find_spec("tensorflow") is not None
needs_tensorflow = pytest.mark.skipif(not HAS_TENSORFLOW, reason="TensorFlow is not installed")
without_tensorflow = pytest.mark.skipif(HAS_TENSORFLOW, reason="TensorFlow is installed")


def read(*flags: str) -> Retraining:
    return read_flags(["--image_dir", "photos", *flags])


# The table


def test_the_page_has_a_row_for_every_flag_and_for_no_other() -> None:
    page = (ROOT / "docs" / "retrain.md").read_text("utf-8")
    assert re.findall(r"^\| `--(\w+)", page, re.MULTILINE) == NAMES


def test_help_names_every_flag() -> None:
    found = re.findall(r"\w+", run("retrain", "--help").out)
    assert [name for name in NAMES if name not in found] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_flag_is_taken_in_both_spellings(name: str) -> None:
    default = getattr(Flags(), name)
    value = {bool: "true", int: "7", float: "0.5"}.get(type(default), "good")
    if name == "logging_verbosity":
        value = "WARN"
    for spelling in ([f"--{name}", value], [f"--{name}={value}"]):
        flags = read_flags(spelling if name == "image_dir" else ["--image_dir", "p", *spelling])
        assert getattr(flags.flags, name) == type(default)(value)
        assert name in flags.asked


def test_the_defaults_are_the_originals() -> None:
    retraining = read()
    assert retraining.sgd.steps == 4000
    assert retraining.sgd.learning_rate == 0.01
    assert retraining.sgd.batch_size == 100
    assert retraining.sgd.eval_every == 10
    assert retraining.share == 0.10
    assert retraining.sgd.validation * 0.9 == pytest.approx(0.10)  # of all pictures
    assert (retraining.quality, retraining.engine, retraining.notes) == ("good", None, ())
    assert not retraining.needs_tensorflow
    assert retraining.model == Path("/tmp/output_graph-model")


def test_shares_are_percentages_of_all_pictures() -> None:
    retraining = read("--testing_percentage=50", "--validation_percentage", "25")
    assert (retraining.share, retraining.sgd.validation) == (0.5, 0.5)
    assert read("--testing_percentage=0", "--validation_percentage=0").share == 0


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        (["--flip_left_right"], True),
        (["--flip_left_right=true"], True),
        (["--flip_left_right", "True"], True),
        (["--flip_left_right=1"], True),
        (["--noflip_left_right"], False),
        (["--flip_left_right=false"], False),
        (["--flip_left_right", "--noflip_left_right"], False),
        (["--flip_left"], True),
        ([], False),
    ],
)
def test_booleans_as_absl_and_argparse_take_them(spelling: list[str], expected: bool) -> None:
    retraining = read(*spelling)
    assert retraining.flags.flip_left_right is expected
    assert (retraining.engine is not None) is expected


def test_what_tensorflow_is_needed_for_goes_to_its_engine() -> None:
    flags = ["--random_crop=10", "--random_scale=20", "--random_brightness=30", "--flip_left_right"]
    engine = read(*flags, "--summaries_dir=logs", "--checkpoint_path=points").engine
    assert engine
    assert engine.distortions == Distortions(True, 10, 20, 30)
    assert (engine.summaries, engine.checkpoints) == (Path("logs"), Path("points"))
    assert read("--summaries_dir=logs").needs_tensorflow
    assert read("--saved_model_dir=served").needs_tensorflow
    assert read("--intermediate_store_frequency=500").needs_tensorflow


def test_intermediate_graphs_are_of_the_steps_that_the_original_chose() -> None:
    retraining = read("--how_many_training_steps=1000", "--intermediate_store_frequency=250")
    assert list(retraining.intermediate) == [250, 500, 750]


@pytest.mark.parametrize(
    ("network", "quality", "notes"),
    [
        ("inception_v3", "good", 1),
        ("https://tfhub.dev/google/imagenet/inception_v3/feature_vector/1", "good", 1),
        ("mobilenet_1.0_224", "fast", 1),
        ("mobilenet_0.50_224_quantized", "fast", 2),
        (".../mobilenet_v1_100_224/quantops/feature_vector/1", "fast", 2),
        ("best", "best", 0),
    ],
)
def test_other_networks_are_stood_in_for_and_that_is_said(
    network: str, quality: str, notes: int
) -> None:
    for flag in ("--architecture", "--tfhub_module"):
        retraining = read(flag, network)
        assert retraining.quality == quality
        assert len(retraining.notes) == notes
        assert only_sentences("\n".join(retraining.notes)) or not notes


@pytest.mark.parametrize(
    "flag", ["--test_batch_size=50", "--validation_batch_size=100", "--model_dir=/tmp/imagenet"]
)
def test_what_has_no_meaning_here_is_answered(flag: str) -> None:
    (note,) = read(flag).notes
    assert note.startswith(flag.replace("=", " "))
    assert only_sentences(note)


def test_all_pictures_of_a_side_is_what_is_done_anyway() -> None:
    assert read("--test_batch_size", "-1", "--validation_batch_size=-1").notes == ()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "--image_dir is missing"),
        (["--image_dir="], "--image_dir is missing"),
        (["--image_dir", "p", "--image_directory", "q"], "Unrecognized arguments"),
        (["--image_dir", "p", "q"], "Unrecognized arguments: q"),
        (["--image_dir", "p", "--random=3"], "Ambiguous option"),
        (["--image_dir", "p", "--random_crop"], "Argument --random_crop: expected one"),
        (["--image_dir", "p", "--random_crop", "x"], "Argument --random_crop: invalid int"),
        (["--image_dir", "p", "--random_crop=101"], "The random crop must be a percentage"),
        (["--image_dir", "p", "--flip_left_right=maybe"], "Argument --flip_left_right"),
        (["--image_dir", "p", "--how_many_training_steps=0"], "The steps must be 1 or more"),
        (["--image_dir", "p", "--learning_rate=-1"], "The learning rate must be above 0, not -1"),
        (["--image_dir", "p", "--train_batch_size=0"], "The batch size must be 1 to 10000, not 0."),
        (
            ["--image_dir", "p", "--testing_percentage=95"],
            "95 % for testing and 10 % for validation leave nothing",
        ),
        (
            ["--image_dir", "p", "--testing_percentage=100"],
            "100 % for testing and 10 % for validation leave nothing",
        ),
        (
            ["--image_dir", "p", "--testing_percentage=-5"],
            "--testing_percentage must be 0 or more, not -5.",
        ),
        (["--image_dir", "p", "--testing_percentage=12.5"], "Argument --testing_percentage"),
        (["--image_dir", "p", "--intermediate_store_frequency=-1"], "--intermediate_store"),
        (["--image_dir", "p", "--logging_verbosity=LOUD"], "--logging_verbosity must be one of"),
        (["--image_dir", "p", "--final_tensor_name=a b"], "--final_tensor_name a b"),
        (["--image_dir", "p", "--architecture=resnet_50"], "--architecture resnet_50"),
        (["--image_dir", "p", "--architecture=best", "--tfhub_module=good"], "--architecture and"),
        (
            ["--image_dir", "p", "--intermediate_store_frequency=5", "--flip_left_right"],
            "--intermediate_store_frequency does not go with distorted",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(flags: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_flags(flags)
    assert caught.value.message.startswith(said)
    assert only_sentences(caught.value.message)


# The whole thing


@pytest.fixture(scope="module")
def photos(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_of(heroes, tmp_path_factory.mktemp("retrain") / "my photos", 25)


def flags_for(photos: Path, folder: Path, *more: str | Path) -> list[str]:
    """A quick training, all of it below a folder."""
    return [
        *("--image_dir", str(photos), "--how_many_training_steps=30", "--tfhub_module=fast"),
        *("--output_graph", str(folder / "graph.pb"), f"--output_labels={folder / 'l' / 'a.txt'}"),
        *map(str, more),
    ]


@pytest.mark.slow
@without_tensorflow
def test_without_tensorflow_there_are_a_model_labels_and_a_sentence(
    photos: Path, tmp_path: Path
) -> None:
    found = run("retrain", *flags_for(photos, tmp_path, "--test_batch_size", "-1"))
    assert found.code == 1  # a graph was asked for
    assert found.err.strip().splitlines()[-2:] == [
        "The graph was not written. This needs TensorFlow, which is not installed.",
        'Type: pip install "tellapart[tensorflow]"',
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"graph-model", "l"}
    assert (tmp_path / "l" / "a.txt").read_text() == "dark knight\nice queen\n"
    classifier = tellapart.load(tmp_path / "graph-model")
    assert classifier.labels == ("dark_knight", "ice_queen")


@without_tensorflow
@pytest.mark.parametrize(
    "flag",
    mostly_slow(
        ["--flip_left_right", "--summaries_dir=s", "--saved_model_dir=s", "--checkpoint_path=s"], 1
    ),
)
def test_without_tensorflow_what_needs_it_is_refused_before_training(
    photos: Path, tmp_path: Path, flag: str
) -> None:
    found = run("retrain", *flags_for(photos, tmp_path, flag), cwd=tmp_path)
    assert found.code == 2
    assert found.err.startswith("This needs TensorFlow")
    assert list(tmp_path.iterdir()) == []


def test_the_log_says_what_the_original_said(photos: Path, tmp_path: Path) -> None:
    found = run("retrain", *flags_for(photos, tmp_path, "--print_misclassified_test_images"))
    steps = [line for line in found.err.splitlines() if line.startswith("Step ")]
    for step in (0, 10, 20, 29):
        for what in (r"Train accuracy = \d+\.\d%", r"Cross entropy = \d\.\d{6}"):
            assert any(re.fullmatch(f"Step {step}: {what}", line) for line in steps)
    assert any(re.fullmatch(r"Step 29: Validation accuracy = \d+\.\d%", line) for line in steps)
    lines = found.out.splitlines()
    assert re.fullmatch(r"Final test accuracy = \d+\.\d% \(N=\d+\)", lines[0])
    assert lines[1] == "=== MISCLASSIFIED TEST IMAGES ==="
    assert f"Save final result to : {tmp_path / 'graph-model'}" in lines


@pytest.mark.slow
def test_quiet_levels_log_no_steps_and_json_is_json(photos: Path, tmp_path: Path) -> None:
    flags = flags_for(
        photos, tmp_path, "--logging_verbosity=ERROR", "--bottleneck_dir", tmp_path / "kept"
    )
    environment = dict(os.environ)
    found = run("retrain", "--json", *flags)
    value = json.loads(found.out)
    assert value["model"] == str(tmp_path / "graph-model")
    assert str(tmp_path / "l" / "a.txt") in value["written"]
    assert (value["missing"] is None) is HAS_TENSORFLOW
    assert "Step " not in found.err
    assert [*(tmp_path / "kept").rglob("*.shard")]  # what was computed of each picture
    assert dict(os.environ) == environment


def test_the_saved_model_never_takes_the_place_of_something(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "mine").touch()
    flags = flags_for(photos, tmp_path, "--saved_model_dir", tmp_path / "served")
    found = run("retrain", *flags)
    assert found.code == 2
    assert "already contains something" in found.err
    assert not (tmp_path / "graph-model").exists()


def test_hints_name_its_own_options(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    found = run("retrain", *flags_for(photos, tmp_path, "--output_model", tmp_path / "mine"))
    assert found.code == 2
    assert only_sentences(found.err)
    assert "Choose a new folder with --output_model." in found.err


READ_GRAPH = """
import sys
import tensorflow as tf
graph = tf.compat.v1.GraphDef.FromString(open(sys.argv[1], "rb").read())
with tf.Graph().as_default() as whole:
    tf.import_graph_def(graph, name="")
    with tf.compat.v1.Session() as session:
        jpeg = open(sys.argv[2], "rb").read()
        pixels = tf.io.decode_jpeg(jpeg, channels=3)
        tensor = whole.get_tensor_by_name(sys.argv[3] + ":0")
        pixels = session.run(pixels)
        print(session.run(tensor, {"DecodeJpeg/contents:0": jpeg}).tolist())
"""


@needs_tensorflow
@pytest.mark.slow
def test_with_tensorflow_all_files_are_written(
    photos: Path, heroes: DemoPictures, tmp_path: Path
) -> None:
    flags = flags_for(
        photos,
        tmp_path,
        "--final_tensor_name=my_result",
        "--intermediate_store_frequency=20",
        f"--intermediate_output_graphs_dir={tmp_path / 'steps'}",
        f"--saved_model_dir={tmp_path / 'served' / '1'}",
    )
    found = run("retrain", *flags)
    assert found.code == 0, found.err
    assert (tmp_path / "served" / "1" / "saved_model.pb").is_file()
    assert [path.name for path in (tmp_path / "steps").iterdir()] == ["intermediate_20.pb"]
    picture = next(path for path in sorted(photos.rglob("*.jpg")))
    graph = tmp_path / "graph.pb"
    answer = subprocess.run(
        [sys.executable, "-c", READ_GRAPH, graph, picture, "my_result"],
        capture_output=True,
        text=True,
        check=True,
    )
    (scores,) = json.loads(answer.stdout.strip().splitlines()[-1])
    ours = tellapart.load(tmp_path / "graph-model").predict(picture).scores
    labels = original_labels(list(ours))
    assert (tmp_path / "l" / "a.txt").read_text().split("\n")[:2] == sorted(labels)
    for label, score in zip(("dark_knight", "ice_queen"), scores, strict=True):
        assert ours[label] == pytest.approx(score, abs=0.05)  # TensorFlow's JPEG decoder


@needs_tensorflow
@pytest.mark.slow
def test_with_tensorflow_distorted_pictures_train_a_model(photos: Path, tmp_path: Path) -> None:
    more = ("--flip_left_right", "--random_brightness=10", f"--summaries_dir={tmp_path / 'logs'}")
    flags = flags_for(photos, tmp_path, *more, "--how_many_training_steps=3")
    found = run("retrain", *flags, "--train_batch_size=8")
    assert found.code == 0, found.err
    assert (tmp_path / "graph-model" / "model.onnx").is_file()
    assert any((tmp_path / "logs").rglob("events.*"))


# The name of the output in a graph


def field(content: bytes, tag: int = 0x0A) -> bytes:
    """A field of a protocol buffer."""
    size, head = len(content), bytearray([tag])
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*head, size]) + content


@pytest.mark.parametrize("name", ["a", "softmax", "n" * 200])
def test_only_the_output_gets_another_name(name: str) -> None:
    weights = field(b"final_result weights") + field(bytes(70_000), 0x2A)
    output = field(b"final_result") + field(b"Softmax", 0x12) + field(b"logits", 0x1A)
    versions = field(b"\x08\x86\x01", 0x22)
    graph = field(weights) + field(output) + versions
    renamed = field(name.encode()) + output.removeprefix(field(b"final_result"))
    assert with_output_named(graph, name) == field(weights) + field(renamed) + versions
    assert with_output_named(graph, "final_result") is graph
