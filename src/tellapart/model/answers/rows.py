"""What is written of each picture, and the columns that say it: the same in CSV and in Parquet.

    path, sha256, label, score, novelty, unknown, error, score_<label> of each label, embedding

Of a picture that could not be read there are only path and error. A model of more than
`MOST_COLUMNS` labels has in Parquet one column `scores` instead, a list in the order of its labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import PictureError
from ...evaluation.judged import ranked
from ..observe import Observation

MOST_COLUMNS = 256  # of scores: readers of tables are slow with thousands


@dataclass(frozen=True)
class Row:
    """The answer about one picture of a model with K labels.

    Attributes:
        path: its path, address or name, as it was given.
        error: why it could not be read; empty if it could.
        digest: the sha256 of its content, in hex; empty where it was given as pixels.
        scores: float32 `[K]`, in the order of the model's labels.
        novelty: how far it is from everything that was learnt from.
        unknown: whether it is none of the labels.
        embedding: float32 `[D]`, where that was asked for.
    """

    path: str
    error: str = ""
    digest: str = ""
    scores: np.ndarray | None = None
    novelty: float = 0.0
    unknown: bool = False
    embedding: np.ndarray | None = None


@dataclass(frozen=True)
class Table:
    """What the rows of all shards have in common.

    Attributes:
        labels: the model's, in the order of scores.
        model: the sha256 of the model file, in hex.
        top: how many of the likeliest scores are written, where a form can leave some out.
        width: how many numbers an embedding has; 0 where none is written.
    """

    labels: tuple[str, ...]
    model: str
    top: int | None = None
    width: int = 0


def row_of(path: str, found: Observation | PictureError, *, embedding: bool) -> Row:
    """What is kept of one picture."""
    if isinstance(found, PictureError):
        return Row(path, error=found.message)
    return Row(
        path,
        digest=found.digest,
        scores=found.scores,
        novelty=found.novelty,
        unknown=found.unknown,
        embedding=found.embedding if embedding else None,
    )


def best_of(labels: Sequence[str], scores: np.ndarray, top: int | None = None) -> dict[str, float]:
    """`{label: score}` of the likeliest labels, the likeliest first."""
    return dict(list(ranked(labels, scores).items())[:top])
