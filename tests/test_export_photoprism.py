"""What is written for PhotoPrism, read and run by what its own code does with it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from PIL import Image

from conftest import SHARED, draw_scene, tried
from drawn import run
from tellapart.backbones.nodes import IR_VERSION, OPSET, Nodes
from tellapart.backbones.runtime import open_session
from tellapart.demo.walk import DemoPictures
from tellapart.errors import ModelError, UsageError
from tellapart.exporters import photoprism
from tellapart.exporters.export import export
from tellapart.exporters.photoprism import without_black
from tellapart.exporters.photoprism_feed import SIDE, on_black, thumbnail
from tellapart.images.decode import read_picture
from tellapart.model.classifier import Classifier
from tellapart.model.file import KEY
from tellapart.training.train import train

if TYPE_CHECKING:
    from tellapart.backbones.runtime import Session

# From its internal/ai/classify/rules.yml: the least score of a label, and what it is renamed to.
RULES = {
    "background": (1.0, ""),
    "ball": (1.0, ""),
    "daisy": (0.43, "flower"),
    "lion": (0.71, "lion"),
}


class PhotoPrism:
    """As its code of October 2026 goes about a label model (internal/ai/classify/model.go)."""

    def __init__(self, models: Path, configuration: Path) -> None:
        (entry,) = yaml.safe_load(configuration.read_text("utf-8"))["Models"]
        assert (entry["Type"], entry["Engine"], entry["Run"]) == ("labels", "onnx", "on-index")
        assert entry["Resolution"] == 720  # the thumbnail is fit_720
        folder, described = models / entry["Path"], entry["ONNX"]
        content = (folder / described["File"]).read_bytes()
        assert sha256(content).hexdigest() == described["SHA256"]
        self.labels = (folder / entry["LabelFile"]).read_text("utf-8").split("\n")[:-1]
        self.session: Session = open_session(content)
        (taken,), (given_back,) = self.session.get_inputs(), self.session.get_outputs()
        height, width = described["Input"]["Height"], described["Input"]["Width"]
        assert described["Input"]["Layout"] == "NHWC"
        assert (taken.type, taken.shape) == ("tensor(float)", [1, height, width, 3])
        assert given_back.shape[-1] == len(self.labels)
        assert described["Input"]["ColorOrder"] == "RGB"
        assert described["Input"]["Resize"]["Mode"] == "pad"
        assert described["Output"] == {"Logits": False}
        self.normalization: dict[str, Any] = described["Input"]["Normalization"]
        self.size = width

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Of a thumbnail [h,w,3], which is padded, normalised and given to the model."""
        height, width = pixels.shape[:2]
        assert max(height, width) <= self.size  # or it would be made smaller here
        square = np.zeros((self.size, self.size, 3), np.float32)
        top, left = (self.size - height) // 2, (self.size - width) // 2
        square[top : top + height, left : left + width] = pixels
        mean, deviation = (self.normalization[name] for name in ("Mean", "StdDev"))
        blob = (square - np.float32(mean)) / np.float32(deviation)
        (found,) = self.session.run(None, {self.session.get_inputs()[0].name: blob[None]})
        assert np.isfinite(found).all()
        assert found.min() >= 0
        assert found.max() <= 1
        assert abs(float(found.sum(dtype=np.float64)) - 1) <= 1e-4
        row: np.ndarray = found[0]
        return row

    def shown(self, pixels: np.ndarray, confidence: int = 20) -> list[str]:
        """The labels that it stores for a thumbnail, the surest first."""
        kept = []
        for label, probability in zip(self.labels, self.probabilities(pixels), strict=True):
            least, renamed = RULES.get(label.lower(), (0.1, ""))
            if round(100 * float(probability)) >= confidence and probability >= np.float32(least):
                kept.append((float(probability), (renamed or label.lower()).strip(" ")))
        return [label for _, label in sorted(kept, reverse=True)[:5]]


def opened(folder: Path) -> PhotoPrism:
    return PhotoPrism(folder / "models", folder / "vision.yml")


@pytest.fixture(scope="module")
def classifier(heroes: DemoPictures) -> Classifier:
    return train(heroes.photos, quality="fast").classifier


@pytest.fixture(scope="module")
def pictures(heroes: DemoPictures) -> list[Path]:
    return sorted(path for path in heroes.kept_back.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def exported(
    classifier: Classifier, pictures: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    place = tmp_path_factory.mktemp("photoprism") / "out"
    return export(classifier, "photoprism", place, pictures[:8]).folder


def with_labels(classifier: Classifier, *labels: str) -> Classifier:
    manifest = replace(classifier.manifest, labels=labels)
    model = onnx.load_from_string(classifier.content)
    helper.set_model_props(model, {KEY: manifest.to_json()})
    return Classifier(model.SerializeToString(), manifest)


def test_it_labels_pictures_as_guess_does(
    classifier: Classifier, pictures: list[Path], exported: Path
) -> None:
    """All but the picture full of noise, which its thumbnail does not show as it is."""
    program, others = opened(exported), []
    for path in pictures[:22]:
        prediction = classifier.predict(path)
        shown = program.shown(thumbnail(read_picture(path)))
        if shown != ([] if prediction.unknown else [prediction.label]):
            others.append(path)
    assert len(others) <= 1


def test_a_picture_of_none_of_the_labels_gets_none(exported: Path, classifier: Classifier) -> None:
    """Not even with a limit of one percent would the name for it be shown."""
    program = opened(exported)
    noise = np.random.default_rng(7).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    assert classifier.predict(noise).unknown
    assert program.labels[-1] == "background"
    found = program.probabilities(thumbnail(noise))
    assert found[-1] == pytest.approx(0.99)
    assert found.argmax() == len(classifier.labels)
    assert program.shown(thumbnail(noise), confidence=2) == []


@pytest.mark.slow
def test_a_model_that_admits_all_labels_all(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    folder = export(classifier.admitting(1), "photoprism", tmp_path / "out", pictures[:2]).folder
    noise = np.random.default_rng(7).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    assert opened(folder).shown(noise)[0] in classifier.labels


@pytest.mark.parametrize(
    "labels",
    [
        ("daisy", "ball"),
        pytest.param(("background", "воздушный шар"), marks=pytest.mark.slow),
        pytest.param(("כלב", "a b_c"), marks=pytest.mark.slow),
    ],
)
def test_no_rule_renames_a_label(
    labels: tuple[str, str], classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    renamed = with_labels(classifier, *labels)
    folder = export(renamed, "photoprism", tmp_path / "out", pictures[:2]).folder
    program = opened(folder)
    shown = {label for path in pictures[::6] for label in program.shown(read_picture(path))}
    assert shown == set(labels)
    assert (folder / "labels.txt").read_text("utf-8").split("\n") == [*labels, ""]


@settings(max_examples=tried(30))
@given(sides=st.tuples(*[st.integers(1, SIDE)] * 2), seed=st.integers(0, 9), dark=st.booleans())
def test_the_black_around_a_picture_is_taken_off(
    sides: tuple[int, int], seed: int, dark: bool
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*sides, 3), dtype=np.uint8)
    pixels[0, 0] = pixels[-1, -1] = 1 + seed
    if dark:  # all of it but two corners
        pixels[1:] = pixels[:, 1:] = 0
        pixels[-1, -1] = 1
    assert np.array_equal(without_black(on_black(pixels)), pixels)


def taking_off() -> Session:
    """The part of the graph that takes the black off, alone."""
    nodes = Nodes("part")
    photoprism._take_black_off(nodes)
    graph = helper.make_graph(
        nodes.nodes,
        "part",
        [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, None)],
        nodes.initializers,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    return open_session(model.SerializeToString())


@pytest.mark.slow
def test_the_graph_takes_off_what_the_rule_says() -> None:
    session = taking_off()
    generator = np.random.default_rng(3)
    for height, width in ((1, 1), (720, 720), (719, 720), (405, 720), (720, 481), (97, 64), (2, 3)):
        pixels = generator.integers(1, 256, (height, width, 3), dtype=np.uint8)
        for edge in (0, 1, 5):  # black of the picture's own, more of it at the end
            own = pixels.copy()
            own[:edge], own[height - 2 * edge :] = 0, own[height - 2 * edge :] * (edge == 0)
            square = on_black(own)
            (image,) = session.run(["image"], {"input": square})
            assert np.array_equal(image[0], without_black(square))
    (image,) = session.run(["image"], {"input": np.zeros((1, SIDE, SIDE, 3), np.float32)})
    assert image.shape == (1, SIDE, SIDE, 3)


@settings(max_examples=tried(30))
@given(height=st.integers(1, 1500), width=st.integers(1, 1500))
def test_a_thumbnail_fits_and_is_never_larger(height: int, width: int) -> None:
    small = thumbnail(np.zeros((height, width, 3), np.uint8))
    assert small.shape[0] <= min(height, SIDE)
    assert small.shape[1] <= min(width, SIDE)
    assert max(small.shape[:2]) == min(max(height, width), SIDE)


@pytest.mark.slow
def test_the_program_beside_it_answers_for_a_picture_of_any_size(
    exported: Path, tmp_path: Path
) -> None:
    wide, tall = tmp_path / "wide.jpg", tmp_path / "tall.png"
    draw_scene(1500, 400, 1).save(wide)
    draw_scene(90, 200, 2).save(tall)
    command = [sys.executable, "example.py", "--json", str(wide), str(tall)]
    answer = subprocess.run(command, cwd=exported, capture_output=True, text=True, check=True)
    rows = [json.loads(line)["scores"] for line in answer.stdout.splitlines()]
    program = opened(exported)
    for path, row in zip((wide, tall), rows, strict=True):
        expected = program.probabilities(thumbnail(read_picture(path)))
        found = [row[label] for label in (*map(str.strip, program.labels[:-1]), "none of these")]
        assert found == pytest.approx(expected.tolist(), abs=1e-6)


def test_it_says_what_to_type_and_that_photoprism_was_not_run(exported: Path) -> None:
    readme = " ".join((exported / "README.md").read_text("utf-8").split())
    assert "PhotoPrism itself was not run." in readme
    assert "./models/tellapart:/opt/photoprism/assets/models/tellapart" in readme
    assert "is what `tellapart guess` says of the files themselves for 8 of 8 pictures" in readme


def test_without_pictures_it_says_which_will_do(classifier: Classifier, tmp_path: Path) -> None:
    for model, why in (
        (classifier, "where they were"),
        (classifier.private(), "not hold their names"),
    ):
        with pytest.raises(UsageError, match=why) as caught:
            export(model, "photoprism", tmp_path / "out", [])
        assert "Any pictures of the kind that the model is for will do" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_an_export_with_other_answers_leaves_nothing(
    classifier: Classifier,
    pictures: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(photoprism, "LEFT", 1.0)  # nothing is unknown
    (noise := tmp_path / "in").mkdir()
    pixels = np.random.default_rng(7).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(noise / "noise.png")
    real = photoprism._expected
    monkeypatch.setattr(photoprism, "_expected", lambda *given: [*real(*given)[:-1], 0.5])
    with pytest.raises(ModelError, match="does not give the model's answers"):
        export(classifier, "photoprism", tmp_path / "out", [noise / "noise.png"])
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_from_the_command_line(
    heroes: DemoPictures, classifier: Classifier, tmp_path: Path
) -> None:
    model = classifier.save(tmp_path / "model")
    given_to_it = ("--pictures", heroes.kept_back)
    said = run("export", model, "--to", "photoprism", "-o", tmp_path / "out", *given_to_it)
    assert said.code == 0
    assert "it gives the same label for" in said.out + said.err
    assert opened(tmp_path / "out").labels[:-1] == [f"{label} " for label in classifier.labels]


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "heroes").is_dir(), reason="the heroes of 2016 are not here")
def test_real_pictures_keep_their_labels(tmp_path: Path) -> None:
    found = train(SHARED / "heroes", quality="fast").classifier
    paths = sorted((SHARED / "heroes" / "test").rglob("*.jp*g"))
    program = opened(export(found, "photoprism", tmp_path / "out", paths).folder)
    shown = [program.shown(thumbnail(read_picture(path)))[:1] for path in paths]
    assert sum([path.parent.name] == one for path, one in zip(paths, shown, strict=True)) >= 23
