"""What a training record says of the pictures that it does not keep.

Of very many pictures a record keeps some: the surest mistakes, and others that a hash of their
content draws. Of all of them it keeps how good the model is, what they have together, and a mark of
eight bytes each, by which a picture that was learnt from is known again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..evaluation.whole import Whole
from ..head.moments import Moments
from ..text import several

WHOLE = -1  # the number of the finished head among those of the folds
_DIGITS = 16  # of a digest in hex, whose first bytes are its mark


@dataclass(frozen=True)
class LeftOut:
    """Of M pictures kept and K labels, and of the others.

    Attributes:
        drawn: which of the pictures kept were drawn, bool `[M]`: they stand for all. The others are
            kept because the model is wrong about them.
        learnt: the marks of pictures learnt from that are not kept, uint64, rising.
        held_out: the marks of pictures held out that are not kept, uint64, rising.
        held_counts: of each label how many pictures were held out in all, int `[K]`.
        whole: how good the model is about all pictures, by the name of the evaluation.
        moments: of all pictures that a head was fitted on, by the number of the fold that it never
            saw, or `WHOLE`; of some heads, or none.
    """

    drawn: np.ndarray
    learnt: np.ndarray
    held_out: np.ndarray
    held_counts: np.ndarray
    whole: Mapping[str, Whole]
    moments: Mapping[int, Moments] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many pictures are not kept."""
        return len(self.learnt) + len(self.held_out)

    @property
    def words(self) -> str:
        """What is kept, as a sentence."""
        kept = len(self.drawn)
        wrong = kept - int(self.drawn.sum())
        mistakes = f", {several(wrong, 'mistake')} among them" if wrong else ""
        return (
            f"The training record keeps {kept:,} of {several(kept + self.count, 'picture')}"
            f"{mistakes}; the figures are of all of them."
        )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """For training.npz; `from_arrays` reads them."""
        figures = {name: whole.to_json() for name, whole in self.whole.items()}
        return {
            "drawn": self.drawn,
            "left_out_learnt": self.learnt,
            "left_out_held_out": self.held_out,
            "left_out_held_counts": self.held_counts.astype(np.int64),
            "left_out_whole": np.array([json.dumps(figures)], dtype=np.str_),
            **_moments_to_arrays(self.moments),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> LeftOut | None:
        """Takes out of what was stored what `to_arrays` gave, but for `drawn`, which is as long as
        the others; None where nothing was left out.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        if "left_out_whole" not in arrays:
            return None
        figures: dict[str, Any] = json.loads(arrays.pop("left_out_whole")[0])
        return cls(
            drawn=arrays["drawn"].astype(bool),
            learnt=arrays.pop("left_out_learnt").astype(np.uint64),
            held_out=arrays.pop("left_out_held_out").astype(np.uint64),
            held_counts=arrays.pop("left_out_held_counts").astype(np.int64),
            whole={name: Whole.from_json(values) for name, values in figures.items()},
            moments=_moments_from_arrays(arrays),
        )


def _moments_to_arrays(moments: Mapping[int, Moments]) -> dict[str, np.ndarray]:
    if not moments:
        return {}
    each = [*moments.values()]
    return {
        "moments_numbers": np.array([*moments], np.int32),
        "moments_counts": np.array([one.counts for one in each], np.int64),
        "moments_weights": np.array([one.weights for one in each]),
        "moments_mean": np.array([one.mean for one in each]),
        "moments_deviation": np.array([one.deviation for one in each]),
        "moments_means": np.array([one.means for one in each]),
        "moments_scale": np.array([one.scale for one in each]),
    }


def _moments_from_arrays(arrays: dict[str, np.ndarray]) -> dict[int, Moments]:
    if "moments_numbers" not in arrays:  # the head's logits do not split
        return {}
    numbers = arrays.pop("moments_numbers").tolist()
    names = ("counts", "weights", "mean", "deviation", "means", "scale")
    counts, weights, mean, deviation, means, scale = (arrays.pop(f"moments_{of}") for of in names)
    heads, labels, values = means.shape
    if not (
        counts.shape == weights.shape == (len(numbers), labels)
        and mean.shape == deviation.shape == (len(numbers), values)
        and scale.shape == (heads,) == (len(numbers),)
    ):
        raise ValueError("its moments are of another model")
    if not all(np.isfinite(one).all() for one in (weights, mean, means)):
        raise ValueError("its moments are no numbers")
    if not ((counts >= 0).all() and (deviation > 0).all() and (scale > 0).all()):
        raise ValueError("its moments cannot be")
    each = zip(counts, weights, mean, deviation, means, scale.tolist(), strict=True)
    return {number: Moments(*one) for number, one in zip(numbers, each, strict=True)}


class Remembered:
    """Contents that a model knows: by their sha256 in hex where those are kept, and by their marks
    otherwise."""

    def __init__(self, digests: Iterable[str], marks: np.ndarray) -> None:
        self._digests, self._marks = frozenset(digests), marks

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Remembered):
            return NotImplemented
        return self._digests == other._digests and np.array_equal(self._marks, other._marks)

    def __hash__(self) -> int:
        return hash(self._digests)

    def __len__(self) -> int:
        return len(self._digests) + len(self._marks)

    def __contains__(self, digest: object) -> bool:
        if digest in self._digests or not len(self._marks) or not isinstance(digest, str):
            return digest in self._digests
        if not digest:  # of a picture that was given as pixels
            return False
        mark = marks_of([digest])[0]
        at = int(np.searchsorted(self._marks, mark))
        return at < len(self._marks) and bool(self._marks[at] == mark)


def marks_of(digests: Sequence[str]) -> np.ndarray:
    """The mark of each sha256 in hex: its first eight bytes, uint64 `[N]`."""
    marks = (int(digest[:_DIGITS], 16) for digest in digests)
    return np.fromiter(marks, np.uint64, len(digests))
