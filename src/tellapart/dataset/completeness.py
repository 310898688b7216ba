"""Whether a data set has what is needed to learn from it, and if not, what it lacks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DatasetError, option
from ..text import first_few, several, shown
from .decision import place_of_decisions, undo_words
from .items import Items
from .labels import check_not_ours, distinct
from .walk import LINK

if TYPE_CHECKING:
    from .sources import Dataset


def finished(dataset: Dataset, at_least: int) -> Dataset:
    """The same data set, if it has pictures of at least `at_least` labels, each with one spelling.

    Raises:
        DatasetError: it has fewer labels, or two that are easy to confuse.
    """
    _check_labels(dataset, at_least)
    if at_least > 1:
        check_not_ours(dataset.labels)
    written = distinct(dataset.labels)
    if all(label == way for label, way in written.items()):
        return dataset
    items = (replace(i, label=written[i.label]) for i in dataset.items)
    return replace(dataset, items=Items(items))


def _check_labels(dataset: Dataset, at_least: int) -> None:
    """Enough labels with pictures to learn from."""
    said = set(dataset.items.splits)
    named = first_few([name for _, name in dataset.parts])
    if at_least > 1 and said and not said & {None, "train"}:
        raise DatasetError(
            f"{dataset.subject} has pictures for validation or testing ({named}), but none "
            f"to learn from.",
            hint="Give the name train to the part that the model should learn from.",
        )
    counts = dataset.only(None, "train", "validation").counts if at_least > 1 else dataset.counts
    if len(counts) < at_least:
        found = first_few([f"{label} ({n})" for label, n in counts.items()], 20) or "none"
        hint = "Put the pictures of each label into a folder that has the label's name."
        if dataset.given:
            hint = "Give pictures of each label."
        if any(file.reason == LINK for file in dataset.skipped):
            hint = f"If a link leads to a label's pictures, give {option('follow_links=True')}."
        elif len(counts) == 1 and not dataset.given and (inner := _folders_of_the_only(dataset)):
            hint = f"If the labels are the folders of {shown(inner)}, give that."
        if not counts and (dataset.source / "model.onnx").is_file():
            hint = "This is a model. Give the folder of the pictures to learn from."
        if len(replace(dataset, items=dataset.unmended).counts) > len(dataset.counts):
            hint = (
                f"{shown(place_of_decisions(dataset.source).name)} leaves out the others, or "
                f"relabels them. To take decisions back: {undo_words(dataset.written)}."
            )
        raise DatasetError(
            f"{dataset.subject} needs pictures of at least {several(at_least, 'label')}; "
            f"found: {found}.{_passed_over(dataset)}",
            hint=hint,
        )


def _folders_of_the_only(dataset: Dataset) -> Path | None:
    """The only label's folder, where its pictures are all in folders of it."""
    folder = dataset.source / dataset.items[0].label
    deep = all(len(Path(name).parts) > 2 for name in dataset.items.names)
    return folder if deep and folder.is_dir() else None


def _passed_over(dataset: Dataset) -> str:
    if not dataset.skipped:
        return ""
    first = dataset.skipped[0]
    count = several(len(dataset.skipped), "file")
    return f" Passed over: {count}, such as {shown(first.name)} ({first.reason})."
