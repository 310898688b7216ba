"""What training found, as event files that TensorBoard reads: `tensorboard --logdir DIR`.

Accuracy and cross entropy along the learning curve, recall of each label, and the embeddings of all
pictures for the projector. Written by tensorboardX, an extra; TensorFlow is not needed.
"""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DestinationError, need
from ..text import shown
from .result import TrainResult

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter


def write_summaries(result: TrainResult, folder: Path) -> None:
    """Write event files into a new folder below `folder`, `run-1` or the next that is free: so
    TensorBoard shows runs side by side, and none overwrites the pictures of another.

    Raises:
        MissingExtraError: tensorboardX is not installed.
        DestinationError: the folder cannot be written to.
    """
    check_installed()
    import tensorboardX

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tensorboardX.SummaryWriter(str(_new_run(folder))) as writer:
            _write_figures(writer, result)
            _write_embeddings(writer, result)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise DestinationError(f"{shown(folder)} cannot be written: {reason}.") from error


def _new_run(folder: Path) -> Path:
    for number in itertools.count(1):
        try:
            (run := folder / f"run-{number}").mkdir()
        except FileExistsError:
            continue
        return run
    raise AssertionError("numbers do not end")


def check_installed() -> None:
    """Raise `MissingExtraError` before any work is done, if the extra is not there."""
    if importlib.util.find_spec("tensorboardX") is None:
        raise need("tensorboard", why="tensorboardX, which writes TensorBoard's files")


def _write_figures(writer: SummaryWriter, result: TrainResult) -> None:
    """Scalars; the step of the last points is the number of pictures learnt from."""
    learnt = sum(result.classifier.manifest.counts)
    for name, evaluation in result.evaluations.items():
        if not evaluation.count:  # it judged nothing
            continue
        group = name.replace(" ", "_").replace("-", "_")
        writer.add_scalar(f"{group}/accuracy", evaluation.accuracy.value, learnt)
        writer.add_scalar(f"{group}/cross_entropy", evaluation.log_loss.value, learnt)
        for row in evaluation.per_label:
            if row.n:
                writer.add_scalar(f"{group}/recall/{shown(row.label)}", row.recall, learnt)
    for point in result.learning.points if result.learning else ():
        writer.add_scalar("learning_curve/accuracy", point.accuracy.value, point.n)


def _write_embeddings(writer: SummaryWriter, result: TrainResult) -> None:
    """The embedding projector's points, with label and name of each."""
    record = result.classifier.training_record
    assert record is not None  # training has just made it
    labels = result.classifier.labels
    metadata = [
        [shown(labels[k]), shown(name)]
        for k, name in zip(record.labels.tolist(), record.names, strict=True)
    ]
    writer.add_embedding(
        record.vectors, metadata, metadata_header=["label", "name"], tag="pictures"
    )
