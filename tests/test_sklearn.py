"""Pictures in scikit-learn: its own checks, pipelines, cross-validation and grid search."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import draw_scene, encoded
from tellapart import PictureError, TellapartError
from tellapart.demo.walk import DemoPictures
from tellapart.errors import UsageError

sklearn = pytest.importorskip("sklearn", "1.6")

from sklearn.base import clone  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils import estimator_checks  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402
from sklearn.utils.validation import validate_data  # noqa: E402

from tellapart.sklearn import InputError, PictureClassifier, PictureEmbedder  # noqa: E402


def pictures_of(numbers: np.ndarray) -> np.ndarray:
    """Rows of numbers `[N,M]` as pictures `[N,8,M,3]`: stripes, each as bright as its number."""
    grey = np.clip(128 + 40 * np.asarray(numbers, float), 0, 255).astype(np.uint8)
    return np.repeat(np.repeat(grey[:, None, :, None], 8, axis=1), 3, axis=3)


class _OfNumbers:
    """Draws the tables of numbers that scikit-learn's checks give, and checks them as it asks."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = True, False
        tags.input_tags.string = False
        return tags


class EmbedderOfNumbers(_OfNumbers, PictureEmbedder):
    def fit(self, X: Any, y: Any = None) -> EmbedderOfNumbers:  # noqa: N803
        super().fit(pictures_of(validate_data(self, X)), y)
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        return super().transform(pictures_of(validate_data(self, X, reset=False)))


class ClassifierOfNumbers(_OfNumbers, PictureClassifier):
    def fit(self, X: Any, y: Any) -> ClassifierOfNumbers:  # noqa: N803
        super().fit(pictures_of(validate_data(self, X)), y)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        return super().predict_proba(pictures_of(validate_data(self, X, reset=False)))


@pytest.mark.parametrize("estimator", [PictureEmbedder("fast"), PictureClassifier("fast")], ids=str)
def test_scikit_learns_checks_that_need_no_numbers(estimator: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it cannot test what takes no numbers
        assert check_estimator(estimator)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [EmbedderOfNumbers, ClassifierOfNumbers])
def test_scikit_learns_checks_on_numbers_drawn_as_pictures(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them pass; scikit-learn itself skips those of pandas and of other kinds of arrays.

    The checks are the same with fewer rows; each row is a picture that is embedded many times.
    """
    make_blobs = estimator_checks.make_blobs

    def few_blobs(n_samples: int = 100, **options: Any) -> Any:
        return make_blobs(n_samples=min(n_samples, 45), **options)

    monkeypatch.setattr(estimator_checks, "make_blobs", few_blobs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(kind("fast"), on_skip=None)
    assert sum(one["status"] == "passed" for one in found) > 40


@pytest.fixture(scope="module")
def paths(heroes: DemoPictures) -> list[str]:
    """Twelve pictures of each label, by turns."""
    both = [
        sorted((heroes.photos / label).iterdir())[:12] for label in ("dark_knight", "ice_queen")
    ]
    return [str(path) for pair in zip(*both, strict=True) for path in pair]


@pytest.fixture(scope="module")
def labels() -> list[str]:
    return ["knight", "queen"] * 12


def test_embeddings_are_those_of_a_classifier(paths: list[str], labels: list[str]) -> None:
    embedder = PictureEmbedder("fast")
    found = embedder.fit_transform(paths)
    assert (found.dtype, found.shape) == (np.float32, (24, 1280))
    classifier = PictureClassifier("fast").fit(paths, labels).classifier_
    assert np.array_equal(found, classifier.embed(paths))
    names = embedder.get_feature_names_out()
    assert (len(names), names[0], names[-1]) == (1280, "pictureembedder0", "pictureembedder1279")
    images = [Image.open(path) for path in paths[:2]]
    pixels = [np.asarray(image.convert("RGB")) for image in images]
    column = np.array(paths[:2], dtype=object)[:, None]
    for same in (images, pixels, column, np.array(paths[:2]), [Path(path) for path in paths[:2]]):
        assert np.allclose(embedder.transform(same), found[:2], atol=1e-5)


def test_it_can_be_cloned_set_and_pickled(paths: list[str], labels: list[str]) -> None:
    classifier = PictureClassifier("best", balanced=True)
    assert clone(classifier).get_params() == {"quality": "best", "balanced": True}
    classifier.set_params(quality="fast").fit(paths, labels)
    assert not hasattr(clone(classifier), "classes_")
    scores = classifier.predict_proba(paths)
    twin = pickle.loads(pickle.dumps(classifier))
    assert np.array_equal(twin.predict_proba(paths), scores)
    assert classifier.score(paths, labels) == 1.0


@pytest.mark.slow
def test_it_goes_into_pipelines_cross_validation_and_grid_search(
    paths: list[str], labels: list[str]
) -> None:
    pipeline = make_pipeline(PictureEmbedder("fast"), LogisticRegression())
    assert cross_val_score(pipeline, paths, labels, cv=3).mean() > 0.8
    assert cross_val_score(PictureClassifier("fast"), paths, labels, cv=3).mean() > 0.8
    grid = {"logisticregression__C": [0.1, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise").fit(paths, labels)
    assert search.best_score_ > 0.8
    assert set(search.predict(paths[:4])) <= {"knight", "queen"}


@pytest.mark.parametrize(
    "classes",
    [
        ["b", "a"],
        [10, 9],
        [True, False],
        [1.0, 0.0],
        [-1, 1],
        [" a", "a"],
        ["a_b", "a b"],
        ["A", "a"],
        ["\u00fc", "u\u0308"],
    ],
)
def test_classes_are_of_any_type_and_come_back(paths: list[str], classes: list[Any]) -> None:
    given = np.array(classes * 12)
    classifier = PictureClassifier("fast").fit(paths, given)
    assert classifier.classes_.tolist() == sorted(classes)
    answers = classifier.predict(paths)
    assert answers.dtype == given.dtype
    assert (answers == given).mean() > 0.9
    assert classifier.predict_proba(paths).shape == (24, 2)


def test_the_model_inside_calls_labels_by_their_names(
    paths: list[str], labels: list[str], tmp_path: Path
) -> None:
    classifier = PictureClassifier("fast").fit(paths, labels)
    assert classifier.classifier_.labels == ("knight", "queen")
    classifier.classifier_.save(tmp_path / "model")
    again = PictureClassifier("fast").fit([*paths, paths[0]], [*labels, labels[0]])
    assert again.classifier_.digest == classifier.classifier_.digest  # the same picture twice


@pytest.mark.parametrize(
    ("pictures", "labels", "message"),
    [
        ([], [], "There are no pictures"),
        ("a.jpg", ["a"], "Several pictures must be"),
        (np.zeros((2, 5)), ["a", "b"], "Several pictures must be"),
        (np.array([["a", "b"]]), ["a"], "Pictures are one column"),
        (np.zeros((2, 8, 8, 3), np.uint8), ["a"], "There are 2 pictures and 1 label."),
        (np.zeros((2, 8, 8, 3), np.uint8), ["a", "a"], "Only one class, a,"),
        (np.zeros((2, 8, 8, 3), np.uint8), [1.0, float("nan")], "A label is NaN"),
        (np.zeros((2, 8, 8, 3), np.uint8), np.array(["a", None]), "A label is None"),
        (np.zeros((2, 8, 8, 3), np.uint8), None, "y to be passed"),
    ],
)
def test_what_is_wrong_is_a_value_error(pictures: Any, labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        PictureClassifier("fast").fit(pictures, labels)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TellapartError)


def test_a_picture_that_cannot_be_read_is_named(paths: list[str], labels: list[str]) -> None:
    for estimator in (PictureClassifier("fast"), PictureEmbedder("fast")):
        with pytest.raises(PictureError) as caught:
            estimator.fit([*paths, "no.jpg"], [*labels, "queen"]).transform(["no.jpg"])
        assert caught.value.path == "no.jpg"
    with pytest.raises(UsageError, match="There is no quality 'better'"):
        PictureEmbedder("better").fit(paths)
    assert encoded(draw_scene())  # bytes are pictures too
    embedded = PictureEmbedder("fast").fit([b""]).transform([encoded(draw_scene())])
    assert embedded.shape == (1, 1280)


def test_without_scikit_learn_it_says_what_to_type() -> None:
    script = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import tellapart\n"
        "try:\n"
        "    import tellapart.sklearn\n"
        "except tellapart.MissingExtraError as error:\n"
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
        'This needs scikit-learn, which is not installed. Type: pip install "tellapart[sklearn]"\n'
    )
