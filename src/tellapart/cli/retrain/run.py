"""What retrain.py did, asked for in its own words: its steps, its files, its log.

    Retraining -> train -> our model folder, labels, graph, graphs of the steps between, SavedModel

`flags.py` reads the command line. The graphs are exports: TensorFlow writes them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ...errors import DestinationError, MissingExtraError, TellapartError, need
from ...exporters.export import export
from ...exporters.tensorflow_target import original_labels
from ...files.atomic import cannot_write, write_atomically
from ...files.folders import check_may_be_replaced, folder_written_atomically
from ...files.reading import read_head
from ...files.workspaces import temporary_folder
from ...head.sgd import SgdStep
from ...images.kinds import FORMATS, sniff
from ...model.folder import check_replaceable, replaced_in
from ...model.replacing import Change, check_before_work
from ...text import shown
from ...training.options import Watch
from ...training.result import TrainResult
from ...training.train import train
from .flags import FINAL_TENSOR, Retraining, read_flags, spelt

__all__ = ["Retrained", "Retraining", "final_lines", "read_flags", "retrain", "step_lines"]


@dataclass(frozen=True)
class Retrained:
    """What came of it: `written` are all files and folders, `missing` why there is no graph, and
    `changed` what is different from the model that was replaced."""

    retraining: Retraining
    result: TrainResult
    written: tuple[Path, ...]
    missing: MissingExtraError | None
    changed: Change | None = None


def retrain(retraining: Retraining, watch: Watch) -> Retrained:
    """Train by the original's steps, and write what it wrote, and our model folder.

    Raises:
        MissingExtraError: something that TensorFlow is needed for was asked for; before training.
        DestinationError: a file cannot be written, or the folder for the saved model is not empty.
    """
    with _in_its_words():
        return _retrain(retraining, watch)


def _retrain(retraining: Retraining, watch: Watch) -> Retrained:
    flags, saved = retraining.flags, Path(retraining.flags.saved_model_dir)
    with _in_its_words("--output_model"):
        check_replaceable(retraining.model)
        old = None if flags.replace_model else replaced_in(retraining.model)
        if old:
            check_before_work(retraining.model, old, flags.image_dir, follow_links=False)
    if flags.saved_model_dir and saved.exists() and (not saved.is_dir() or any(saved.iterdir())):
        raise DestinationError(
            f"{shown(saved)} already contains something.", hint="Choose another folder."
        )
    if flags.saved_model_dir:
        check_may_be_replaced(saved)
    _check_no_picture(Path(flags.output_labels))
    _check_no_picture(Path(flags.output_graph))
    if retraining.needs_tensorflow and find_spec("tensorflow") is None:
        raise need("tensorflow", why="TensorFlow")
    result = _train(retraining, watch)
    with _in_its_words("--output_model"):
        changed = result.replaces(retraining.model)
        result.save(retraining.model, replace=flags.replace_model)
    labels, graph = Path(flags.output_labels), Path(flags.output_graph)
    with _in_its_words("--output_labels"):
        _write(labels, _lines(original_labels(result.classifier.labels)))
    written, missing = [retraining.model, labels], None
    try:
        with _in_its_words("--output_graph"):
            _write_graph(result, graph, flags.final_tensor_name)
        written.append(graph)
    except MissingExtraError as error:
        missing = error
    for step in retraining.intermediate:
        path = Path(flags.intermediate_output_graphs_dir, f"intermediate_{step}.pb")
        before = _train(retraining, Watch(), step + 1)
        with _in_its_words("--intermediate_output_graphs_dir"):
            _write_graph(before, path, flags.final_tensor_name)
        written.append(path)
    if flags.saved_model_dir:
        with (
            _in_its_words("--saved_model_dir"),
            _exported(result, "saved-model") as folder,
            folder_written_atomically(saved) as new,
        ):
            shutil.copytree(folder / "model" / "1", new, dirs_exist_ok=True)
        written.append(saved)
    return Retrained(retraining, result, tuple(written), missing, changed)


@contextmanager
def _in_its_words(destination: str = "") -> Iterator[None]:
    """Errors call settings by this command's flags; `destination` is the flag that says where what
    is just being written goes."""
    try:
        yield
    except TellapartError as error:
        raise error.spelt(partial(spelt, destination=destination)) from error


def _train(retraining: Retraining, watch: Watch, steps: int = 0) -> TrainResult:
    """Train as asked; or only so many steps, which are the first ones of the whole training."""
    engine = retraining.engine
    if engine and steps:
        engine = replace(engine, summaries=None, checkpoints=None)
    return train(
        retraining.flags.image_dir,
        quality=retraining.quality,
        test=retraining.share,
        sgd=replace(retraining.sgd, steps=steps) if steps else retraining.sgd,
        engine=engine,
        groups="none",
        cache=retraining.cache,
        watch=watch,
    )


@contextmanager
def _exported(result: TrainResult, target: str) -> Iterator[Path]:
    """An export, proved on the training pictures, in a folder that passes."""
    record = result.classifier.training_record
    pictures = record.files() if record else []
    with temporary_folder() as place:
        folder = Path(place, target)
        with _in_its_words():
            export(result.classifier, target, folder, pictures)
        yield folder


def _write_graph(result: TrainResult, path: Path, final_tensor: str) -> None:
    with _exported(result, "tensorflow-graph") as folder:
        graph = (folder / "retrained_graph.pb").read_bytes()
    _write(path, with_output_named(graph, final_tensor))


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _check_no_picture(path: Path) -> None:
    """The 2016 program wrote over whatever was there; we do not over a picture."""
    if path.is_file() and sniff(read_head(path)) in FORMATS:
        raise DestinationError(
            f"{shown(path)} is a picture, and is not overwritten.", hint="Choose another place."
        )


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise cannot_write(path, error) from error


def with_output_named(graph: bytes, name: str) -> bytes:
    """A GraphDef whose node `final_result`, which no other node reads, has another name.

    A GraphDef is a list of fields (tag, length, content); field 1 is a node, whose first field is
    its name: https://protobuf.dev/programming-guides/encoding
    """
    if name == FINAL_TENSOR:
        return graph
    old = b"\x0a" + _varint(len(FINAL_TENSOR)) + FINAL_TENSOR.encode()
    new = b"\x0a" + _varint(len(name)) + name.encode()
    parts, at = [], 0
    while at < len(graph):
        start, tag = at, graph[at]
        size, at = _read_varint(graph, at + 1)
        content, at = graph[at : at + size], at + size
        if tag == 0x0A and content.startswith(old):
            content = new + content.removeprefix(old)
            parts.append(bytes([tag]) + _varint(len(content)) + content)
        else:
            parts.append(graph[start:at])
    return b"".join(parts)


def _varint(number: int) -> bytes:
    rest = bytearray()
    while number > 0x7F:
        rest.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*rest, number])


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    number = shift = 0
    while content[at] & 0x80:
        number |= (content[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | content[at] << shift, at + 1


def step_lines(step: SgdStep) -> list[str]:
    """The original's log of a step."""
    lines = [
        f"Train accuracy = {100 * step.train_accuracy:.1f}%",
        f"Cross entropy = {step.cross_entropy:f}",
    ]
    if step.validation_accuracy == step.validation_accuracy:  # not nan: there are such pictures
        lines.append(f"Validation accuracy = {100 * step.validation_accuracy:.1f}%")
    return [f"Step {step.step}: {line}" for line in lines]


def final_lines(done: Retrained) -> list[str]:
    """The original's last lines: how good it is, what was wrong, and what was written."""
    held = done.result.held_out
    if held:
        share = held.accuracy
        lines = [f"Final test accuracy = {100 * share.value:.1f}% (N={share.n})"]
    else:
        lines = ["No picture was held out, so there is no final test."]
    if done.retraining.flags.print_misclassified_test_images and held:
        lines.append("=== MISCLASSIFIED TEST IMAGES ===")
        lines += [f"{shown(wrong.name):>70}  {shown(wrong.predicted)}" for wrong in held.mistakes]
    if done.changed:
        lines.append(f"Changed: {done.changed.words}")
    if done.changed and done.changed.kept:
        lines.append(f"The model before is kept: {shown(done.changed.kept)}")
    return [*lines, *(f"Save final result to : {shown(path)}" for path in done.written)]
