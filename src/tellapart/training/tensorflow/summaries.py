"""What TensorBoard shows: accuracy and cross entropy of training and validation, as retrain.py."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ...files.atomic import cannot_write
from .runtime import tensorflow

if TYPE_CHECKING:
    import tensorflow as tf


class Summaries:
    """Writes `train/` and `validation/` below a folder; without a folder, nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._writers: dict[str, tf.summary.SummaryWriter] = {}
        if folder is None:
            return
        try:
            for name in ("train", "validation"):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error, "summaries") from error
        create = tensorflow().summary.create_file_writer
        self._writers = {name: create(str(folder / name)) for name in ("train", "validation")}

    @property
    def wanted(self) -> bool:
        return bool(self._writers)

    def write(self, part: str, step: int, *, accuracy: float, cross_entropy: float) -> None:
        """One point of both curves; `part` is "train" or "validation"."""
        if not self._writers or math.isnan(accuracy):
            return
        with self._writers[part].as_default():
            tensorflow().summary.scalar("accuracy", accuracy, step=step)
            tensorflow().summary.scalar("cross_entropy", cross_entropy, step=step)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
