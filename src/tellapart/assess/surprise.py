"""Whether a test says less than the training did, and which test pictures are of one occasion.

A tested figure below the one that training gave, by more than chance, is news: the pictures are of
another place or day, or those learnt from came in bursts and the training judged the same moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..dataset.sources import Item
from ..dataset.split import tie
from ..evaluation.judged import Evaluation
from ..evaluation.sentences import bounds, headline
from ..model.classifier import Classifier
from ..model.judged import evaluations_of
from ..model.observe import Observation
from ..text import percent
from .occasions import occasions_of

NAMED = 0.5  # of the pictures have to have a group in the source for that to say enough


def occasions_of_test(
    tested: Sequence[tuple[Item, Observation]], truth: np.ndarray
) -> np.ndarray | None:
    """The group of each of N tested pictures with labels int `[N]`, where they come in bursts, or
    where the source says so of most; None where each stands alone."""
    digests = [seen.digest for _, seen in tested]
    named = [item.group for item, _ in tested]
    groups = tie(digests, named).used()[1]
    vectors = np.stack([seen.embedding for _, seen in tested])
    known = sum(one is not None for one in named) >= NAMED * len(tested)
    return occasions_of(vectors, truth, groups, known=known)


def surprise_words(classifier: Classifier, tested: Evaluation) -> Iterator[str]:
    """What it means that the test is below what the training said, where that is no chance."""
    if not classifier.training_record:
        return
    name, judged = headline(evaluations_of(classifier))
    said, found = judged.accuracy, tested.accuracy
    if not (said.n and found.n) or found.interval[1] >= said.interval[0]:
        return
    figures = (
        f"{percent(found.value)} tested ({bounds(found)}) is less than the {percent(said.value)} "
        f"{name} ({bounds(said)}) that training gave, by more than chance."
    )
    bursts = classifier.training_record.run.bursts
    if bursts.parted:
        of_others = f": {bursts.range} % was to be expected of others" if bursts.range else ""
        yield (
            f"{figures} The pictures it learnt from come in bursts, so that figure is of the same "
            f"moments{of_others}. Expect the tested figure of new pictures."
        )
    else:
        yield (
            f"{figures} The tested pictures are of another kind than those it learnt from: perhaps "
            "of another place, day, camera or person. Expect the tested figure of pictures like "
            "these, and let it learn from some of them."
        )
