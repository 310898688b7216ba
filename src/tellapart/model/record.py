"""The training record of a model, and where its pictures are now."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset.sources import SkippedFile
from ..errors import ModelError
from ..evaluation.learning_curve import MORE, CurvePoint, LearningCurve
from ..evaluation.metrics import Estimate, Proportion
from ..evaluation.occasions import Apart, Bursts
from ..files.seal import is_sealed, is_whole, seal
from ..files.stored import Place
from ..head.linear import Head
from ..health.shortcuts import Shortcut
from .left_out import LeftOut, Remembered, marks_of
from .locating import Search, has_to_be_named

_SEAL = b"tellapart.sha256 "  # with the digest that follows, the comment of the zip archive
_COMMENT = len(seal(_SEAL))


@dataclass(frozen=True)
class Run:
    """What is known about the training run itself, for the report.

    Attributes:
        source: the name of the source.
        place: where the source was.
        command: the command that repeats the run, without the model's folder.
        judged_by: the evaluation of the pictures that were not held out.
        skipped: files that were passed over, with the reason.
        hidden: how many files of the system were passed over.
        notes: sentences on what to know.
        learning: the learning curve, if there is one.
        shortcuts: what else the labels can be told by.
        balanced: whether every label had the same weight.
        versions: of the packages that it ran with.
        private: whether the record has no names or folders of pictures.
        in_python: whether a program gave the pictures, so that no command repeats the run.
        settings: what was asked of the training, for adding to the model: "test", "head",
            "groups", "repeats", "sgd", and "properties", which names the columns of image
            properties; empty where it is not known.
        bursts: whether the pictures come in bursts, and what that does to the accuracy.
    """

    source: str = ""
    place: str = ""
    command: str = ""
    judged_by: str = "cross-validated"
    skipped: tuple[SkippedFile, ...] = ()
    hidden: int = 0
    notes: tuple[str, ...] = ()
    learning: LearningCurve | None = None
    shortcuts: tuple[Shortcut, ...] = ()
    balanced: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    private: bool = False
    in_python: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    bursts: Bursts = field(default_factory=Bursts)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Run:
        values = json.loads(text)
        values["skipped"] = tuple(SkippedFile(**file) for file in values["skipped"])
        values["notes"] = tuple(values["notes"])
        values["shortcuts"] = tuple(map(_shortcut, values.get("shortcuts", ())))
        values["learning"] = _curve(values["learning"]) if values["learning"] else None
        values["bursts"] = _bursts(values.get("bursts") or {})
        return cls(**values)


def _curve(values: Any) -> LearningCurve:
    points = tuple(
        CurvePoint(
            point["n"],
            Proportion(**point["accuracy"]),
            tuple(Proportion(**proportion) for proportion in point["per_label"]),
        )
        for point in values["points"]
    )
    gain = values["gain"]
    return LearningCurve(
        points,
        Estimate(gain["value"], tuple(gain["interval"])) if gain else None,
        values["neediest"],
        values.get("occasions"),
        values.get("pictures", 0),
        values.get("more", MORE),  # earlier releases forecast so many
    )


def _bursts(values: Any) -> Bursts:
    points = tuple(
        Apart(one["groups"], one["count"], Proportion(**one["accuracy"]))
        for one in values.get("apart", ())
    )
    return Bursts(**{**values, "apart": points})


def _shortcut(values: Any) -> Shortcut:
    told = Estimate(values["told"]["value"], tuple(values["told"]["interval"]))
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Shortcut(**{**values, **lists, "told": told})


@dataclass(frozen=True)
class TrainingRecord:
    """What a model keeps of its training, to explain it and to add to it; N pictures, K labels.

    Attributes:
        vectors: embeddings, float32 `[N,D]`.
        labels: indices of labels, `[N]`.
        names: paths below the source.
        digests: the sha256 of each picture's content, in hex.
        held_out: which pictures were held out, bool `[N]`.
        scores: float32 `[N,K]`; out-of-fold for training pictures, the finished model's for those
            held out.
        roots: the folders that the names were below, and the tars, Parquet files, archives or
            addresses that the pictures were in.
        judged: the pictures whose scores say how good the model is, bool `[N]`; None for all.
        run: what is known about the training run.
        fold: the fold that left each training picture out, int `[N]`; -1 for the others.
        fold_heads: the calibrated heads that judged the folds; empty if they are not known.
        group_names: the group that is said of each picture, or ""; None if they are not known, as
            in models of earlier releases.
        splits: the side that was said of each picture, "train" or "test", or "" where its content
            decided; None if that is not known.
        properties: image properties, float32 `[N,P]`; None if they are not known.
        together: equal for pictures that were kept together, int `[N]`; None where none were.
        left_out: of very many pictures the N are only some, and this is of the others; None where
            all are here.
    """

    vectors: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    digests: tuple[str, ...]
    held_out: np.ndarray
    scores: np.ndarray
    roots: tuple[str, ...]
    judged: np.ndarray | None = None
    run: Run = field(default_factory=Run)
    fold: np.ndarray | None = None
    fold_heads: Mapping[int, Head] = field(default_factory=dict)
    group_names: tuple[str, ...] | None = None
    splits: tuple[str, ...] | None = None
    properties: np.ndarray | None = None
    together: np.ndarray | None = None
    left_out: LeftOut | None = None

    def to_bytes(self, model: str) -> bytes:
        """The content of training.npz, sealed and tied to the model file that has this seal."""
        stream = io.BytesIO()
        heads = list(self.fold_heads.values())
        shape = (len(heads), self.scores.shape[1], self.vectors.shape[1])
        if_known: dict[str, Any] = {
            "group_names": self.group_names and np.array(self.group_names, dtype=np.str_),
            "splits": self.splits and np.array(self.splits, dtype=np.str_),
            "properties": None if self.properties is None else np.float32(self.properties),
            "together": None if self.together is None else np.int32(self.together),
        }
        if self.left_out:
            if_known |= self.left_out.to_arrays()
        np.savez(
            stream,
            model=np.array([model], dtype=np.str_),
            vectors=self.vectors.astype(np.float32),
            labels=self.labels.astype(np.int32),
            names=np.array(self.names, dtype=np.str_),
            digests=np.array(self.digests, dtype=np.str_),
            held_out=self.held_out.astype(np.bool_),
            scores=self.scores.astype(np.float32),
            roots=np.array(self.roots, dtype=np.str_),
            run=np.array([self.run.to_json()], dtype=np.str_),
            judged=np.ones(len(self.names), bool) if self.judged is None else self.judged,
            fold=np.full(len(self.names), -1, np.int32) if self.fold is None else self.fold,
            fold_numbers=np.array(list(self.fold_heads), dtype=np.int32),
            fold_weights=np.reshape([h.weights for h in heads], shape).astype(np.float32),
            fold_bias=np.reshape([h.bias for h in heads], shape[:2]).astype(np.float64),
            **{name: array for name, array in if_known.items() if array is not None},
        )
        bare = stream.getvalue()[:-2]  # the last two say how long the comment is
        return seal(bare + _COMMENT.to_bytes(2, "little") + _SEAL)

    @classmethod
    def from_bytes(cls, content: bytes, model: str | None) -> TrainingRecord:
        """Read the training record of the model file with this seal, or of any; it runs no code.

        Raises:
            ModelError: it was changed, is damaged, or is of another model.
        """
        if not (is_sealed(content, _SEAL) and is_whole(content)):
            raise ModelError(
                "training.npz was changed or damaged after it was written.",
                hint="Copy it again, or train again.",
            )
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            own = arrays.pop("model").tolist() == [model] or model is None
            left_out = LeftOut.from_arrays(arrays)
            record = cls(
                vectors=arrays["vectors"],
                labels=arrays["labels"],
                names=tuple(arrays["names"].tolist()),
                digests=tuple(arrays["digests"].tolist()),
                held_out=arrays["held_out"],
                scores=arrays["scores"],
                roots=tuple(arrays.pop("roots").tolist()),
                judged=arrays["judged"],
                run=Run.from_json(arrays.pop("run")[0]),
                fold=arrays["fold"],
                fold_heads=_heads(arrays),
                group_names=_texts(arrays, "group_names"),
                splits=_texts(arrays, "splits"),
                properties=arrays.get("properties"),
                together=arrays.get("together"),  # earlier releases knew of none
                left_out=left_out,
            )
            if len({len(array) for array in arrays.values()}) != 1:
                raise ValueError("its lengths differ")
            record._check_values()
        except Exception as error:  # a zip of arrays can be broken in very many ways
            raise ModelError("training.npz is damaged.", hint="Train again.") from error
        if not own:
            raise ModelError(
                "training.npz does not belong to the model.onnx beside it.",
                hint="If the model was replaced while it was in use, load it again. Otherwise copy "
                "its whole folder again, or train again.",
            )
        return record

    def _check_values(self) -> None:
        """Raises ValueError where numbers cannot be what they are said to be."""
        count = self.scores.shape[1]
        if not np.isfinite(self.vectors).all():
            raise ValueError("its embeddings are no numbers")
        if not ((self.scores >= 0) & (self.scores <= 1 + 1e-6)).all():
            raise ValueError("its scores are no probabilities")
        if not ((self.labels >= 0) & (self.labels < count)).all():
            raise ValueError("it has other labels")
        heads = self.fold_heads.values()
        if not all(np.isfinite(h.weights).all() and np.isfinite(h.bias).all() for h in heads):
            raise ValueError("its heads are no numbers")
        if not {*(self.splits or ())} <= {"", "train", "test"}:
            raise ValueError("it has other splits")
        if self.properties is not None and self.properties.ndim != 2:
            raise ValueError("its image properties are no table")

    def learnt(self) -> Remembered:
        """The contents of all pictures that the model has learnt from, kept or not."""
        return self._remembered(held_out=False)

    def tested(self) -> Remembered:
        """The contents of all pictures that were held out, kept or not."""
        return self._remembered(held_out=True)

    def _remembered(self, *, held_out: bool) -> Remembered:
        sides = zip(self.digests, self.held_out.tolist(), strict=True)
        own = (digest for digest, held in sides if held == held_out)
        left = self.left_out
        if left is None:
            return Remembered(own, np.zeros(0, np.uint64))
        return Remembered(own, left.held_out if held_out else left.learnt)

    @property
    def count(self) -> int:
        """How many pictures there are in all, those left out included."""
        return len(self.names) + (self.left_out.count if self.left_out else 0)

    def marks(self, *, held_out: bool | None = None) -> np.ndarray:
        """The marks of all of them, or of one side, uint64, rising, each once; see `left_out`."""
        left = self.left_out
        others = {False: left.learnt, True: left.held_out} if left else {}
        chosen = [of for side, of in others.items() if held_out in (None, side)]
        own = marks_of(self.digests)
        if held_out is not None:
            own = own[self.held_out == held_out]
        return np.unique(np.concatenate([own, *chosen]))

    def locate(
        self, *folders: str | os.PathLike[str], only: Iterable[int] | None = None
    ) -> dict[int, Place]:
        """Where the pictures are now, by their position; those not found are missing.

        Looks where they were, unless that is an address; then among all files below `folders`, or
        by their names in what else these mean: tars, Parquet files, an address. A picture counts
        only if its content is the one that was learnt from. `only` some positions are looked for,
        or all.

        Raises:
            DatasetError, UsageError: one of `folders` cannot be read.
        """
        wanted = range(len(self.names)) if only is None else sorted(set(only))
        search = Search([(self.names[i], self.digests[i]) for i in wanted])
        search.where_they_were(self.roots)
        for folder in folders:
            search.below(os.fspath(folder))
        found = search.found
        return {i: found[self.digests[i]] for i in wanted if self.digests[i] in found}

    def files(self) -> list[Path]:
        """The pictures that are files of their own and are where they were, each content once."""
        search = Search(list(zip(self.names, self.digests, strict=True)))
        search.files_below(self.roots)
        return [place for place in search.found.values() if isinstance(place, Path)]

    @property
    def elsewhere(self) -> str:
        """The address or the archive where pictures lie that `locate` does not find by itself;
        empty where there is none."""
        return next(filter(has_to_be_named, self.roots), "")


def _texts(arrays: Mapping[str, np.ndarray], name: str) -> tuple[str, ...] | None:
    return tuple(arrays[name].tolist()) if name in arrays else None


def _heads(arrays: dict[str, np.ndarray]) -> dict[int, Head]:
    """Takes the heads of the folds out of what was stored."""
    numbers, weights, bias = (arrays.pop(f"fold_{what}") for what in ("numbers", "weights", "bias"))
    shape = (len(numbers), arrays["scores"].shape[1], arrays["vectors"].shape[1])
    if len(numbers) and not weights.shape == shape == (*bias.shape, shape[2]):
        raise ValueError("its heads are of another model")
    return {
        int(number): Head(of.astype(np.float64), to)
        for number, of, to in zip(numbers, weights, bias, strict=True)
    }
