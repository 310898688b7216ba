"""What `export --to frigate` writes does in Frigate's way what the model says.

TensorFlow runs in processes of its own here too: this one must never import it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from math import inf
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import tellapart
from conftest import draw_scene
from drawn import small_network
from tellapart.backbones.foreign import ForeignBackbone
from tellapart.backbones.novelty_nodes import stored_novelty
from tellapart.backbones.runtime import open_session
from tellapart.demo.walk import DemoPictures
from tellapart.errors import MissingExtraError, ModelError
from tellapart.exporters import frigate, frigate_words, photoprism_words, tensorflow_target
from tellapart.exporters.anatomy import read_anatomy
from tellapart.exporters.export import TARGETS, export
from tellapart.exporters.frigate import SIDE, labelmap
from tellapart.exporters.frigate_feed import squashed
from tellapart.exporters.target import write_program
from tellapart.model.classifier import Classifier

tensorflow = pytest.mark.skipif(
    find_spec("tensorflow") is None or find_spec("ai_edge_litert") is None,
    reason='TensorFlow is not installed here: pip install "tellapart[tensorflow]"',
)

# What Frigate's code does with a model, but for the camera: squares in, probabilities out.
_FRIGATE = """
import json, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path="model.tflite", num_threads=2)
interpreter.allocate_tensors()
given, answer = interpreter.get_input_details(), interpreter.get_output_details()
rows = []
for square in np.load(sys.argv[1]):
    interpreter.set_tensor(given[0]["index"], np.expand_dims(square, axis=0))
    interpreter.invoke()
    rows.append(interpreter.get_tensor(answer[0]["index"])[0])
print(json.dumps({
    "input": [given[0]["dtype"].__name__, given[0]["shape"].tolist(), len(given)],
    "output": [rows[0].dtype.name, len(answer)],
    "rows": [row.tolist() for row in rows],
}))
"""


def in_frigate(folder: Path, squares: np.ndarray, place: Path) -> dict[str, list[list[int]]]:
    """What the interpreter of an export says of squares uint8 `[N,224,224,3]`."""
    np.save(place / "squares.npy", squares)
    run = subprocess.run(
        [sys.executable, "-c", _FRIGATE, str(place / "squares.npy")],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answer: dict[str, list[list[int]]] = json.loads(run.stdout.splitlines()[-1])
    return answer


def lines_of(folder: Path) -> list[str]:
    return (folder / "labelmap.txt").read_text("utf-8").splitlines()


def small(folder: Path, labels: tuple[str, ...]) -> Classifier:
    """A classifier on somebody's own network of 32 x 32 pixels: quick to train, quick to write."""
    path = folder / "small.onnx"
    path.write_bytes(small_network().SerializeToString())
    pictures = [
        (np.asarray(draw_scene(200 + 20 * seed, 240, seed)), label)
        for at, label in enumerate(labels)
        for seed in range(at, 4 * len(labels), len(labels))
    ]
    backbone = ForeignBackbone(path, pixels="0..1")
    return tellapart.train(pictures, backbone=backbone).classifier


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("photos")
    for seed in range(8):
        draw_scene(200 + 40 * seed, 320, seed).save(root / f"{seed}.png")
    return sorted(root.iterdir())


# What needs no TensorFlow.


# sha256 of what opencv-python-headless 4.11.0 and 5.0.0 give for the same picture.
@pytest.mark.parametrize(
    ("height", "width", "digest"),
    [
        (448, 448, "c8ea8aa734d3bcd1"),  # averaged
        (448, 300, "11a6ca58372481c7"),
        (5, 7, "1671fecc2acabe84"),
        (224, 224, "ca97249597d9f0a7"),
        (301, 97, "c94aa49448636366"),
        (60, 640, "7802de26aa1b390c"),
        (1, 1, "45a90ae412d4cbef"),
    ],
)
def test_pictures_are_made_square_as_opencv_does(height: int, width: int, digest: str) -> None:
    mixed = (
        np.arange(height * width * 3, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(2**32)
    )
    picture = (mixed >> np.uint64(24)).astype(np.uint8).reshape(height, width, 3)
    square = squashed(picture, SIDE)
    assert hashlib.sha256(square.tobytes()).hexdigest().startswith(digest)


@given(st.integers(1, 500), st.integers(1, 500), st.integers(0, 255))
def test_one_colour_stays_that_colour_in_any_shape(height: int, width: int, value: int) -> None:
    picture = np.full((height, width, 3), value, np.uint8)
    square = squashed(picture, SIDE)
    assert square.shape == (SIDE, SIDE, 3)
    assert np.abs(square.astype(int) - value).max() <= 1  # weights of a mix lose 4 bits


@pytest.mark.parametrize(
    ("labels", "above", "lines"),
    [
        (["cat", "dog"], 3.0, ["cat", "dog", "none"]),
        (["cat", "dog"], inf, ["cat", "dog"]),
        (["cat", "none"], 3.0, ["cat", "none"]),
        (["None", "cat"], 3.0, ["none", "cat"]),
        (["NONE", "cat"], inf, ["none", "cat"]),
        (["two\nlines", "cat"], 3.0, ["two\\nlines", "cat", "none"]),
        (["in/out", "cat"], inf, ["in_out", "cat"]),  # it is part of the name of a file there
        (["in/out", "in_out", "in__out"], inf, ["in___out", "in_out", "in__out"]),
    ],
)
def test_the_labelmap_has_one_class_none(labels: list[str], above: float, lines: list[str]) -> None:
    assert labelmap(labels, above) == lines


@pytest.mark.parametrize(
    ("model", "its", "same", "unsure"),
    [
        ((0.5, 0.5 - 1e-6, 0.0), (0.4, 0.6, 0.0), 1, 1),  # the model does not know either
        ((0.52, 0.48, 0.0), (0.48, 0.52, 0.0), 1, 1),
        ((0.6, 0.4, 0.0), (0.4, 0.6, 0.0), 0, 0),
        ((0.6, 0.4, 0.0), (0.7, 0.3, 0.0), 1, 0),
        ((0.5, 0.5, 0.0), (0.0, 0.0, 1.0), 0, 0),  # `none` is no matter of scores
        ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0), 1, 0),
    ],
)
def test_of_labels_that_the_model_holds_for_equally_likely_either_is_right(
    model: tuple[float, ...], its: tuple[float, ...], same: int, unsure: int
) -> None:
    expected, answer = (
        dict(zip(("cat", "dog", "none"), scores, strict=True)) for scores in (model, its)
    )
    proof, found = frigate.compared([expected], [answer], [Path("a.png")])
    assert (proof.same_label, found) == (same, unsure)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("heroes-frigate", "heroes"),
        ("/a/Front gate", "front-gate"),
        ("x.y-frigate", "x-y"),
        ("ворота", "tellapart"),
    ],
)
def test_each_model_has_a_place_of_its_own_in_frigate(folder: str, name: str) -> None:
    steps = frigate.steps(Path(folder))
    assert f"cp model.tflite labelmap.txt /config/model_cache/{name}/" in steps
    of_object, of_state = (
        yaml.safe_load(block)["classification"]["custom"][name]
        for block in re.findall(r"```yaml\n(.*?)```", steps, re.DOTALL)
    )
    assert of_object["object_config"]["classification_type"] == "sub_label"
    assert of_state["state_config"]["motion"] is True
    assert len(of_state["state_config"]["cameras"]["front"]["crop"]) == 4


@pytest.mark.parametrize("program", ["frigate", "photoprism"])
def test_a_program_says_which_packages_it_needs(program: str, tmp_path: Path) -> None:
    """In a Python that has none, as one has who was only given the folder."""
    write_program(tmp_path, f"{program}.py")
    command = [sys.executable, "-S", "example.py", "a.jpg"]  # without installed packages
    told = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, env={}
    )
    install = {"frigate": frigate_words.INSTALL, "photoprism": photoprism_words.INSTALL}[program]
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    assert told.stderr.endswith(f"{install}\n")


def test_without_tensorflow_the_command_to_install_it_is_said(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorflow_target, "find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match=r"tellapart\[tensorflow\]"):
        export(small(tmp_path, ("cat", "dog")), "frigate", tmp_path / "out", photos)
    assert not (tmp_path / "out").exists()


def test_the_novelty_read_back_from_a_model_is_that_of_the_model(
    photos: list[Path], tmp_path: Path
) -> None:
    """TensorFlow has it from there."""
    classifier = small(tmp_path, ("cat", "dog"))
    anatomy, session = read_anatomy(classifier.content), open_session(classifier.content)
    kept = stored_novelty(anatomy.constants)
    for path in photos[:3]:
        pixels = np.asarray(Image.open(path))[None]
        embedding, novelty = session.run(["embedding", "novelty"], {"image": pixels})
        logits = embedding @ anatomy.weights.T + anatomy.bias
        assert kept.of(embedding, logits) == pytest.approx(novelty, abs=1e-3)


def test_what_the_system_refuses_is_handed_on_by_number(tmp_path: Path) -> None:
    """So that of a full disk the folder is named, in the words that all exports have."""
    job = {"form": "frigate", "model": str(tmp_path / "none"), "folder": "", "pictures": []}
    command = [sys.executable, "-m", "tellapart.exporters.tensorflow_process"]
    told = subprocess.run(
        command, input=json.dumps(job), capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(told.stdout) == {"errno": errno.ENOENT}


# What is written.


@pytest.fixture(scope="module")
def model(heroes: DemoPictures) -> Classifier:
    return tellapart.train(heroes.photos, quality="fast").classifier


@pytest.fixture(scope="module")
def folder(
    model: Classifier, heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Written and proved once."""
    drawn = sorted(path for path in heroes.kept_back.rglob("*") if path.is_file())[:12]
    place = tmp_path_factory.mktemp("frigate") / "dog or cat"
    result = export(model, "frigate", place, drawn)
    assert result.proof.same_label >= 11
    assert "made square as Frigate does" in result.proof.note
    return result.folder


@tensorflow
@pytest.mark.slow
def test_the_model_answers_as_frigate_asks(
    folder: Path, model: Classifier, heroes: DemoPictures, tmp_path: Path
) -> None:
    """Bytes of a square picture in, bytes out whose shares are the model's scores for the square;
    what is unlike all that the model has seen is `none`."""
    paths = sorted(path for path in heroes.kept_back.rglob("*") if path.is_file())[12:24]
    noise = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    squares = np.stack([*(squashed(picture, SIDE) for picture in pictures), noise])
    answer = in_frigate(folder, squares, tmp_path)
    assert answer["input"] == ["uint8", [1, SIDE, SIDE, 3], 1]
    assert answer["output"] == ["uint8", 1]
    lines = lines_of(folder)
    assert lines == [*model.labels, "none"]
    *known, odd = model.predict_many(squares)
    *rows, of_noise = (np.array(row) for row in answer["rows"])
    right = 0
    for row, expected in zip(rows, known, strict=True):
        assert row.sum() == 255
        shares = dict(zip(lines, row / row.sum(), strict=True))
        best = max(shares, key=lambda line: shares[line])
        right += best == ("none" if expected.unknown else expected.label)
        if best != "none" and not expected.unknown:
            assert {label: shares[label] for label in model.labels} == pytest.approx(
                expected.scores, abs=0.3
            )
    assert right >= len(rows) - 1
    assert odd.unknown
    assert of_noise.tolist() == [0] * len(model.labels) + [255]


@tensorflow
@pytest.mark.slow
def test_answers_that_differ_too_much_are_refused(
    folder: Path, model: Classifier, heroes: DemoPictures, tmp_path: Path
) -> None:
    """Held against a model whose labels stand the other way round."""
    drawn = sorted(path for path in heroes.kept_back.rglob("*") if path.is_file())[::5]
    turned = replace(model, manifest=replace(model.manifest, labels=model.labels[::-1]))
    with pytest.raises(ModelError, match="does not give the model's answers") as caught:
        frigate.prove(turned, TARGETS["frigate"], folder, drawn)
    assert "at least 95% and at most 0.5" in str(caught.value)


@tensorflow
@pytest.mark.slow
def test_the_readme_has_what_to_type_and_what_to_paste(folder: Path, heroes: DemoPictures) -> None:
    readme = (folder / "README.md").read_text("utf-8")
    assert "Frigate itself was not run" in readme
    assert "/config/model_cache/dog-or-cat/" in readme
    assert frigate_words.INSTALL in readme
    path = next(path for path in sorted(heroes.kept_back.rglob("*")) if path.is_file())
    run = subprocess.run(
        [sys.executable, "example.py", str(path)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert run.stdout.startswith(f"{path.parent.name} (score = ")


@tensorflow
@pytest.mark.slow
def test_another_network_a_label_none_and_one_that_calls_nothing_unknown(
    photos: list[Path], tmp_path: Path
) -> None:
    """A network that sees 32 x 32 pixels, whose features have no root."""
    classifier = small(tmp_path, ("cat", "None"))
    squares = np.stack([squashed(np.asarray(Image.open(path)), SIDE) for path in photos])
    for name, admits in (("with", classifier), ("without", classifier.admitting(1))):
        folder = export(admits, "frigate", tmp_path / name, photos).folder
        assert lines_of(folder) == ["none" if label == "None" else label for label in admits.labels]
        rows = np.array(in_frigate(folder, squares, tmp_path)["rows"])
        assert rows.shape == (len(photos), 2)
        assert (rows.sum(axis=1) == 255).all()
