"""What a model file answered: taken only where it can be true.

A file that is whole may still come from anyone, so its numbers are checked beside its seal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ModelError

_SUM_OFF_BY = 1e-3  # of scores that are rounded as float16 has them; ours are float32


def checked(outputs: Sequence[str], answers: Sequence[object], labels: int) -> list[np.ndarray]:
    """A model's outputs for one picture, each without its first axis, which is of one picture.

    Of K `labels` these are `scores` `[K]`, in 0..1 with the sum 1; `logits` `[K]`; `embedding`
    `[D]`; `evidence` `[K,h,w]`, or of several heads `[H*K,h,w]`; `novelty`, one number.

    Raises:
        ModelError: one is of another kind or shape, or holds what it cannot be.
    """
    return [_checked(name, answer, labels) for name, answer in zip(outputs, answers, strict=True)]


def _checked(name: str, answer: object, labels: int) -> np.ndarray:
    if not isinstance(answer, np.ndarray) or answer.dtype.kind != "f":
        raise _damaged(f"its output {name} has the wrong type")
    axes = {"scores": 2, "logits": 2, "embedding": 2, "evidence": 4, "novelty": 1}[name]
    if answer.ndim != axes or len(answer) != 1 or not answer.size:
        raise _damaged(f"its output {name} has the shape {list(answer.shape)} for one picture")
    if name in ("scores", "logits") and answer.shape[1] != labels:
        raise _damaged(f"it has {labels} labels, but {answer.shape[1]} {name}")
    if name == "evidence" and answer.shape[1] % labels:
        raise _damaged(f"it has {labels} labels, but evidence for {answer.shape[1]}")
    if not np.isfinite(answer).all():
        raise _damaged(f"its output {name} contains {answer[~np.isfinite(answer)][0]}")
    if name == "scores" and not (answer.min() >= 0 and abs(float(answer.sum()) - 1) < _SUM_OFF_BY):
        raise _damaged("its scores are not probabilities")
    return np.asarray(answer[0])


def _damaged(why: str) -> ModelError:
    return ModelError(
        f"This model file is damaged: {why}.", hint="Copy it again, or train it again."
    )
