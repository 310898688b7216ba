"""Out-of-fold logits of more pictures and labels than can be kept, said again when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...head.blocks import Vectors, block
from ...head.linear import Head


class OutOfFoldLogits:
    """Logits `[N,K]` of embeddings `[N,D]`, each by the head of the fold that it was not in; 0
    where that has none."""

    dtype: np.dtype[Any] = np.dtype(np.float32)

    def __init__(self, vectors: Vectors, fold: np.ndarray, heads: Mapping[int, Head]) -> None:
        self.vectors, self.fold = vectors, fold
        self.heads = {
            number: (np.float32(head.weights.T), np.float32(head.bias))
            for number, head in heads.items()
        }
        self.count = max((len(bias) for _, bias in self.heads.values()), default=0)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.fold), self.count

    def __len__(self) -> int:
        return len(self.fold)

    def __getitem__(self, wanted: slice | np.ndarray) -> np.ndarray:
        vectors, fold = block(self.vectors, wanted), self.fold[wanted]
        logits = np.zeros((len(fold), self.count), self.dtype)
        for number, (weights, bias) in self.heads.items():
            outside = fold == number
            logits[outside] = vectors[outside] @ weights + bias
        return logits
