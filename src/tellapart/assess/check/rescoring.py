"""What decisions do to the accuracy, told at once: no picture is read, and no setting chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...evaluation.metrics import Proportion
from ...head.cross_validation import out_of_fold
from ...workers.local import one_thread_each
from .looked import Looked
from .mending import DROP, GROUP, RELABEL, Mend


@one_thread_each()
def accuracy_after(looked: Looked, mends: Sequence[Mend]) -> Proportion:
    """How many pictures are right out of fold once these decisions are made, in their order.

    The heads are of the recipe that cross-validation chose for the pictures as they were, and the
    folds are the same but for pictures that were grouped: so a difference is of the decisions.
    """
    assert looked.found.recipe
    place = {looked.name(row): row for row in range(len(looked.rows))}
    labels = list(looked.pictures.labels)
    truth, fold = looked.truth.copy(), looked.fold.copy()
    left_in = np.ones(len(truth), bool)
    for mend in mends:
        rows = [place[name] for name in mend.names if name in place]
        if mend.how == RELABEL:
            if mend.value not in labels:
                labels.append(mend.value)
            truth[rows] = labels.index(mend.value)
        elif mend.how == DROP:
            left_in[rows] = False
        elif mend.how == GROUP:
            fold[rows] = fold[rows[:1]]
    truth, fold = truth[left_in], fold[left_in]
    found = out_of_fold(
        looked.vectors[left_in], truth, len(labels), fold, looked.found.recipe.roughly
    )
    judged = np.isin(fold, list(found.heads))
    right = (found.logits.argmax(axis=1) == truth) & judged
    return Proportion(int(right.sum()), int(judged.sum()))
