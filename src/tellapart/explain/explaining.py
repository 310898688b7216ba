"""A model and pictures -> explanations, as many at a time as there are cores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from ..errors import ModelError, PictureError, UsageError
from ..evaluation.judged import ranked
from ..head.linear import Head, softmax
from ..images.decode import Picture, each_of, read_picture
from ..model.classifier import Classifier
from ..model.prediction import Prediction
from ..model.record import TrainingRecord
from ..text import shown
from ..workers.local import Each, batches_of, local_map
from .background import NO_RECORD, Background, Backgrounds
from .evidence import coverage, own_head, with_heads
from .explanation import Explanation
from .places import appearance_of
from .words import Facts, sentences

_BATCH = 1  # pictures a thread takes at a time: each takes a while
_APART = 0.02  # what a score and the one that its evidence adds up to may differ, by rounding

Told = TypeVar("Told")


@dataclass(frozen=True)
class Asked:
    """A picture to explain, and what it is called. `own` is its label, where that is known.

    `index` is its row in the training record where it is a training picture that shall be
    judged as in the cross-validation: by the head that never saw it. `row` is its row there
    however it shall be judged.
    """

    picture: Picture
    own: str = ""
    index: int | None = None
    name: str = ""
    row: int | None = None


def explain(classifier: Classifier, picture: Picture, *, own: str = "") -> Explanation:
    """Why a picture gets its label, compared with the runner-up or with its `own` label.

    Raises:
        PictureError: it cannot be read; the message says why.
        UsageError: the model does not know `own`.
    """
    return Explainer(classifier).explain(Asked(picture, own))


def explain_recorded(classifier: Classifier, index: int, picture: Picture) -> Explanation:
    """Why a picture of the training record got the label that it was judged by.

    The head of the cross-validation that never saw a training picture explains it, because the
    finished model has learnt from it. `index` is its row in the training record.

    Raises:
        PictureError: it cannot be read.
        ModelError: the model has no training record.
    """
    record = classifier.training_record
    if record is None:
        raise ModelError(NO_RECORD, hint="Give the folder that tellapart train wrote.")
    own = classifier.labels[int(record.labels[index])]
    return Explainer(classifier).explain(Asked(picture, own, index))


def explain_many(
    classifier: Classifier, asked: Iterable[Asked | Picture]
) -> Iterator[Explanation | PictureError]:
    """The explanations of many pictures, in order, as they come; memory does not grow.

    An unreadable picture's `PictureError` stands in its place.
    """
    return tell_many(classifier, asked, lambda _, explanation: explanation)


def tell_many(
    classifier: Classifier,
    asked: Iterable[Asked | Picture],
    tell: Callable[[Asked, Explanation], Told],
    *,
    shares: bool = True,
) -> Iterator[Told | PictureError]:
    """What `tell` makes of each explanation, in order; it is called by the thread that explained,
    so that drawing too is done on all cores. Without `shares`, no logit is split into those of the
    training pictures, which takes a while for each head."""
    whole = (one if isinstance(one, Asked) else Asked(one) for one in each_of(asked))
    explainer = Explainer(classifier, shares=shares)

    def told(asked: Asked) -> Told | PictureError:
        try:
            return tell(asked, explainer.explain(asked))
        except PictureError as error:
            return error

    return local_map(Each(told), batches_of(whole, _BATCH))


class Explainer:
    """A classifier with what is the same for all its explanations; any thread may use it."""

    def __init__(self, classifier: Classifier, *, shares: bool = True) -> None:
        self.classifier = classifier
        self.shares = shares
        self._lock = threading.RLock()

    def explain(self, asked: Asked) -> Explanation:
        """The explanation of one picture.

        Raises:
            PictureError: it cannot be read.
            UsageError: the model does not know the label it is said to have.
            ModelError: the model cannot be run.
        """
        labels = self.classifier.labels
        if asked.own and asked.own not in labels:
            raise UsageError(f"The model does not know the label {shown(asked.own)}.")
        pixels = read_picture(asked.picture)
        number = self._fold_of(asked)
        runner = self._runner(asked)
        scores, novelty, embedding, maps = runner.run(
            pixels, ["scores", "novelty", "embedding", "evidence"]
        )
        heads = 1 if runner is self.classifier else 1 + len(self._folds)
        bias = np.array(self.classifier.manifest.bias)
        _check_own(scores, maps, bias, heads)
        place = 0 if number is None else 1 + self._folds.index(number)
        evidence = maps[place * len(labels) : (place + 1) * len(labels)].astype(np.float64)
        if number is not None:
            assert self._record
            bias = self._record.fold_heads[number].bias
        views = self.classifier.manifest.views
        unknown = novelty > self.classifier.unknown_above
        return _put_together(
            labels,
            pixels,
            bias,
            evidence,
            embedding.astype(np.float64),
            asked.own,
            unknown=bool(unknown) and number is None,
            seen=coverage(views, pixels.shape[0], pixels.shape[1], evidence.shape[-1]),
            background=self._background(number),
            by_fold=number is not None,
        )

    def predict(self, asked: Asked) -> Prediction:
        """The answer alone, by the head that `explain` would ask, and as quick as any guess.

        Raises:
            PictureError: the picture cannot be read.
            ModelError: the model cannot be run.
        """
        number = self._fold_of(asked)
        if number is None:
            return self.classifier.predict(asked.picture)
        assert self._record
        labels = self.classifier.labels
        maps, novelty = self._runner(asked).run(asked.picture, ["evidence", "novelty"])
        first = (1 + self._folds.index(number)) * len(labels)
        own = maps[first : first + len(labels)].mean(axis=(1, 2), dtype=np.float64)
        logits = own + self._record.fold_heads[number].bias
        return Prediction(ranked(labels, softmax(logits[None])[0]), float(novelty), unknown=False)

    def _fold_of(self, asked: Asked) -> int | None:
        """The fold whose head shall judge; None for the finished model."""
        record = self._record
        if asked.index is None or record is None or record.fold is None:
            return None
        number = int(record.fold[asked.index])
        return number if number in record.fold_heads else None

    def _runner(self, asked: Asked) -> Classifier:
        """One network with all heads explains all pictures of the training record."""
        if asked.index is None or not self._folds:
            return self.classifier
        with self._lock:
            return self._with_heads

    @cached_property
    def _folds(self) -> list[int]:
        return list(self._record.fold_heads) if self._record else []

    @cached_property
    def _record(self) -> TrainingRecord | None:
        """The classifier's, unless it is of another network."""
        record = self.classifier.training_record
        fits = record and record.vectors.shape[1] == self._own_head.weights.shape[1]
        return record if fits else None

    @cached_property
    def _own_head(self) -> Head:
        return own_head(self.classifier.content)

    @cached_property
    def _with_heads(self) -> Classifier:
        record = self._record
        assert record
        heads = [self._own_head, *record.fold_heads.values()]
        return Classifier(with_heads(self.classifier.content, heads), self.classifier.manifest)

    @cached_property
    def _backgrounds(self) -> Backgrounds | None:
        record = self._record
        if record is None:
            return None
        return Backgrounds(self.classifier.manifest, record, self._own_head, shares=self.shares)

    def _background(self, number: int | None) -> Background | None:
        with self._lock:
            backgrounds, making = self._backgrounds, self._making[number]
        if backgrounds is None:
            return None
        with making:  # once, by whichever thread comes first
            return backgrounds.own if number is None else backgrounds.of_fold(number)

    @cached_property
    def _making(self) -> Mapping[int | None, threading.Lock]:
        """A lock for each background: two threads may make two of them at once."""
        return {number: threading.Lock() for number in (None, *self._folds)}


def _check_own(scores: np.ndarray, maps: np.ndarray, bias: np.ndarray, heads: int) -> None:
    """Whether the maps `[H*K,h,w]` of H `heads`, its own first, are of a model's scores `[K]`.

    Raises:
        ModelError: they are not: they would explain another answer.
    """
    logits = maps[: len(scores)].mean(axis=(1, 2), dtype=np.float64) + bias
    if len(maps) != heads * len(scores) or np.abs(softmax(logits[None])[0] - scores).max() > _APART:
        raise ModelError(
            "This model file is damaged: its evidence does not belong to its scores.",
            hint="Copy it again, or train it again.",
        )


def _put_together(
    labels: tuple[str, ...],
    pixels: np.ndarray,
    bias: np.ndarray,
    evidence: np.ndarray,
    embedding: np.ndarray,
    own: str,
    *,
    unknown: bool,
    seen: np.ndarray,
    background: Background | None,
    by_fold: bool,
) -> Explanation:
    """All numbers of one picture as its explanation."""
    logits = evidence.mean(axis=(1, 2)) + bias
    first, second = np.argsort(-logits, kind="stable")[:2]
    rival = labels.index(own) if own and own != labels[first] else int(second)
    nearest = background.nearest(embedding) if background else ()
    bare = Explanation(
        labels=labels,
        logits=logits,
        bias=bias,
        evidence=evidence,
        seen=seen,
        pixels=pixels,
        rival=labels[rival],
        own=own,
        unknown=unknown,
        cases=background.cases(embedding, (int(first), rival)) if background else {},
        nearest=nearest,
        remoteness=background.remoteness(nearest[0].distance) if background else None,
        by_fold=by_fold,
        missing=background.missing if background else NO_RECORD,
    )
    said = Facts(
        label=bare.label,
        score=bare.score,
        rival=bare.rival,
        own=own,
        unknown=unknown,
        lead=bare.lead,
        appearance=appearance_of(pixels, *evidence.shape[1:]),
        nearest=nearest,
        remoteness=bare.remoteness,
        margin=bare.margin,
        names=background.names if background else (),
        by_fold=by_fold,
        rest=bare.rest,
        unkept=bare.unkept,
    )
    return replace(bare, sentences=sentences(said))
