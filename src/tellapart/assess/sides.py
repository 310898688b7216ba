"""Which pictures are learnt from and which tested, as far as the source or the caller says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from ..dataset.labels import Labels
from ..dataset.sources import Dataset, Item, Items, read_dataset
from ..errors import DatasetError, UsageError, option
from ..text import first_few, shown


def choose_sides(
    dataset: Dataset, test: float | Path | str | None = None, *, follow_links: bool = False
) -> Dataset:
    """All pictures to embed, each marked "train" or "test", or None where the hash shall decide.

    What the source says is for testing is tested on; what it says is for validation is tested on
    where nothing else is, and otherwise trained on, because settings are cross-validated. Where it
    says of nothing that it is for either, all is for the hash to decide. Notes say which part was
    used for what.

    Raises:
        DatasetError: what is for testing has none of the labels that are learnt, or one that
            differs from one of them only in what few would see.
        UsageError: a fraction is asked for, and the source says itself what is for testing.
    """
    said = set(dataset.items.splits)
    if isinstance(test, Path | str):
        other = read_dataset(test, follow_links=follow_links, at_least=1)
        part, notes = other.to_test()
        joined = _joined(_all_to_learn(dataset), replace(part, notes=part.notes + notes))
        return _tested(joined, other.subject)
    if test == 0:
        return _all_to_learn(dataset)
    if said <= {None, "train"}:
        if said <= {None}:
            return dataset
        return _with_items(dataset, (_on_side(item, None) for item in dataset.items))
    if test is not None:
        raise UsageError(
            f"{dataset.subject} already says which pictures are for testing.",
            hint=f"Leave out {option('test')}, or give {option('test=0')} to train without "
            "testing.",
        )
    held = dataset.held
    sides = ("test" if item.split == held else "train" for item in dataset.items)
    known = _tested(_with_items(dataset, map(_on_side, dataset.items, sides)), dataset.subject)
    return _with_note(known, "Held out for testing", held)


def _tested(dataset: Dataset, source: str) -> Dataset:
    """The same data set, if any picture that `source` has for testing can be judged."""
    learnt, tested = (dataset.only(side).labels for side in ("train", "test"))
    if not set(learnt) & set(tested):
        raise DatasetError(
            f"{source} has no test picture of any training label. Its test labels: "
            f"{', '.join(map(shown, tested))}. Its training labels: "
            f"{', '.join(map(shown, learnt))}.",
            hint=f"Use the same folder names in both, or give {option('test=0')} to train without "
            "testing.",
        )
    return dataset


def _all_to_learn(dataset: Dataset) -> Dataset:
    """Without what the source has for testing, where other pictures or none are to test on."""
    ours = (item for item in dataset.items if item.split != "test")
    learnt = _with_items(dataset, (_on_side(item, "train") for item in ours))
    return _with_note(learnt, "Not used", "test") if dataset.held else learnt


def _with_note(dataset: Dataset, what: str, split: str | None) -> Dataset:
    """The same, with a note on which parts were learnt from, and `what` is done with a split."""
    learnt = [name for kind, name in dataset.parts if kind != split]
    others = [name for kind, name in dataset.parts if kind == split]
    rest = f" {what}: {first_few(others)}." if others else ""
    note = f"Learnt from: {first_few(learnt) or 'all pictures without a mark'}.{rest}"
    return replace(dataset, notes=(*dataset.notes, note))


def _joined(learn: Dataset, test: Dataset) -> Dataset:
    """Both as one; names of the pictures to test on begin with the name of their source.

    A label is written as in `learn`, where both have it.
    """
    name = test.source.name
    known = Labels(learn.labels).known(test.labels, test.called, "one to learn")
    items = (
        replace(i, split="test", name=f"{name}/{i.name}", label=known.get(i.label, i.label))
        for i in test.items
    )
    return replace(
        learn,
        items=Items(chain(learn.items, items)),
        skipped=learn.skipped
        + tuple(replace(file, name=f"{name}/{file.name}") for file in test.skipped),
        hidden=learn.hidden + test.hidden,
        notes=learn.notes + test.notes,
        test_source=test.source,
        kept=learn.kept | {f"{name}/{one}" for one in test.kept},
        _workspaces=learn._workspaces + test._workspaces,
    )


def _with_items(dataset: Dataset, items: Iterable[Item]) -> Dataset:
    return replace(dataset, items=Items(items))


def _on_side(item: Item, side: str | None) -> Item:
    return replace(item, split=side)
