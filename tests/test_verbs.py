"""What the commands do, a classifier does by its methods, with the same answers."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tellapart
from conftest import draw_scene, mostly_slow
from drawn import few_of, model_of
from tellapart import Classifier, PictureError, UsageError
from tellapart.assess.testing import evaluate
from tellapart.demo.walk import DemoPictures
from tellapart.explain import explain
from tellapart.images.decode import read_picture


@pytest.fixture(scope="module")
def classifier(heroes: DemoPictures) -> Classifier:
    return tellapart.load(model_of(heroes))


@pytest.fixture(scope="module")
def pictures(heroes: DemoPictures) -> list[Path]:
    return sorted(heroes.kept_back.rglob("*.jpg"))[:6]


def test_scores_and_embeddings_are_those_of_the_model(
    classifier: Classifier, pictures: list[Path]
) -> None:
    scores, embeddings = classifier.predict_scores(pictures), classifier.embed(pictures)
    assert scores.shape == (6, 2)
    assert scores.dtype == embeddings.dtype == np.float32
    assert embeddings.shape == (6, 1280)
    for row, path in enumerate(pictures):
        answer = classifier.predict(path)
        assert [answer.scores[label] for label in classifier.labels] == scores[row].tolist()
        assert np.array_equal(classifier.run(path, ["embedding"])[0], embeddings[row])
    assert np.array_equal(classifier.predict_scores(path for path in pictures), scores)
    some = np.stack([np.asarray(draw_scene(40, 40, seed=seed)) for seed in range(2)])
    assert classifier.predict_scores(some).shape == (2, 2)
    assert np.array_equal(classifier.embed(some), classifier.embed(list(some)))


def test_none_at_all_has_the_same_width(classifier: Classifier) -> None:
    assert classifier.predict_scores([]).shape == (0, 2)
    assert classifier.embed(np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, 1280)


@pytest.mark.parametrize("verb", [Classifier.predict_scores, Classifier.embed])
def test_what_cannot_be_read_is_named(
    verb: Callable[[Classifier, object], object],
    classifier: Classifier,
    pictures: list[Path],
    tmp_path: Path,
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("<html>")
    with pytest.raises(PictureError, match="an HTML page") as caught:
        verb(classifier, [pictures[0], broken, pictures[1]])
    assert caught.value.path == broken
    with pytest.raises(UsageError, match="Several pictures must be"):
        verb(classifier, str(pictures[0]))
    with pytest.raises(UsageError, match="Several pictures must be"):
        verb(classifier, read_picture(pictures[0]))


def test_the_other_verbs_do_what_the_commands_do(
    classifier: Classifier, heroes: DemoPictures, pictures: list[Path], tmp_path: Path
) -> None:
    tested = classifier.test(heroes.kept_back)
    assert tested.evaluation.accuracy == evaluate(classifier, heroes.kept_back).evaluation.accuracy
    own = "dark_knight"
    reasons = classifier.explain(pictures[0], own=own)
    assert reasons.words == explain(classifier, pictures[0], own=own).words
    with pytest.raises(UsageError, match="does not know the label nobody"):
        classifier.explain(pictures[0], own="nobody")
    options = tellapart.SortOptions(into_folders=True)
    result = classifier.sort(heroes.inbox, tmp_path / "sorted", options)
    assert result.total == 12
    assert result.results == tmp_path / "sorted" / "results.csv"
    for given in ((), [str(pictures[0])]):
        folder = tmp_path / f"export{len(given)}"
        written = classifier.export("onnx", str(folder), given)
        assert written.folder == folder
        assert (folder / "model.onnx").is_file()
    with pytest.raises(UsageError, match="There is no export called 'pdf'"):
        classifier.export("pdf", tmp_path / "pdf")
    with pytest.raises(UsageError, match="no training picture was found"):
        classifier.private().export("onnx", tmp_path / "private")


@pytest.mark.parametrize(
    "imports",
    mostly_slow(
        [
            "import tellapart",
            "import tellapart, tellapart.explain",
            "import tellapart.explain",
            "from tellapart.explain import explain; import tellapart",
            "import tellapart; tellapart.explain; tellapart.explain.explaining",
            "from tellapart import explain; import tellapart; assert explain is tellapart.explain",
            "import tellapart.explain.explaining, tellapart",
            "import copy, tellapart; copy.copy(tellapart.explain.what_if)",
        ],
        quick=3,
    ),
)
def test_explain_is_a_module_in_every_order_of_imports(imports: str) -> None:
    script = (
        f"{imports}\n"
        "import types\n"
        "assert isinstance(tellapart.explain, types.ModuleType)\n"
        "assert callable(tellapart.explain.explain)\n"
        "try:\n"
        "    tellapart.explain(None, 'picture.jpg')\n"
        "except tellapart.UsageError as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.stdout == (
        "tellapart.explain is a module, and cannot be called. "
        "Ask the model: classifier.explain(picture).\n"
    )


def test_a_classifier_is_copied_after_every_verb(
    classifier: Classifier, heroes: DemoPictures, pictures: list[Path], tmp_path: Path
) -> None:
    scores = classifier.predict_scores(pictures)
    classifier.test(heroes.kept_back)
    classifier.explain(pictures[0])
    classifier.sort(heroes.inbox, tmp_path / "sorted")
    for twin in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        assert np.array_equal(twin.predict_scores(pictures), scores)
        assert twin.explain(pictures[0]).words == classifier.explain(pictures[0]).words


def test_a_result_from_an_archive_is_pickled_with_its_pictures(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 6)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in sorted(photos.rglob("*.jpg")):
            archive.write(path, path.relative_to(photos))
    result = tellapart.train(tmp_path / "photos.zip", quality="fast", test=0)
    result.save(tmp_path / "here")
    content = pickle.dumps(result)
    for item in result.dataset.items:
        item.file.unlink()
    twin = pickle.loads(content)
    twin.save(tmp_path / "there")
    for file in (tmp_path / "here").iterdir():
        assert (tmp_path / "there" / file.name).read_bytes() == file.read_bytes(), file.name
    again = pickle.loads(pickle.dumps(twin))  # a copy of a copy
    assert [item.name for item in again.dataset.items] == [i.name for i in result.dataset.items]
