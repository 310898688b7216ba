"""How well a label would be told apart that the model was never shown: its own labels say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import tellapart
from conftest import SHARED, mostly_slow
from drawn import Run, run_here, small_network
from tellapart.evaluation import left_out
from tellapart.evaluation.left_out import Sample, unknowns_of
from tellapart.evaluation.sentences import unknown_words
from tellapart.evaluation.unknowns import Unknowns, of_another
from tellapart.head.cross_validation import out_of_fold
from tellapart.head.kinds import REGRESSION, Part
from tellapart.head.linear import Head
from tellapart.head.novelty import fit_novelty
from tellapart.head.recipe import Recipe

COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (30, 60, 210), "grey": (120,) * 3}
SENTENCE = "A label it was never shown would be told apart from its own with AUROC "


def draw(folder: Path, labels: int, pictures: int = 12) -> Path:
    """Pictures of one colour a label, more or less."""
    lot = np.random.default_rng(0)
    for label, colour in [*COLOURS.items()][:labels]:
        (folder / label).mkdir(parents=True)
        for number in range(pictures):
            pixels = np.clip(np.array(colour) + lot.normal(0, 12, (8, 8, 3)), 0, 255)
            picture = Image.fromarray(pixels.astype(np.uint8)).resize((40, 40), 0)
            picture.save(folder / label / f"{number}.png")
    return folder


def train(folder: Path, labels: int, *options: str) -> Run:
    """What `train` says of pictures of so many colours; the model is folder/model."""
    (folder / "small.onnx").write_bytes(small_network().SerializeToString())
    photos = draw(folder / f"photos{labels}", labels)
    own = folder / "small.onnx"
    done = run_here("train", photos, "-o", folder / "model", "--backbone", own, *options)
    assert done.code == 0, done.err
    return done


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A model of four labels, and the sentence that `train` said."""
    folder = tmp_path_factory.mktemp("four")
    (sentence,) = (line for line in train(folder, 4).out.splitlines() if SENTENCE in line)
    return folder / "model", sentence


def test_every_door_says_the_same(said: tuple[Path, str]) -> None:
    model, sentence = said
    assert sentence in run_here("info", model).out
    assert sentence in (model / "report.html").read_text("utf-8")
    assert sentence in (model / "README.md").read_text("utf-8")
    value = run_here("info", model, "--json").json()["unknowns"]
    assert [one["label"] for one in value["labels"]] == sorted(COLOURS)
    found = tellapart.load(model).manifest.unknowns
    assert found
    low, high = found.area.interval
    figures = f"AUROC {found.area.value:.2f} ({low:.2f} to {high:.2f}; 0.5 is chance"
    assert f"{figures}, 1 is perfect)." in sentence
    assert value["auroc"] == {"value": found.area.value, "interval": [low, high]}
    assert found.area.value > 0.9  # a colour among others is easily told
    assert found.area.value == pytest.approx(np.mean([one.area for one in found.labels]))
    again = tellapart.train(
        model.parent / "photos4", backbone=tellapart.ForeignBackbone(model.parent / "small.onnx")
    )
    assert again.unknowns == found


def test_a_model_file_alone_says_it_too(said: tuple[Path, str], tmp_path: Path) -> None:
    shutil.copy(said[0] / "model.onnx", tmp_path)
    assert said[1] in run_here("info", tmp_path / "model.onnx").out


def test_train_json_has_it_and_a_private_model_keeps_it(tmp_path: Path) -> None:
    value = train(tmp_path, 3, "--no-pictures", "--json").json()["unknowns"]
    low, high = value["auroc"]["interval"]
    assert 0 <= low <= value["auroc"]["value"] <= high <= 1
    assert run_here("info", tmp_path / "model", "--json").json()["unknowns"] == value


@pytest.mark.slow
def test_with_two_labels_it_takes_a_third(tmp_path: Path) -> None:
    assert "never shown" not in train(tmp_path, 2).out
    words = "a label it was never shown is not known: to measure that takes 3 labels"
    assert words in run_here("info", tmp_path / "model").out
    assert words in (tmp_path / "model" / "report.html").read_text("utf-8")
    assert words in (tmp_path / "model" / "README.md").read_text("utf-8")
    assert run_here("info", tmp_path / "model", "--json").json()["unknowns"] is None


# the figure


def clouds(labels: int, each: int, seed: int, apart: float = 3.0, size: int = 24) -> Sample:
    """Embeddings around a point of its own for each label; the last label's are `seed`'s too."""
    centres = np.random.default_rng(99).normal(0, 1, (labels, size))
    lot = np.random.default_rng(seed)
    truth = np.repeat(np.arange(labels), each)
    vectors = np.abs(apart * centres[truth] / 3 + lot.normal(0, 1, (len(truth), size)) + 4)
    keys = [f"{seed}/{number}" for number in range(len(truth))]
    return Sample(vectors.astype(np.float32), truth, keys)


NONE = Sample(np.zeros((0, 24), np.float32), np.zeros(0, np.int64), [])


solver = Recipe((Part(REGRESSION, 0.1, 1.0),)).roughly


def measured(learnt: Sample, labels: int, tested: Sample = NONE) -> Unknowns | None:
    fold = np.arange(len(learnt.truth)) % 5
    return unknowns_of(learnt, [f"label {k}" for k in range(labels)], fold, solver, tested)


@pytest.mark.parametrize("apart", mostly_slow([0.0, 1.0, 1.6, 4.0], 1))
def test_what_is_said_is_what_a_label_that_was_never_shown_reaches(apart: float) -> None:
    learnt, later = clouds(7, 40, 0, apart), clouds(7, 40, 1, apart)
    known, new = learnt.truth < 6, later.truth < 6
    six = learnt.among(np.flatnonzero(known))
    said = measured(six, 6)
    assert said
    fold = np.arange(len(six.truth)) % 5
    found = out_of_fold(six.vectors, six.truth, 6, fold, solver)
    head = solver(six.vectors, six.truth, 6)
    novelty = fit_novelty(six.vectors, found.logits, fold)
    own, strange = (
        novelty.of(vectors, head.logits(vectors))
        for vectors in (later.vectors[new], later.vectors[~new])
    )
    reached = np.mean(strange[:, None] > own)
    low, high = said.area.interval
    assert low - 0.005 <= reached <= high + 0.005
    assert said.area.value == pytest.approx(reached, abs=0.12)


def test_a_few_pictures_at_a_time_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt, tested = clouds(5, 20, 1), clouds(5, 6, 2)
    whole = measured(learnt, 5, tested)
    monkeypatch.setattr(left_out, "_SCORES", 30)
    few = measured(learnt, 5, tested)
    assert whole
    assert few
    assert few.labels == whole.labels
    assert few.area.value == pytest.approx(whole.area.value)


def test_pictures_held_out_of_another_kind_are_told_of() -> None:
    learnt, alike, other = clouds(5, 30, 0), clouds(5, 10, 1), clouds(5, 10, 2)
    other = Sample(np.asarray(other.vectors) + 0.8, other.truth, other.keys)
    found = [measured(learnt, 5, tested) for tested in (NONE, alike, other)]
    assert found[0] == found[1]
    assert found[2]
    assert found[2].held_out is not None
    assert found[2].held_out < found[2].area.value - 0.02
    assert f"AUROC is {found[2].held_out:.2f}" in unknown_words(found[2], [30] * 5)
    burst = Sample(other.vectors, other.truth, ["one"] * len(other.keys))
    assert measured(learnt, 5, burst) == found[0]  # one burst says too little


def test_labels_with_hardly_any_picture_are_not_left_out() -> None:
    learnt = clouds(5, 20, 0)
    few = learnt.among(np.flatnonzero((learnt.truth < 3) | (np.arange(100) % 20 < 4)))
    found = measured(few, 5)
    assert found
    assert [one.label for one in found.labels] == ["label 0", "label 1", "label 2"]
    assert measured(few.among(np.flatnonzero(few.truth > 0)), 5) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "each", "most"),
    [(12, 20, 10), (120, 6, 10), pytest.param(10, 300, 10, marks=pytest.mark.slow)],
)
def test_its_work_is_bounded(
    labels: int, each: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []

    def counting(vectors: np.ndarray, truth: np.ndarray, count: int) -> Head:
        fits.append(len(vectors))
        return Head(np.zeros((count, 24)), np.zeros(count))

    monkeypatch.setattr(left_out, "side_by_side", lambda function, items: [*map(function, items)])
    learnt = clouds(labels, each, 0)
    fold = np.arange(len(learnt.truth)) % 5
    names = [f"label {k}" for k in range(labels)]
    found = unknowns_of(learnt, names, fold, counting, NONE)
    assert found
    assert len(found.labels) == most
    assert len(fits) <= 25
    assert sum(fits) <= 10_000
    again = [*reversed(range(len(learnt.truth)))]  # the same labels, in whatever order
    other = unknowns_of(learnt.among(np.array(again)), names, fold[again], counting, NONE)
    assert other
    assert [one.label for one in other.labels] == [one.label for one in found.labels]


shares = st.lists(st.floats(0, 1), min_size=3, max_size=12)


@given(shares, st.integers(1, 1000))
def test_the_interval_of_one_more_label_holds_the_mean_and_is_mirrored(
    areas: list[float], pictures: int
) -> None:
    counts = [pictures] * len(areas)
    found, mirrored = of_another(areas, counts), of_another([1 - a for a in areas], counts)
    low, high = found.interval
    assert 0 <= low <= found.value <= high <= 1
    assert low < high
    assert mirrored.interval == pytest.approx((1 - high, 1 - low))
    assert of_another(areas[::-1], counts).interval == pytest.approx(found.interval)


def test_labels_that_differ_more_say_less_of_the_next_one() -> None:
    alike, unlike = of_another([0.8] * 5, [50] * 5), of_another([0.6, 0.7, 0.8, 0.9, 1], [50] * 5)
    assert alike.interval[0] > unlike.interval[0]
    assert alike.interval[1] < unlike.interval[1]
    more = of_another([0.8] * 10, [50] * 10)
    assert more.interval[0] > alike.interval[0]


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real pictures are not in {SHARED}")
def test_of_pictures_from_other_shops_it_says_so() -> None:
    result = tellapart.train(SHARED / "groceries", quality="fast")
    assert result.unknowns
    assert result.unknowns.held_out is not None
    assert result.unknowns.held_out < 0.9 < result.unknowns.area.value
    assert json.dumps(result.classifier.manifest.to_json())
