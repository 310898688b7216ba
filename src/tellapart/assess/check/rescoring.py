"""What decisions do to the accuracy: as a check says it afterwards, or about so where that takes
long. No picture is read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from ...backbones.embed import Embeddings
from ...dataset.sources import Items
from ...errors import DatasetError
from ...evaluation.metrics import Proportion
from ...files.columns import taken
from ...head.cross_validation import out_of_fold
from ...workers.local import one_thread_each
from ..pictures import gather
from .checking import look
from .looked import Looked
from .mending import DROP, GROUP, RELABEL, Mend


def accuracy_after(looked: Looked, mends: Sequence[Mend]) -> Proportion:
    """How many pictures are right out of fold once these decisions are made, in their order: what a
    check of the pictures says then, whose folds and heads are chosen anew. Of none where fewer than
    two labels are left."""
    if not mends:
        return looked.accuracy
    pictures = looked.pictures
    row_of = {
        (name, pictures.labels[k]): row
        for row, (name, k) in enumerate(zip(pictures.names, pictures.truth, strict=True))
    }
    label_of, group_of, dropped = _decided(mends)
    items, rows = [], []
    for item in looked.dataset.items:
        row = row_of.get((item.name, item.label))
        if row is not None and item.name not in dropped:
            label = label_of.get(item.name, item.label)
            group = group_of.get(item.name, item.group)
            items.append(replace(item, label=label, group=group))
            rows.append(row)
    embeddings = Embeddings(
        pictures.vectors[rows],
        pictures.properties[rows] if pictures.properties is not None else np.zeros((len(rows), 0)),
        taken(pictures.digests, rows),
        np.arange(len(rows)),
        {},
    )
    dataset = replace(looked.dataset, items=Items(items))
    try:
        return look(dataset, gather(dataset, embeddings, 0.0, looked.asked)).accuracy
    except DatasetError:
        return Proportion(0, 0)


@one_thread_each()
def accuracy_about_after(looked: Looked, mends: Sequence[Mend]) -> Proportion:
    """About the same, sooner: heads of the recipe that was chosen for the pictures as they were, on
    the same folds but for pictures that were grouped, say by how many more or fewer are right. Of
    very many pictures, those decided about and a sample of the others say it."""
    if not mends or looked.found.recipe is None:
        return looked.accuracy
    label_of, group_of, dropped = _decided(mends)
    rows = _rows_for(looked, {*label_of, *group_of, *dropped})
    first, then = _roughly(looked, (), rows), _roughly(looked, mends, rows)
    correct = looked.accuracy.correct + then.correct - first.correct
    count = looked.accuracy.n + then.n - first.n
    return Proportion(min(max(correct, 0), count), count)


def _decided(mends: Sequence[Mend]) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """The labels and the groups that pictures get, by name, and those that are left out."""
    label_of: dict[str, str] = {}
    group_of: dict[str, str] = {}
    dropped: set[str] = set()
    for mend in mends:
        if mend.how == RELABEL:
            label_of |= dict.fromkeys(mend.names, mend.value)
        elif mend.how == GROUP:
            group_of |= dict.fromkeys(mend.names, mend.value)
        elif mend.how == DROP:
            dropped.update(mend.names)
    return label_of, group_of, dropped


def _roughly(looked: Looked, mends: Sequence[Mend], rows: np.ndarray) -> Proportion:
    assert looked.found.recipe
    label_of, group_of, dropped = _decided(mends)
    names = [looked.name(row) for row in rows.tolist()]
    place = {name: at for at, name in enumerate(names)}
    labels = list(dict.fromkeys((*looked.pictures.labels, *label_of.values())))
    truth, fold = looked.truth[rows], looked.fold[rows]
    for name, label in label_of.items():
        if name in place:
            truth[place[name]] = labels.index(label)
    first: dict[str, int] = {}
    for name, group in group_of.items():
        if name in place:
            fold[place[name]] = fold[first.setdefault(group, place[name])]
    left_in = np.array([name not in dropped for name in names], bool)
    truth, fold = truth[left_in], fold[left_in]
    vectors = looked.vectors[rows[left_in]]
    found = out_of_fold(vectors, truth, len(labels), fold, looked.found.recipe.roughly)
    judged = np.isin(fold, list(found.heads))
    right = (found.given == truth) & judged
    return Proportion(int(right.sum()), int(judged.sum()))


def _rows_for(looked: Looked, names: Collection[str]) -> np.ndarray:
    """All that are learnt from; of very many a sample, and those with these names."""
    if not looked.many:
        return np.arange(len(looked.rows))
    named = [row for row in range(len(looked.rows)) if looked.name(row) in names]
    return np.unique(np.concatenate([looked.sampled(), np.array(named, np.int64)]))
