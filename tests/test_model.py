"""A classifier: three lines of Python, the same answer at every door, alone in any ONNX runtime."""

from __future__ import annotations

import csv
import hashlib
import io
import pickle
import shutil
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tellapart
from conftest import draw_scene, encoded
from drawn import contents, model_of
from tellapart import Classifier, TrainResult
from tellapart.backbones.runtime import onnxruntime, open_session
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DestinationError, PictureError, UsageError
from tellapart.images.decode import Picture

PARTS = {"model.onnx", "labels.txt", "training.npz", "report.html", "README.md"}


@pytest.fixture(scope="module")
def folder(heroes: DemoPictures) -> Path:
    return model_of(heroes)


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Classifier:
    return tellapart.load(folder)


@pytest.fixture(scope="module")
def pictures(heroes: DemoPictures) -> list[Path]:
    return sorted(heroes.kept_back.glob("*/*"))


@pytest.fixture(scope="module")
def result(heroes: DemoPictures) -> TrainResult:
    return tellapart.train(heroes.photos, quality="fast")


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum())


# predicting


def test_path_string_bytes_image_and_array_agree(
    classifier: Classifier, pictures: list[Path]
) -> None:
    path = pictures[0]
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    ways = [str(path), path.read_bytes(), image, np.asarray(image)]
    for way in ways:
        assert classifier.predict(way) == classifier.predict(path)


def test_a_prediction_is_a_label_a_score_and_all_scores_highest_first(
    classifier: Classifier, pictures: list[Path]
) -> None:
    for prediction in classifier.predict_many(pictures):
        assert set(prediction.scores) == set(classifier.labels)
        assert list(prediction.scores.values()) == sorted(prediction.scores.values(), reverse=True)
        assert sum(prediction.scores.values()) == pytest.approx(1, abs=1e-5)
        assert (
            prediction.score
            == prediction.scores[prediction.label]
            == max(prediction.scores.values())
        )


def test_most_pictures_it_never_saw_are_recognised(
    classifier: Classifier, pictures: list[Path]
) -> None:
    right = [
        answer.label == path.parent.name
        for answer, path in zip(classifier.predict_many(pictures), pictures, strict=True)
    ]
    assert sum(right) >= 0.8 * len(right)


def test_many_answers_come_in_order_and_equal_single_ones(
    classifier: Classifier, pictures: list[Path]
) -> None:
    assert list(classifier.predict_many(pictures)) == [classifier.predict(p) for p in pictures]
    assert list(classifier.predict_many([])) == []


def test_many_pictures_are_taken_only_as_they_are_needed(
    classifier: Classifier, pictures: list[Path]
) -> None:
    taken = 0

    def names() -> Iterator[Path]:
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield pictures[number % len(pictures)]

    answers = classifier.predict_many(names())
    assert taken == 0
    assert len(list(islice(answers, 3))) == 3
    assert taken < 200


@pytest.mark.parametrize("position", [0, 5, 9])
def test_an_unreadable_picture_is_raised_or_returned_in_its_place(
    position: int, classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    given: list[Path | bytes] = [*pictures[:9]]
    given.insert(position, b"<html>")
    answers = list(classifier.predict_many(given, errors="return"))
    errors = [at for at, answer in enumerate(answers) if isinstance(answer, PictureError)]
    assert errors == [position]
    assert str(answers[position]) == "an HTML page"
    before = classifier.predict_many(given)
    assert len(list(islice(before, position))) == position
    with pytest.raises(PictureError, match="an HTML page"):
        next(before)
    with pytest.raises(PictureError, match="no such file"):
        classifier.predict(tmp_path / "nowhere.jpg")


def test_an_unreadable_picture_says_which_it_is(
    classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    page = tmp_path / "page.jpg"
    page.write_text("<html>")
    given: list[Picture] = [str(page), page, b"<html>", io.BytesIO(b"<html>"), str(pictures[0])]
    answers = list(classifier.predict_many(given, errors="return"))
    paths = [answer.path for answer in answers if isinstance(answer, PictureError)]
    assert paths == [str(page), page, None, None]
    for ask in (
        lambda: classifier.predict(page),
        lambda: next(classifier.predict_many([page])),
        lambda: tellapart.explain.explain(classifier, page),
        lambda: tellapart.explain.what_if(classifier, page),
        lambda: tellapart.explain.what_if(
            classifier,
            pictures[0],
            tellapart.explain.Paste(tellapart.explain.Region(0, 0, 1, 1), page),
        ),
    ):
        with pytest.raises(PictureError) as caught:
            ask()
        assert caught.value.path == page
        assert pickle.loads(pickle.dumps(caught.value)).path == page
    (told,) = tellapart.explain.explain_many(classifier, [page])
    assert isinstance(told, PictureError)
    assert told.path == page


@pytest.mark.parametrize(
    "given",
    [
        "folder/a.jpg",
        Path("folder/a.jpg"),
        b"bytes",
        io.BytesIO(b"bytes"),
        draw_scene(),
        np.zeros((4, 5, 3), np.uint8),
        np.zeros((4, 5), np.uint8),
        None,
        7,
    ],
    ids=lambda given: type(given).__name__,
)
def test_one_picture_in_place_of_several_is_refused_at_once(
    given: Any, classifier: Classifier
) -> None:
    for ask in (classifier.predict_many, partial(tellapart.explain.explain_many, classifier)):
        with pytest.raises(UsageError) as caught:
            ask(given)
        assert caught.value.message.startswith("Several pictures must be a list")
        assert type(given).__name__ in caught.value.message
        assert "[picture]" in caught.value.hint


def test_several_pictures_are_any_iterable_or_an_array(
    classifier: Classifier, pictures: list[Path]
) -> None:
    array = np.stack([np.asarray(draw_scene(64, 64, seed)) for seed in range(3)])
    expected = [classifier.predict(picture) for picture in array]
    for several in (array, list(array), tuple(array), iter(array), (one for one in array)):
        assert list(classifier.predict_many(several)) == expected
    names = np.array([str(path) for path in pictures[:2]])
    assert len(list(classifier.predict_many(names))) == 2
    grey = classifier.predict(np.asarray(draw_scene().convert("L")))
    assert grey == classifier.predict(draw_scene().convert("L"))


# the file, alone


def test_the_file_alone_answers_in_a_bare_onnx_runtime(
    folder: Path, classifier: Classifier, pictures: list[Path], tmp_path: Path
) -> None:
    alone = Path(shutil.copy(folder / "model.onnx", tmp_path))
    session = onnxruntime().InferenceSession(alone, providers=["CPUExecutionProvider"])
    for path in pictures[:8]:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))[None]
        (scores,) = session.run(["scores"], {"image": pixels})
        expected = [classifier.predict(path).scores[label] for label in classifier.labels]
        np.testing.assert_allclose(scores[0], expected, atol=1e-5)


def test_a_batch_gives_what_its_pictures_give(classifier: Classifier) -> None:
    session = open_session(classifier.content)
    batch = np.stack([np.asarray(draw_scene(seed=seed)) for seed in range(3)])
    outputs = ["scores", "embedding", "evidence", "novelty"]
    together = session.run(outputs, {"image": batch})
    assert [output.shape for output in together] == [(3, 2), (3, 1280), (3, 2, 7, 7), (3,)]
    for number, picture in enumerate(batch):
        for name, output in zip(outputs, together, strict=True):
            (single,) = classifier.run(picture, [name])
            np.testing.assert_allclose(output[number], single, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", [(224, 224), (500, 90), (90, 500), (31, 57), (1, 1)])
def test_evidence_is_the_logits_spread_over_the_picture(
    size: tuple[int, int], classifier: Classifier
) -> None:
    scores, evidence = classifier.run(draw_scene(*size, seed=3), ["scores", "evidence"])
    logits = evidence.mean(axis=(1, 2), dtype=np.float64) + classifier.manifest.bias
    np.testing.assert_allclose(softmax(logits), scores, atol=1e-4)


def test_novelty_is_small_for_what_was_learnt_and_large_for_the_rest(
    classifier: Classifier, heroes: DemoPictures
) -> None:
    def novelty(picture: Path | Image.Image) -> float:
        (found,) = classifier.run(picture, ["novelty"])
        return float(found)

    known = [novelty(path) for path in sorted(heroes.photos.glob("*/*"))[:10]]
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert max(known) < novelty(Image.fromarray(noise))


# saving and loading


def test_a_model_is_a_folder_of_five_files(folder: Path) -> None:
    assert set(contents(folder)) == PARTS


def test_a_loaded_classifier_saves_as_what_it_was(folder: Path, tmp_path: Path) -> None:
    saved = tellapart.load(folder).save(tmp_path / "copy")
    assert saved == tmp_path / "copy"
    before, after = contents(folder), contents(saved)
    assert {name: before[name] for name in after} == after
    assert {"model.onnx", "labels.txt", "training.npz"} <= set(after)


@pytest.mark.parametrize("way", ["the folder", "the file", "the file alone", "a folder without"])
def test_a_model_loads_from(way: str, folder: Path, pictures: list[Path], tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(folder / "model.onnx", alone)
    place = {
        "the folder": folder,
        "the file": folder / "model.onnx",
        "the file alone": alone / "model.onnx",
        "a folder without": alone,
    }[way]
    classifier = tellapart.load(place)
    assert classifier.predict(pictures[0]) == tellapart.load(folder).predict(pictures[0])
    has_memory = way.startswith("the f") and not way.endswith("alone")
    assert (classifier.training_record is not None) == has_memory
    classifier.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "training.npz").exists() == has_memory


def test_the_memory_lines_up_with_the_pictures(result: TrainResult, heroes: DemoPictures) -> None:
    record = result.classifier.training_record
    assert record is not None
    paths = [heroes.photos / name for name in record.names]
    assert paths == sorted(heroes.photos.glob("*/*"))
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths] == list(record.digests)
    assert [result.classifier.labels[k] for k in record.labels] == [p.parent.name for p in paths]
    held = tuple(name for name, out in zip(record.names, record.held_out, strict=True) if out)
    assert held == result.kept_back
    assert record.scores.shape == (60, 2)
    np.testing.assert_allclose(record.scores.sum(axis=1), 1)
    for position in (0, 31, *np.flatnonzero(record.held_out)[:2]):
        scores, embedding = result.classifier.run(paths[position], ["scores", "embedding"])
        np.testing.assert_array_equal(record.vectors[position], embedding)
        if record.held_out[position]:  # the others' scores are out of fold
            np.testing.assert_allclose(record.scores[position], scores, atol=1e-5)


def test_out_of_fold_scores_are_not_the_models_own(result: TrainResult) -> None:
    record = result.classifier.training_record
    assert record is not None
    learnt = ~record.held_out
    own = record.scores[learnt, record.labels[learnt]]
    assert own.mean() < 0.9999
    assert result.cross_validated
    assert result.cross_validated.accuracy.correct == (own > 0.5).sum()


def test_labels_of_any_script_survive(tmp_path: Path) -> None:
    labels = ["a\nb\\n", " 😀 elsa ", "達斯·維達", "الجليد", "=1+1", "../../x", "CON"]
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label"])
        for number, label in enumerate(labels):
            (tmp_path / f"{number}.png").write_bytes(encoded(draw_scene(seed=number)))
            writer.writerow([f"{number}.png", label])
    result = tellapart.train(tmp_path / "labels.csv", quality="fast")
    kept = [label.strip() for label in labels]  # spaces around a table's cell are not its content
    assert result.classifier.labels == tuple(sorted(kept))
    saved = result.save(tmp_path / "model")
    loaded = tellapart.load(saved)
    assert loaded.labels == result.classifier.labels
    for number, label in enumerate(kept):
        assert loaded.predict(tmp_path / f"{number}.png").label == label
    lines = (saved / "labels.txt").read_text("utf-8").split("\n")
    assert len(lines) == len(labels) + 1
    assert set(contents(tmp_path)) == {
        "labels.csv",
        *(f"{number}.png" for number in range(len(labels))),
        *(f"model/{name}" for name in PARTS),
    }


def test_a_model_can_be_saved_where_one_stands(folder: Path, tmp_path: Path) -> None:
    name = "達" * 80  # 240 bytes, and a system allows 255
    first = tellapart.load(folder).save(tmp_path / name)
    assert tellapart.load(first).save(first) == first
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("place", [".", "..", "../here", "../link"])
def test_the_folder_one_is_in_is_not_replaced(
    place: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "up" / "here").mkdir(parents=True)
    (tmp_path / "up" / "link").symlink_to("here")
    here = (tmp_path / "up" / "here").stat().st_ino
    monkeypatch.chdir(tmp_path / "up" / "here")
    with pytest.raises(DestinationError) as caught:
        tellapart.load(folder).save(place)
    assert place == ".." or "the folder you are in" in caught.value.message
    assert (tmp_path / "up" / "here").stat().st_ino == here == Path.cwd().stat().st_ino
    tellapart.load(folder).save("model")
    assert tellapart.load("model").labels == ("dark_knight", "ice_queen")


def test_a_model_behind_a_link_is_replaced_and_the_link_stays(folder: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "models" / "2016", tmp_path / "heroes"
    shutil.copytree(folder, target)
    (target / "README.md").write_bytes(b"an older one")
    link.symlink_to(target)
    tellapart.load(folder).save(link)
    assert link.is_symlink()
    assert not (target / "README.md").exists()
    assert tellapart.load(target).digest == tellapart.load(folder).digest
    assert [path.name for path in target.parent.iterdir()] == ["2016"]
    assert {path.name for path in tmp_path.iterdir()} == {"models", "heroes"}
