"""tellapart in scikit-learn: pictures -> embeddings, and pictures -> labels.

>>> from sklearn.linear_model import LogisticRegression
>>> from sklearn.pipeline import make_pipeline
>>> from tellapart.sklearn import PictureEmbedder
>>> pipeline = make_pipeline(PictureEmbedder("fast"), LogisticRegression())
>>> pipeline.fit(paths, labels).predict(["picture.jpg"]).tolist()
['ice_queen']

This module is imported only where it is asked for: nothing else of tellapart needs scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .errors import need

try:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        TransformerMixin,
    )
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d
except ImportError as error:
    raise need("sklearn", why="scikit-learn") from error

from .backbones.embed import BATCH, Embedder
from .backbones.graph import network_of
from .backbones.rows import quality as quality_row
from .dataset.cells import is_missing, label_text
from .dataset.in_python import AGAIN
from .dataset.labels import distinct
from .errors import DatasetError, PictureError, UsageError
from .images.decode import Picture, each_of
from .text import several, shown
from .training.train import train
from .workers.local import batches_of, local_map

if TYPE_CHECKING:
    from .model.classifier import Classifier

Pictures = Sequence[Picture] | np.ndarray


class InputError(UsageError, ValueError):
    """Pictures or labels that cannot be used: a `ValueError` too, as scikit-learn has it."""


class PictureEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Pictures (paths, bytes, Pillow images or arrays) -> their embeddings, float32 `[N,D]`.

    `quality` is fast, good or best. Nothing is learnt: `fit` only looks up the network.
    """

    def __init__(self, quality: str = "good") -> None:
        self.quality = quality

    def fit(self, X: Pictures, y: object = None) -> PictureEmbedder:  # noqa: N803
        """Nothing is learnt from the pictures; each of them is known to be one when it is embedded.

        Raises:
            UsageError: there is no such quality.
            InputError: there is no picture.
        """
        _pictures(X)
        network = network_of(quality_row(self.quality))
        self._n_features_out = sum(trunk.channels for trunk in network.trunks)
        return self

    def transform(self, X: Pictures) -> np.ndarray:  # noqa: N803
        """The embeddings `[N,D]`, from the cache where they are known.

        Raises:
            PictureError: one of them cannot be read; `path` says which.
        """
        check_is_fitted(self)
        pictures = _pictures(X)
        embedder = _Raising(network_of(quality_row(self.quality)))
        return np.stack(list(local_map(embedder, batches_of(pictures, BATCH))))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_n_features_out")

    def __sklearn_tags__(self) -> Any:
        tags = _of_pictures(super().__sklearn_tags__())
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = []  # float32, whatever the pictures are
        return tags


class PictureClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Pictures -> labels: `tellapart.train` as a scikit-learn classifier.

    All pictures given to `fit` are learnt from, none is held out: scikit-learn does that.

    Attributes:
        classes_: the labels `[K]`, sorted, of the type that they were given in.
        classifier_: the `tellapart.Classifier`. It calls the labels by their texts, or, where these
            are hard to tell apart, by their places in `classes_`.
    """

    def __init__(self, quality: str = "good", *, balanced: bool = False) -> None:
        self.quality = quality
        self.balanced = balanced

    def fit(self, X: Pictures, y: Sequence[object] | np.ndarray) -> PictureClassifier:  # noqa: N803
        """Learn from N pictures and their N labels.

        Raises:
            InputError: there are not as many labels as pictures, or fewer than two different ones.
            UsageError: there is no such quality.
            PictureError: a picture cannot be read.
        """
        pictures = _pictures(X)
        labels = _checked_labels(y, len(pictures))
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise InputError(
                f"Only one class, {shown(str(classes[0]))}, is not enough to tell apart.",
                hint="Give pictures of two labels or more.",
            )
        names = _names(classes)
        result = train(
            (pictures, [names[number] for number in numbers]),
            quality=self.quality,
            balanced=self.balanced,
            test=0,
        )
        for wrong in result.skipped:
            if wrong.reason != AGAIN:
                raise PictureError(f"{wrong.name}: {wrong.reason}", path=wrong.name)
        self.classes_ = classes
        self.classifier_: Classifier = result.classifier
        self._columns = [result.classifier.labels.index(name) for name in names]
        return self

    def predict_proba(self, X: Pictures) -> np.ndarray:  # noqa: N803
        """The scores `[N,K]`, in the order of `classes_`.

        Raises:
            PictureError: one of them cannot be read; `path` says which.
        """
        check_is_fitted(self)
        return self.classifier_.predict_scores(_pictures(X))[:, self._columns]

    def predict(self, X: Pictures) -> np.ndarray:  # noqa: N803
        """The likeliest of `classes_` for each picture, `[N]`."""
        scores = self.predict_proba(X)
        return np.asarray(self.classes_[scores.argmax(axis=1)])

    def __sklearn_tags__(self) -> Any:
        return _of_pictures(super().__sklearn_tags__())


def _checked_labels(y: object, count: int) -> np.ndarray:
    """Labels `[N]`, one for each of `count` pictures.

    Raises:
        InputError: they are not, or one is missing.
    """
    if y is None:
        raise InputError("Learning requires y to be passed, but the target y is None.")
    labels: np.ndarray = column_or_1d(y, warn=True)
    if len(labels) != count:
        raise InputError(
            f"There are {several(count, 'picture')} and {several(len(labels), 'label')}.",
            hint="Give one label for each picture.",
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InputError("A label is NaN or infinity.", hint="Give each picture a label.")
    if labels.dtype == object and any(map(is_missing, labels)):
        raise InputError("A label is None or NaN.", hint="Give each picture a label.")
    check_classification_targets(labels)
    return labels


def _names(classes: np.ndarray) -> list[str]:
    """What the model calls each class."""
    names = [label_text(label) for label in classes]
    try:
        if len(set(names)) == len(set(distinct(names).values())) == len(names) and all(names):
            return [*map(distinct(names).__getitem__, names)]
    except DatasetError:  # two that few would tell apart: scikit-learn does
        pass
    return [str(number) for number in range(len(names))]


class _Raising(Embedder):
    """Embeds pictures of all kinds; the first that cannot be read ends it."""

    def process(self, batch: Sequence[Any]) -> list[Any]:
        return [self.embed(picture).vector for picture in batch]


def _of_pictures(tags: Any) -> Any:
    """What scikit-learn has to know: X is pictures, and no table of numbers."""
    tags.input_tags.two_d_array = False
    tags.input_tags.three_d_array = True
    tags.input_tags.string = True
    return tags


def _pictures(given: Pictures) -> list[Picture]:
    """The pictures of a list, of an array of pictures or of paths, or of one column of a table.

    Raises:
        InputError: it is one picture, none, or a table of several columns.
    """
    many: Any = given
    if hasattr(many, "to_numpy"):  # a column, or a frame of one
        many = many.to_numpy()
    if isinstance(many, np.ndarray) and many.dtype.kind in "OSU":
        if many.ndim == 2 and many.shape[1] == 1:
            many = many[:, 0]
        if many.ndim > 1:
            raise InputError(
                f"Pictures are one column [N]; these are {list(many.shape)}.",
                hint="Give the column that holds them.",
            )
    if isinstance(many, np.ndarray) and many.ndim == 3 and many.dtype.kind not in "OSU":
        many = list(many)  # grey
    try:
        found = list(each_of(many))
    except UsageError as error:
        raise InputError(error.message, hint=error.hint) from error
    if not found:
        raise InputError("There are no pictures: 0 samples, and at least 1 is required.")
    return [cast("Picture", str(one) if isinstance(one, np.str_) else one) for one in found]
